// The workload `idle`: what connections and queues cost a server in memory while nothing happens, and what it
// costs to take a connection.
#include "baseline.hpp"
#include "workloads.hpp"

namespace plexus::bench {
namespace {

using namespace std::chrono_literals;

/// Reads the server's memory once it has stayed the same for some seconds: a server gives memory back a
/// little after it needed it.
result<memory_use> settled(load& on) {
    constexpr std::uint64_t same = 16'384;
    constexpr int calm = 3;
    auto before = on.to().memory();
    for (int tries = 0, still = 0; tries < 30 && still < calm; ++tries) {
        PLEXUS_CHECK(on.pause(1s));
        const auto after = on.to().memory();
        const auto moved = after.anonymous > before.anonymous ? after.anonymous - before.anonymous
                                                              : before.anonymous - after.anonymous;
        before = after;
        still = moved <= same ? still + 1 : 0;
    }
    return before;
}

double growth(std::uint64_t before, std::uint64_t after, std::size_t count) {
    return (static_cast<double>(after) - static_cast<double>(before)) / static_cast<double>(count);
}

/// TLS alone: a server begins with SMP when a handshake is over, and these end just before.
result<void> add_handshakes(figures& to, load& on, const options& with, crypto::key_type leaf, int chain) {
    constexpr int count = 500;
    const auto& server = on.to();
    const double before = server.cpu();
    for (int i = 0; i < count; ++i) tls_peer::connect_and_leave(server.endpoint.port(), server.tls.get());
    PLEXUS_CHECK(on.pause(300ms));
    const double used = (server.cpu() - before) / count * 1e6;
    const double bare = left_handshake_us(count, with.server.group, leaf, chain);
    to.push_back({"handshake_cpu_us", "server CPU a TLS handshake without its last message",
                  unit::microseconds, used});
    to.push_back({"baseline_left_handshake_us", "the same with OpenSSL alone", unit::microseconds, bare});
    to.push_back({"handshake_cpu_to_baseline", "server CPU to that", unit::ratio, used / bare});
    return {};
}

} // namespace

result<figures> run_idle(const target& to, const options& with) {
    if (!to.pid) return failed("idle reads the memory of the server's process: --pid says which it is");
    load on(to, {with.authorization, false});
    // What the first client makes the server allocate belongs to no connection.
    PLEXUS_CHECK(on.open_connections(1));
    PLEXUS_TRY(const auto empty, settled(on));
    const auto leaf = on.at(0).leaf_key().type();
    const int chain = on.at(0).chain_length();
    figures out = {
        {"empty_anonymous_bytes", "RssAnon at the start", unit::bytes, static_cast<double>(empty.anonymous)},
        {"empty_file_bytes", "RssFile at the start", unit::bytes, static_cast<double>(empty.file)}};
    auto cpu = to.cpu();
    auto memory = empty;
    if (with.connections > 0) {
        const auto begin = std::chrono::steady_clock::now();
        PLEXUS_CHECK(on.open_connections(with.connections));
        const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        const auto count = static_cast<double>(with.connections);
        const double used = (to.cpu() - cpu) / count * 1e6;
        PLEXUS_TRY(memory, settled(on));
        out.push_back({"connection_anonymous_bytes", "RssAnon an idle connection", unit::bytes,
                       growth(empty.anonymous, memory.anonymous, with.connections)});
        out.push_back({"connections_per_second", "connections a second", unit::per_second, count / took});
        out.push_back({"connection_cpu_us", "server CPU a connection", unit::microseconds, used});
        if (with.baseline) {
            const double bare = handshake_us(200, with.server.group, leaf, chain);
            const double hello = hello_crypto_us(500, leaf);
            out.push_back({"baseline_handshake_us", "OpenSSL's handshake alone", unit::microseconds, bare});
            out.push_back(
                {"baseline_hello_us", "the cryptography of SMP's hello", unit::microseconds, hello});
            out.push_back({"connection_cpu_to_baseline", "server CPU to both of these", unit::ratio,
                           used / (bare + hello)});
        }
    }
    if (with.queues > 0) {
        const auto clients = static_cast<std::uint32_t>(std::max<std::size_t>(with.connections, 1));
        const auto first = with.connections > 0 ? 1U : 0U;
        const auto count = static_cast<double>(with.queues);
        cpu = to.cpu();
        auto before = memory;
        const auto begin = std::chrono::steady_clock::now();
        PLEXUS_CHECK(on.create_queues(with.queues, false, first, clients));
        out.push_back(
            {"queues_per_second", "queues created a second", unit::per_second,
             count / std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()});
        out.push_back({"queue_create_cpu_us", "server CPU a new queue", unit::microseconds,
                       (to.cpu() - cpu) / count * 1e6});
        PLEXUS_TRY(memory, settled(on));
        out.push_back({"queue_anonymous_bytes", "RssAnon an idle queue", unit::bytes,
                       growth(before.anonymous, memory.anonymous, with.queues)});
        out.push_back({"queue_file_bytes", "RssFile an idle queue", unit::bytes,
                       growth(before.file, memory.file, with.queues)});
        before = memory;
        PLEXUS_CHECK(on.subscribe_queues());
        PLEXUS_TRY(memory, settled(on));
        out.push_back({"subscription_anonymous_bytes", "RssAnon a subscription more", unit::bytes,
                       growth(before.anonymous, memory.anonymous, with.queues)});
    }
    out.push_back(
        {"full_anonymous_bytes", "RssAnon at the end", unit::bytes, static_cast<double>(memory.anonymous)});
    out.push_back({"full_file_bytes", "RssFile at the end", unit::bytes, static_cast<double>(memory.file)});
    cpu = to.cpu();
    PLEXUS_CHECK(on.pause(2s));
    out.push_back({"idle_load", "cores that the idle server uses", unit::ratio, (to.cpu() - cpu) / 2});
    if (with.connections > 0 && with.baseline && to.endpoint.address().is_loopback())
        PLEXUS_CHECK(add_handshakes(out, on, with, leaf, chain));
    if (with.queues > 0 && !with.keep) PLEXUS_CHECK(on.delete_queues());
    return out;
}

} // namespace plexus::bench
