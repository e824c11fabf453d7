// One run of the simulation: people talk through servers while machines crash and the network fails, all by
// one seed. What they were promised is kept in a ledger and checked at the end.
#pragma once

#include "agent_user.hpp"

#include <deque>

namespace plexus::test {

struct run_report {
    std::uint64_t trace = 0;
    std::uint64_t steps = 0;
    std::size_t crashes = 0;
    std::size_t cuts = 0;
    std::size_t stalls = 0;
    std::size_t messages = 0; ///< accepted from their senders
    std::vector<std::string> problems;
};

/// The whole run. `tell` gets what happens, a line each.
run_report run_conversation(std::uint64_t seed, const std::function<void(const std::string&)>& tell = {});

} // namespace plexus::test
