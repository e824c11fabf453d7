// plexusd ctl DIR COMMAND: asks the server that runs in a folder, through its admin socket. Used by the
// plugin.
#pragma once

#include "plexus/abi/plugin.h"
#include "plexus/host.hpp"

#include <array>
#include <functional>

namespace plexus::smp_admin {

extern const std::array<plexus_command_info, 1> ctl_commands;
constexpr const char* socket_name = "admin.sock";

struct ctl_call {
    config_view options;
    std::vector<std::string> arguments;
    std::function<void(bool to_error, std::string_view text)> print;
};

/// The exit code: 1 if the server says no.
result<std::int32_t> run_ctl(const ctl_call& call);

} // namespace plexus::smp_admin
