#include "metrics.hpp"

#include "plexus/abi/host.h"

namespace plexus::kernel {

metric* metric_registry::create(const std::string& instance, std::uint32_t kind, const std::string& name,
                                const std::string& help) {
    if (kind != PLEXUS_METRIC_COUNTER && kind != PLEXUS_METRIC_GAUGE) return nullptr;
    const bool snake = !name.empty() && name.front() >= 'a' && name.front() <= 'z' &&
                       name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
    if (!snake) return nullptr;
    const std::lock_guard lock(mutex_);
    auto& of_name = metrics_[name];
    if (!of_name.empty() && of_name.begin()->second->kind != kind) return nullptr;
    auto& found = of_name[instance];
    if (!found) {
        found = std::make_unique<metric>();
        found->kind = kind;
        found->help = help;
    }
    return found.get();
}

std::string metric_registry::render() const {
    const std::lock_guard lock(mutex_);
    std::string out;
    for (const auto& [name, of_name] : metrics_) {
        const metric& first = *of_name.begin()->second;
        out += "# HELP " + name + " ";
        for (const char c : first.help) out += c == '\n' ? ' ' : c;
        out += "\n# TYPE " + name + (first.kind == PLEXUS_METRIC_COUNTER ? " counter\n" : " gauge\n");
        for (const auto& [instance, one] : of_name)
            out += name + "{instance=\"" + instance + "\"} " +
                   std::to_string(one->value.load(std::memory_order_relaxed)) + "\n";
    }
    return out;
}

} // namespace plexus::kernel
