// `plexusd backup`, `compact`, `verify` and `repair`: what people do with the stores of a deployment.
#pragma once

#include "plexus/abi/plugin.h"
#include "plexus/host.hpp"

#include <array>
#include <functional>

namespace plexus::store_lmdb {

extern const std::array<plexus_command_info, 4> commands;

struct command_call {
    host_ref host;
    std::vector<std::string> arguments;
    std::function<void(std::string_view text)> print; ///< to standard output
    std::function<void(std::string_view text)> note;  ///< to standard error
};

/// The exit code.
result<std::int32_t> run_command(std::string_view name, const command_call& call);

} // namespace plexus::store_lmdb
