// The daily line of statistics, with the columns of the official server. Used by the plugin.
#pragma once

#include <boost/json/object.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace plexus::smp_admin {

/// When the line of a day that began (or was last written) at `from` is due: the next time of day `at`, UTC.
std::chrono::seconds due_after(std::chrono::seconds from, std::chrono::seconds at);

/// "2026-11-23", UTC.
std::string date_of(std::chrono::seconds time);

/// The periods that end when a line is written at that time: "day", on Mondays "week", on the first "month".
std::vector<std::string> periods_ending(std::chrono::seconds time);

/// The line, without a newline. `before` holds the counters as they were at `from`, `now` as they are at
/// `time`. Counters that the server does not know are 0, and periods that do not end are empty.
std::string daily_line(const boost::json::object& before, const boost::json::object& now,
                       std::chrono::seconds from, std::chrono::seconds time);

} // namespace plexus::smp_admin
