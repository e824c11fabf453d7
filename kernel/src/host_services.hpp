// The kernel's own services as one instance of a plugin sees them: the tables of plexus/abi/host.h, with
// everything attributed to the instance.
#pragma once

#include <functional>
#include <string>

#include "log.hpp"
#include "metrics.hpp"
#include "plexus/abi/draft/operator.h"
#include "plexus/abi/host.h"
#include "plexus/kernel/loop_backend.hpp"
#include "resolver.hpp"
#include "values.hpp"

namespace plexus::kernel {

/// What the kernel does for an operator.
class operator_actions {
  public:
    virtual ~operator_actions() = default;
    /// Later, on the loader: what changed, or why nothing did. False: there is no file to read. [any-thread]
    virtual bool reload(std::function<void(result<std::string>)> done) = 0;
};

/// What all instances share.
struct host_environment {
    std::string program;
    loop_backend& loop;
    logger& log;
    metric_registry& metrics;
    std::function<void(int exit_code)> request_stop;
    bool command_only = false; ///< log, clock, random and `deployments` are all there is
    const plexus_service* deployments = nullptr;
    operator_actions* actions = nullptr;
};

class host_services {
  public:
    host_services(host_environment& environment, activity& owner, value_set& values);
    host_services(const host_services&) = delete;
    host_services& operator=(const host_services&) = delete;

    /// The kernel's own service, or null. Capabilities are the caller's matter.
    const plexus_service* find(std::string_view id) const;

    void write_log(std::uint32_t level, std::string_view message, const plexus_log_field* fields = nullptr,
                   std::uint32_t field_count = 0);

    /// Debug builds end the process when a plugin breaks a rule of the interface.
    void require(bool holds, const char* rule);

  private:
    void fill_log();
    void fill_time_and_chance();
    void fill_loop();
    void fill_timers();
    void fill_watches();
    void fill_workers();
    void fill_metrics_and_app();
    void fill_operator();

    void require_shard(std::int32_t home, const char* function);

    host_environment& environment_;
    activity& owner_;
    host_resolver resolver_;
    plexus_log log_{};
    plexus_config config_{};
    plexus_clock clock_{};
    plexus_random random_{};
    plexus_loop loop_{};
    plexus_metrics metrics_{};
    plexus_app app_{};
    plexus_operator operator_{};
};

} // namespace plexus::kernel
