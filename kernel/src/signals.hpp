// SIGINT and SIGTERM as a call, for as long as this object lives: the first ends the program in order, the
// second at once. SIGHUP and SIGPIPE are ignored. Used by kernel::run.
#pragma once

#include <csignal>
#include <functional>
#include <thread>

namespace plexus::kernel {

class termination_signals {
  public:
    /// `first` runs on a thread of this object.
    explicit termination_signals(std::function<void()> first);
    ~termination_signals();
    termination_signals(const termination_signals&) = delete;
    termination_signals& operator=(const termination_signals&) = delete;

  private:
    void wait(const std::function<void()>& first) const;

    sigset_t before_{};
    int signals_ = -1;
    int end_ = -1;
    std::thread thread_;
};

} // namespace plexus::kernel
