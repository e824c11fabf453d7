#include "runtime.hpp"

namespace plexus::transport_tls {

void member_list::add(member& one) noexcept {
    one.previous_ = anchor_.previous_;
    one.next_ = &anchor_;
    anchor_.previous_->next_ = &one;
    anchor_.previous_ = &one;
}

void member::unlist() noexcept {
    if (next_ == nullptr) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
}

void member_list::cut() {
    while (member* one = first()) {
        one->unlist();
        one->cut();
    }
}

result<void> runtime::init() {
    PLEXUS_TRY(const auto* loop_table, host_.require<plexus_loop>(PLEXUS_LOOP_ID));
    PLEXUS_TRY(const auto* clock_table, host_.require<plexus_clock>(PLEXUS_CLOCK_ID));
    PLEXUS_TRY(const auto* config_table, host_.require<plexus_config>(PLEXUS_CONFIG_ID));
    loop = loop_ref(loop_table);
    clock = clock_view(clock_table);
    log = host_.log();
    resolver = host_.service<plexus_resolver>(PLEXUS_RESOLVER_ID);
    lower = host_.service<plexus_transport>(PLEXUS_TRANSPORT_ID);

    const config_view keys(config_table);
    config.group = std::string(keys.text("group").value_or("auto"));
    config.connect_timeout = keys.duration("connect-timeout").value_or(std::chrono::seconds(25));
    config.handshake_timeout = keys.duration("handshake-timeout").value_or(std::chrono::seconds(15));
    config.keepalive = keys.duration("keepalive").value_or(std::chrono::seconds(30));
    config.pending_most = static_cast<std::uint32_t>(keys.integer("pending-most").value_or(1024));

    count.accepted = host_.counter("transport_accepted_total", "Connections accepted");
    count.handshake_failures = host_.counter("transport_handshake_failures_total",
                                             "Accepted connections that ended in the handshake");
    count.connected = host_.counter("transport_connected_total", "Connections made");
    count.open = host_.gauge("transport_streams_open", "Streams that are open");

    shards_ = std::vector<member_list>(loop.shard_count());
    return {};
}

void runtime::leave() noexcept {
    if (under_way_.fetch_sub(1) != 1 || told_.exchange(true)) return;
    loop.post(0, [this] { drained_.set(); });
}

task<result<void>> runtime::drain() {
    stopping_.store(true);
    for (std::uint32_t shard = 0; shard < loop.shard_count(); ++shard)
        loop.post(shard, [this, kept = hold(*this)] { members().cut(); });
    leave();
    co_return co_await drained_.wait();
}

} // namespace plexus::transport_tls
