// The chat's JSON answers and events as lines for people. Pure; everything that a peer wrote is made harmless
// here.
#pragma once

#include "style.hpp"

#include <boost/json/object.hpp>

#include <string>

namespace plexus::ui_terminal {

struct view_options {
    style colours;
    bool qr_codes = false;
};

/// Lines, each with its line break; empty for what is not shown.
std::string show_answer(const boost::json::object& answer, const view_options& options);
std::string show_event(const boost::json::object& event, const view_options& options);

/// Why a command failed, or empty if the answer is no error.
std::string error_text(const boost::json::object& answer);
std::string help_text(const style& colours);

/// Members of JSON objects; empty where there is none of that type.
std::string text_in(const boost::json::object& object, std::string_view name);
const boost::json::object& object_in(const boost::json::object& object, std::string_view name);
const boost::json::array& array_in(const boost::json::object& object, std::string_view name);

} // namespace plexus::ui_terminal
