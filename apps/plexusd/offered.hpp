// Commands that plugins offer: their options become those of the command line.
#pragma once

#include <string>
#include <vector>

#include "builtin.hpp"
#include "plexus/kernel/command.hpp"

namespace plexus::plexusd {

/// Parses what follows the command by its schema and runs it.
int run_offered(const kernel::plugin_command& command, const invocation& call);

} // namespace plexus::plexusd
