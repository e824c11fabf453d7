// The workload `subscribe`: one client comes back and subscribes to all its queues.
#include "baseline.hpp"
#include "workloads.hpp"

namespace plexus::bench {

result<figures> run_subscribe(const target& to, const options& with) {
    using clock = std::chrono::steady_clock;
    load on(to, {with.authorization, false});
    const auto clients = static_cast<std::uint32_t>(with.connections);
    PLEXUS_CHECK(on.open_connections(clients));
    PLEXUS_CHECK(on.create_queues(with.queues, false, 0, clients));
    on.close_connections();
    PLEXUS_CHECK(on.open_connections(clients));
    const auto memory = to.memory();
    const auto begin = clock::now();
    const auto cpu = to.cpu();
    const double own = thread_cpu();
    PLEXUS_CHECK(on.subscribe_queues());
    const double used = to.cpu() - cpu;
    const double wall = std::chrono::duration<double>(clock::now() - begin).count();
    const auto count = static_cast<double>(with.queues);
    figures out = {
        {"subscriptions_per_second", "subscriptions a second", unit::per_second, count / wall},
        {"all_seconds", "until all are subscribed", unit::seconds, wall},
    };
    if (to.pid) {
        out.push_back({"server_cpu_us", "server CPU a subscription", unit::microseconds, used / count * 1e6});
        out.push_back(
            {"subscription_anonymous_bytes", "RssAnon a subscription", unit::bytes,
             (static_cast<double>(to.memory().anonymous) - static_cast<double>(memory.anonymous)) / count});
    }
    out.push_back({"client_cpu_us", "CPU of this tool a subscription", unit::microseconds,
                   (thread_cpu() - own) / count * 1e6});
    if (with.baseline) {
        const double check = authorization_check_us(10'000, with.authorization);
        out.push_back({"baseline_check_us", "its authorization check alone", unit::microseconds, check});
        if (to.pid)
            out.push_back(
                {"server_cpu_to_baseline", "server CPU to that", unit::ratio, used / count * 1e6 / check});
    }
    if (!with.keep) PLEXUS_CHECK(on.delete_queues());
    return out;
}

} // namespace plexus::bench
