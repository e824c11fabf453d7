// The workloads: each puts one kind of load on a server and says what it found. main runs the one that was
// asked for, on one server or on two.
#pragma once

#include "options.hpp"
#include "report.hpp"

namespace plexus::bench {

/// Figures that must be 0: messages that were acknowledged to their sender and not delivered, or delivered
/// again after they were acknowledged by their recipient.
inline constexpr const char* lost_key = "messages_lost";
inline constexpr const char* doubled_key = "messages_doubled";

result<figures> run_throughput(const target& to, const options& with);
result<figures> run_latency(const target& to, const options& with);
result<figures> run_idle(const target& to, const options& with);
result<figures> run_subscribe(const target& to, const options& with);
result<figures> run_restart(target& to, const options& with);
result<figures> run_crash(target& to, const options& with);
result<figures> run_soak(const target& to, const options& with);
result<figures> run_attack(const target& to, const options& with);

} // namespace plexus::bench
