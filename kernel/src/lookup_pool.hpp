// Name resolution by the system, on a few threads that come when they are needed. A lookup that hangs does
// not hold back the end of the program. Used by the Asio loop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "plexus/kernel/loop_backend.hpp"

namespace plexus::kernel {

class lookup_pool {
  public:
    lookup_pool();
    ~lookup_pool();
    lookup_pool(const lookup_pool&) = delete;
    lookup_pool& operator=(const lookup_pool&) = delete;

    /// `done` runs on one of the pool's threads. [any-thread]
    void lookup(std::string host, std::uint32_t port, std::function<void(lookup_result)> done);
    /// After this no `done` runs any more; those that wait are dropped.
    void close();

  private:
    struct state;
    std::shared_ptr<state> state_;
};

} // namespace plexus::kernel
