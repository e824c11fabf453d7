// What a workload found: figures with names and units, of one server or of two beside each other. Printed as
// JSON or as a table for people.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace plexus::bench {

enum class unit : unsigned char { count, per_second, microseconds, milliseconds, seconds, bytes, ratio };

struct figure {
    const char* key;   ///< in JSON; the unit is part of it
    const char* label; ///< in the table
    unit in;
    double value;
};
using figures = std::vector<figure>;

/// The value of that key; 0 if it is not there.
double value_of(const figures& from, std::string_view key) noexcept;
/// The median of each figure over several runs that measured the same.
figures median_of(const std::vector<figures>& runs);

struct server_report {
    std::string address; ///< without its password
    figures measured;
};

struct report {
    std::string workload;
    std::string machine;
    std::vector<std::pair<std::string, std::string>> options; ///< as they were in force
    std::vector<server_report> servers;                       ///< one or two
};

/// "1.53 ms", "206 KB", "12,345": three digits and a unit.
std::string shown(double value, unit in);
std::string to_json(const report& from);
/// One line a figure; with two servers a column each and their ratio.
std::string to_table(const report& from, bool colours);

} // namespace plexus::bench
