// Processes under measurement: a server of ours with a folder of its own, and what a process has used.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace plexus::bench {

/// CPU time of all threads of a process, user and system.
double cpu_seconds(pid_t pid);
/// Resident memory.
std::size_t resident_bytes(pid_t pid);
/// For the first line of a report: the processor and how many of it.
std::string machine();

/// `plexusd init` and `plexusd start` in a new temporary folder; ended and removed with the object.
class server_process {
  public:
    explicit server_process(const std::string& plexusd);
    server_process(const server_process&) = delete;
    server_process& operator=(const server_process&) = delete;
    ~server_process();

    pid_t pid() const noexcept { return pid_; }
    const std::string& address() const noexcept { return address_; }
    const std::string& folder() const noexcept { return folder_; }
    /// From the start of the process to the first accepted connection.
    double start_seconds() const noexcept { return start_seconds_; }

  private:
    std::string folder_;
    std::string address_;
    pid_t pid_ = -1;
    double start_seconds_ = 0;
};

} // namespace plexus::bench
