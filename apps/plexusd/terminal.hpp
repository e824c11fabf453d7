// How plexusd talks to people: exit codes, errors in red where that is wanted.
#pragma once

#include <string_view>

namespace plexus::plexusd {

enum exit_code { exit_ok = 0, exit_failed = 1, exit_usage = 2 };

/// "plexusd: TEXT" to standard error; red on a terminal, unless NO_COLOR is set.
void print_error(std::string_view text);
void print(std::string_view text);

/// print_error, and how to get help.
int usage_error(std::string_view text);

} // namespace plexus::plexusd
