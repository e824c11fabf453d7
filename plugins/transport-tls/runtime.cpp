#include "runtime.hpp"

namespace plexus::transport_tls {

result<void> runtime::init() {
    PLEXUS_CHECK(open(host_));
    PLEXUS_TRY(const auto* clock_table, host_.require<plexus_clock>(PLEXUS_CLOCK_ID));
    PLEXUS_TRY(const auto* config_table, host_.require<plexus_config>(PLEXUS_CONFIG_ID));
    clock = clock_view(clock_table);
    log = host_.log();
    resolver = host_.service<plexus_resolver>(PLEXUS_RESOLVER_ID);
    road = host_.service<plexus_transport>(PLEXUS_CARRIER_ID);

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
    return {};
}

} // namespace plexus::transport_tls
