// Counters and gauges of all instances, each one atomic number.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace plexus::kernel {

struct metric {
    std::uint32_t kind = 0;
    std::string help;
    std::atomic<std::int64_t> value{0};
};

class metric_registry {
  public:
    /// The same name of the same instance gives the same metric; null if its kind differs or the name is
    /// none.
    metric* create(const std::string& instance, std::uint32_t kind, const std::string& name,
                   const std::string& help);
    /// The text format of Prometheus.
    std::string render() const;

  private:
    mutable std::mutex mutex_;
    std::map<std::string, std::map<std::string, std::unique_ptr<metric>>>
        metrics_; ///< by name, then instance
};

} // namespace plexus::kernel
