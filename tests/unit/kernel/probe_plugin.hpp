// Plugins that a test writes in place: their lists and keys, and what they do in init, start and stop. What
// happens to them is recorded in order. Used by the kernel's tests.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "plexus/abi/host.h"
#include "plexus/abi/plugin.h"
#include "plexus/kernel/kernel.hpp"

namespace plexus::test {

class probe_world;

/// One instance.
struct probe {
    probe_world* world;
    const plexus_host* host;
    std::string instance;
    plexus_plugin plugin;
    plexus_service service;
    plexus_completion pending;
    const struct probe_spec* spec;

    template <typename Table>
    const Table* get(const char* id) const {
        return reinterpret_cast<const Table*>(host->get_service(host, id));
    }
    const plexus_loop* loop() const { return get<plexus_loop>(PLEXUS_LOOP_ID); }
};

struct probe_spec {
    std::string id{};
    std::vector<std::string> provides{};
    std::vector<std::string> requires_{};
    std::vector<std::string> uses{};
    std::vector<std::string> capabilities{};
    std::vector<plexus_key> keys{};
    std::function<std::int32_t(probe&)> init{};
    /// Run on shard 0 before the completion; their answer is its status.
    std::function<std::int32_t(probe&)> start{};
    std::function<std::int32_t(probe&)> stop{};
    std::function<std::int32_t(probe&, const plexus_config&)> reload{};
};

class probe_world {
  public:
    probe_world();
    ~probe_world();
    probe_world(const probe_world&) = delete;
    probe_world& operator=(const probe_world&) = delete;

    void add(probe_spec spec);
    kernel::kernel_options options();

    void record(const std::string& event);
    std::vector<std::string> events() const;
    std::vector<std::string> log_lines() const;
    bool logged(const std::string& part) const;

  private:
    friend struct probe_functions;
    struct stored;

    mutable std::mutex mutex_;
    std::vector<std::string> events_;
    std::vector<std::string> lines_;
    std::deque<std::unique_ptr<stored>> plugins_;
};

/// A configuration without a file.
kernel::config_source config(std::string text);

} // namespace plexus::test
