// A host for one or more plugin instances on the test's own thread: shards are queues that take turns,
// descriptors are real, so that a test can look between any two steps.
#pragma once

#include "plexus/abi/host.h"
#include "plexus/abi/plugin.h"
#include "plexus/bytes.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace plexus::test {

class fake_host {
  public:
    explicit fake_host(std::uint32_t shards = 2);
    ~fake_host();
    fake_host(const fake_host&) = delete;
    fake_host& operator=(const fake_host&) = delete;

    /// Values of the configuration, before init.
    std::map<std::string, std::string> texts;
    std::map<std::string, std::int64_t> integers;
    /// Handed out as plexus.carrier/1.
    const plexus_service* lower = nullptr;
    std::vector<std::string> log;
    std::vector<std::string> resolved; ///< names that the resolver was asked for

    const plexus_host* table() const noexcept { return &host_; }
    const plexus_loop* loop() const noexcept { return &loop_; }

    /// Runs what is ready until `done`; false if 20 seconds pass without it.
    bool run_until(const std::function<bool()>& done);
    /// Runs `step` on a shard, and waits for its end.
    void on_shard(std::uint32_t shard, std::function<void()> step);
    bool logged(std::string_view part) const;

    std::int32_t shard = -1; ///< that the thread plays now
    std::size_t timers = 0;  ///< alive
    std::size_t watches = 0;

  private:
    struct watch_state;
    struct timer_state;
    void turn();

    plexus_host host_{};
    plexus_loop loop_{};
    plexus_log log_{};
    plexus_config config_{};
    plexus_clock clock_{};
    plexus_resolver resolver_{};
    std::vector<std::deque<plexus_task>> queues_;
    std::vector<watch_state*> watch_list_;
    std::vector<timer_state*> timer_list_;
    friend struct fake_host_calls;
};

/// An instance of the plugin in a shared library, initialised and started.
class instance {
  public:
    instance(fake_host& host, const char* library);
    ~instance(); ///< stops it, and expects that it left nothing behind
    void stop();
    const plexus_service* service(const char* id) const { return plugin_->get_service(plugin_->self, id); }

  private:
    void step(std::int32_t (*function)(void*, plexus_completion));
    fake_host& host_;
    const plexus_plugin* plugin_ = nullptr;
    bool running_ = false;
};

} // namespace plexus::test
