// The workload `attack`: how long a message takes between two honest clients while a third attacks the
// server.
#include "attacker.hpp"
#include "traffic.hpp"
#include "workloads.hpp"

namespace plexus::bench {
namespace {

using clock = std::chrono::steady_clock;

struct figure_name {
    const char* key;
    const char* label;
};
/// Of one attack.
struct figure_names {
    figure_name median;
    figure_name p99;
    figure_name longest;
    figure_name load;
    figure_name memory;
};

constexpr figure_names quiet{{"quiet_median_ms", "without an attack: SEND to MSG, median"},
                             {"quiet_p99_ms", "  99th percentile"},
                             {"quiet_longest_ms", "  longest"},
                             {"quiet_server_load", "  cores that the server uses"},
                             {"quiet_anonymous_bytes", "  server RssAnon"}};

/// In the order of `attack_kind`.
constexpr std::array<figure_names, attack_names.size()> names{{
    {{"new_median_ms", "a flood of NEW: SEND to MSG, median"},
     {"new_p99_ms", "  99th percentile"},
     {"new_longest_ms", "  longest"},
     {"new_server_load", "  cores that the server uses"},
     {"new_anonymous_bytes", "  server RssAnon"}},
    {{"signatures_median_ms", "a flood of wrong signatures: median"},
     {"signatures_p99_ms", "  99th percentile"},
     {"signatures_longest_ms", "  longest"},
     {"signatures_server_load", "  cores that the server uses"},
     {"signatures_anonymous_bytes", "  server RssAnon"}},
    {{"proxied_median_ms", "a flood of PRXY: median"},
     {"proxied_p99_ms", "  99th percentile"},
     {"proxied_longest_ms", "  longest"},
     {"proxied_server_load", "  cores that the server uses"},
     {"proxied_anonymous_bytes", "  server RssAnon"}},
    {{"half_open_median_ms", "connections without TLS: median"},
     {"half_open_p99_ms", "  99th percentile"},
     {"half_open_longest_ms", "  longest"},
     {"half_open_server_load", "  cores that the server uses"},
     {"half_open_anonymous_bytes", "  server RssAnon"}},
    {{"slow_median_ms", "connections that dawdle with their hello: median"},
     {"slow_p99_ms", "  99th percentile"},
     {"slow_longest_ms", "  longest"},
     {"slow_server_load", "  cores that the server uses"},
     {"slow_anonymous_bytes", "  server RssAnon"}},
    {{"deaf_median_ms", "subscribers that never read: median"},
     {"deaf_p99_ms", "  99th percentile"},
     {"deaf_longest_ms", "  longest"},
     {"deaf_server_load", "  cores that the server uses"},
     {"deaf_anonymous_bytes", "  server RssAnon"}},
}};

double milliseconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double, std::milli>(time).count();
}

/// Messages, one after the other, for a while.
result<void> measure(load& on, traffic& messages, std::chrono::seconds time, const char* shown,
                     const figure_names& as, figures& out) {
    messages.latencies().clear();
    const auto& to = on.to();
    const auto begin = clock::now();
    const double cpu = to.cpu();
    memory_use memory;
    PLEXUS_CHECK(messages.run([&] {
        const auto now = clock::now();
        on.shown().show(
            shown,
            static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now - begin).count()),
            static_cast<std::uint64_t>(time.count()));
        return now >= begin + time;
    }));
    const double wall = std::chrono::duration<double>(clock::now() - begin).count();
    const auto& found = messages.latencies();
    out.push_back({as.median.key, as.median.label, unit::milliseconds, milliseconds(found.quantile(0.5))});
    out.push_back({as.p99.key, as.p99.label, unit::milliseconds, milliseconds(found.quantile(0.99))});
    out.push_back({as.longest.key, as.longest.label, unit::milliseconds, milliseconds(found.longest())});
    if (!to.pid) return {};
    out.push_back({as.load.key, as.load.label, unit::ratio, (to.cpu() - cpu) / wall});
    memory = to.memory();
    out.push_back({as.memory.key, as.memory.label, unit::bytes, static_cast<double>(memory.anonymous)});
    return {};
}

} // namespace

result<figures> run_attack(const target& to, const options& with) {
    load on(to, {with.authorization});
    PLEXUS_CHECK(on.open_pairs(2, 1));
    traffic messages(on, {1, with.size, 1});
    messages.prepare();
    figures out;
    PLEXUS_CHECK(measure(on, messages, with.time, "quiet second", quiet, out));
    for (std::size_t i = 0; i < attack_names.size(); ++i) {
        if (!with.attack.empty() && with.attack != attack_names[i]) continue;
        const attacker enemy(static_cast<attack_kind>(i), to, with);
        if (auto begun = enemy.wait_until_under_way(); !begun)
            return failed(std::string(attack_names[i]) + ": " + begun.error().message());
        PLEXUS_CHECK(measure(on, messages, with.time, attack_names[i], names[i], out));
    }
    out.push_back({lost_key, "lost", unit::count, static_cast<double>(messages.missing())});
    out.push_back({doubled_key, "doubled", unit::count, static_cast<double>(messages.doubled())});
    if (!with.keep) PLEXUS_CHECK(on.delete_queues());
    return out;
}

} // namespace plexus::bench
