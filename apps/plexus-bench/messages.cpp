// The workloads `throughput` and `latency`: messages through queues, as many as the server takes or one
// alone.
#include "baseline.hpp"
#include "traffic.hpp"
#include "workloads.hpp"

namespace plexus::bench {
namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// What was used between two moments of a run.
struct moment {
    clock::time_point time = clock::now();
    double server = 0;
    double client = thread_cpu();
    std::uint64_t delivered = 0;
};

moment now(const target& to, const traffic& messages) {
    moment out;
    out.server = to.cpu();
    out.delivered = messages.delivered();
    return out;
}

double seconds(clock::duration time) { return std::chrono::duration<double>(time).count(); }
double milliseconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double, std::milli>(time).count();
}

/// Enough for a figure that moves by less than a hundredth.
constexpr int baseline_messages = 3000;

void add_baseline(figures& to, double server_us, std::size_t body_size, crypto::key_type authorization) {
    const double crypto = message_crypto_us(baseline_messages, body_size, authorization);
    const double echo = message_echo_us(baseline_messages);
    to.push_back({"baseline_crypto_us", "its cryptography alone", unit::microseconds, crypto});
    to.push_back({"baseline_echo_us", "a bare TLS echo of its five blocks", unit::microseconds, echo});
    if (server_us > 0)
        to.push_back({"server_cpu_to_baseline", "server CPU to both of these", unit::ratio,
                      server_us / (crypto + echo)});
}

figures report_of(const target& to, const options& with, traffic& messages, const moment& begin,
                  const moment& end) {
    const auto count = static_cast<double>(std::max<std::uint64_t>(end.delivered - begin.delivered, 1));
    const double wall = seconds(end.time - begin.time);
    const double server = end.server - begin.server;
    figures out = {
        {"messages_per_second", "messages a second", unit::per_second, count / wall},
        {"median_ms", "SEND to MSG, median", unit::milliseconds,
         milliseconds(messages.latencies().quantile(0.5))},
        {"p99_ms", "SEND to MSG, 99th percentile", unit::milliseconds,
         milliseconds(messages.latencies().quantile(0.99))},
        {"longest_ms", "SEND to MSG, longest", unit::milliseconds,
         milliseconds(messages.latencies().longest())},
    };
    if (to.pid) {
        const auto memory = to.memory();
        out.push_back({"server_cpu_us", "server CPU a message", unit::microseconds, server / count * 1e6});
        out.push_back({"messages_per_cpu_second", "messages a second of server CPU", unit::per_second,
                       count / std::max(server, 1e-9)});
        out.push_back({"server_load", "cores that the server uses", unit::ratio, server / wall});
        out.push_back(
            {"server_anonymous_bytes", "server RssAnon", unit::bytes, static_cast<double>(memory.anonymous)});
        out.push_back({"server_file_bytes", "server RssFile", unit::bytes, static_cast<double>(memory.file)});
    }
    out.push_back({"client_cpu_us", "CPU of this tool a message", unit::microseconds,
                   (end.client - begin.client) / count * 1e6});
    out.push_back({"messages", "messages measured", unit::count, count});
    out.push_back({lost_key, "lost", unit::count, static_cast<double>(messages.missing())});
    out.push_back({doubled_key, "doubled", unit::count, static_cast<double>(messages.doubled())});
    if (with.baseline) add_baseline(out, server / count * 1e6, messages.body_size(), with.authorization);
    return out;
}

} // namespace

result<figures> run_throughput(const target& to, const options& with) {
    load on(to, {with.authorization});
    PLEXUS_CHECK(on.open_pairs(with.connections, with.queues));
    traffic messages(on, {with.window, with.size});
    messages.prepare();
    // A tenth more in front, to warm up: caches, and the memory that the server will need.
    const auto warm = clock::now() + std::chrono::duration_cast<clock::duration>(with.time) / 10;
    clock::time_point end;
    moment first;
    moment last;
    bool measuring = false;
    PLEXUS_CHECK(messages.run([&] {
        const auto time = clock::now();
        if (!measuring) {
            if (time < warm) return false;
            measuring = true;
            messages.latencies().clear();
            first = now(to, messages);
            end = time + with.time;
            return false;
        }
        on.shown().show("second", static_cast<std::uint64_t>(seconds(time - first.time)),
                        static_cast<std::uint64_t>(with.time.count()));
        if (time < end) return false;
        last = now(to, messages);
        return true;
    }));
    if (!with.keep) PLEXUS_CHECK(on.delete_queues());
    return report_of(to, with, messages, first, last);
}

result<figures> run_latency(const target& to, const options& with) {
    load on(to, {with.authorization});
    PLEXUS_CHECK(on.open_pairs(2, 1));
    traffic messages(on, {1, with.size, 1});
    messages.prepare();
    const auto warm = with.messages / 10;
    moment first;
    if (warm > 0) PLEXUS_CHECK(messages.run([&] { return messages.delivered() >= warm; }));
    messages.latencies().clear();
    first = now(to, messages);
    PLEXUS_CHECK(messages.run([&] {
        on.shown().show("message", messages.delivered(), warm + with.messages);
        return messages.delivered() >= warm + with.messages;
    }));
    const moment last = now(to, messages);
    if (!with.keep) PLEXUS_CHECK(on.delete_queues());
    return report_of(to, with, messages, first, last);
}

} // namespace plexus::bench
