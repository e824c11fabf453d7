// Tells the service manager how the program is (sd_notify(3): a datagram to $NOTIFY_SOCKET, nothing without
// one), and feeds its watchdog for as long as every shard runs what it is given. Used by kernel::run.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "plexus/kernel/loop_backend.hpp"

namespace plexus::kernel {

class service_manager {
  public:
    /// `owner` is whose the watchdog's tasks are. Reads $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID.
    service_manager(loop_backend& loop, activity& owner);
    ~service_manager();
    service_manager(const service_manager&) = delete;
    service_manager& operator=(const service_manager&) = delete;

    /// The program serves: the watchdog begins.
    void ready();
    /// ready() ends it.
    void reloading();
    void stopping();

  private:
    void tell(std::string_view state) const;
    void watch();

    loop_backend& loop_;
    activity& owner_;
    std::string socket_;
    std::uint64_t watchdog_us_ = 0;
    std::mutex mutex_;
    std::condition_variable wake_;
    bool ends_ = false;
    std::thread watchdog_;
};

} // namespace plexus::kernel
