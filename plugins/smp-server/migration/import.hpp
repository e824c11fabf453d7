// `plexusd import OFFICIAL_DIR... DIR`: the folders of an official server become one of ours: the same
// address, queues, links and waiting messages.
#pragma once

#include "init_command.hpp"

namespace plexus::smp_server {

/// Exit codes of import and export beside 0: done, but something was damaged or has no counterpart; it was
/// listed.
inline constexpr std::int32_t exit_incomplete = 3;

result<std::int32_t> run_import(const init_call& call);
result<std::int32_t> run_export(const init_call& call);

} // namespace plexus::smp_server
