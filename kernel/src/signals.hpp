// SIGINT and SIGTERM as a call, for as long as this object lives: the first ends the program in order, the
// second at once. SIGHUP is a call of its own, SIGPIPE is ignored. Used by kernel::run.
#pragma once

#include <csignal>
#include <functional>
#include <thread>

namespace plexus::kernel {

class termination_signals {
  public:
    /// Both run on a thread of this object; `hangup` each time that SIGHUP comes.
    termination_signals(std::function<void()> first, std::function<void()> hangup);
    ~termination_signals();
    termination_signals(const termination_signals&) = delete;
    termination_signals& operator=(const termination_signals&) = delete;

  private:
    void wait(const std::function<void()>& first, const std::function<void()>& hangup) const;

    sigset_t before_{};
    int signals_ = -1;
    int end_ = -1;
    std::thread thread_;
};

} // namespace plexus::kernel
