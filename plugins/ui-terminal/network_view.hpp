// The answer to /network and the proxy's progress as lines for people.
#pragma once

#include "style.hpp"

#include <boost/json/object.hpp>

namespace plexus::ui_terminal {

std::string show_network(const boost::json::object& answer, const style& colours);
std::string show_proxy(const boost::json::object& proxy, const style& colours);

} // namespace plexus::ui_terminal
