// An answer of the server for people: a line for each number, a table for each list. Used by the command ctl.
#pragma once

#include <boost/json/object.hpp>

#include <string>

namespace plexus::smp_admin {

std::string readable(const boost::json::object& answer);

} // namespace plexus::smp_admin
