// The commands of the plugin. `plexusd init DIR` makes the folder of a private server: certificates, keys,
// configuration and its address; it can be run again without harm. `import` and `export` are in migration/.
#pragma once

#include "plexus/host.hpp"

#include "plexus/abi/plugin.h"

#include <functional>

namespace plexus::smp_server {

extern const std::array<plexus_command_info, 3> init_commands;

struct init_call {
    config_view options;
    std::vector<std::string> arguments;
    std::function<void(std::string_view text)> print; ///< to standard output
    std::function<void(std::string_view text)> note;  ///< to standard error
    host_ref host{nullptr};
    const plexus_random* random = nullptr;
    const plexus_clock* clock = nullptr;
};

/// The exit code.
result<std::int32_t> run_command(std::string_view name, const init_call& call);

} // namespace plexus::smp_server
