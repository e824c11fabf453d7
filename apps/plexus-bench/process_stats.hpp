// What a process on this machine has used: CPU time and memory, read from the kernel. Workloads read the
// server's before and after.
#pragma once

#include "plexus/result.hpp"

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace plexus::bench {

struct memory_use {
    std::uint64_t anonymous = 0; ///< RssAnon in bytes: private memory
    std::uint64_t file = 0;      ///< RssFile in bytes: mapped files
};

/// Seconds of CPU time, user and system, of all threads, also of those that have ended. Errors of both: the
/// process is gone, or may not be looked at.
result<double> cpu_of(pid_t pid);
result<memory_use> memory_of(pid_t pid);
/// A decimal number, or the name of one process that runs: its command name, or that of its program file.
result<pid_t> find_process(std::string_view pid_or_name);
/// The process that listens on this TCP port; an error if it is on another machine or another user's.
result<pid_t> find_listener(std::uint16_t port);

/// CPU seconds of the calling thread.
double thread_cpu();
/// For the head of a report: the processor and how many of it.
std::string machine();

} // namespace plexus::bench
