// A server that this program starts and stops, by the command that it was given: for the workloads that look
// at starts and crashes.
#pragma once

#include "target.hpp"

namespace plexus::bench {

class server_process {
  public:
    /// `command` runs the server in the foreground; what it says goes to `log_file`.
    server_process(std::vector<std::string> command, std::string log_file);
    server_process(const server_process&) = delete;
    server_process& operator=(const server_process&) = delete;
    /// Kills what still runs.
    ~server_process();

    /// Returns when the server accepts connections; `to.pid` is its process then. The result is how many
    /// seconds that took. Errors: something listens there already, the command ended, or it takes minutes.
    result<double> start(target& to);
    /// Asks it to end, as a service manager does, and waits. The result is how many seconds that took.
    result<double> stop();
    /// kill -9.
    void kill();

  private:
    bool has_ended();

    std::vector<std::string> command_;
    std::string log_file_;
    pid_t pid_ = -1; ///< and its process group: the command may be a script
};

} // namespace plexus::bench
