// Connections through tor's SOCKS port, on every shard; those that come before tor is ready wait for it
// within their deadline. Knows of tor only what `condition` says. Used by the plugin.
#pragma once

#include "supervisor.hpp"

#include "plexus/net/socks_connector.hpp"

namespace plexus::transport_tor {

class dialer {
  public:
    dialer(net::account& account, std::chrono::nanoseconds timeout) : account_(account), timeout_(timeout) {}

    /// Once the loop is known. [loader]
    void open();

    /// As in the table. [shard]
    result<plexus_operation*> connect(const plexus_connect_options& options, net::connected_function done,
                                      void* context);
    /// Tor stands otherwise; what waits on any shard looks again. [shard 0]
    void update(const condition& now);
    /// Connections from now on have other credentials. [any-thread]
    void renew() noexcept { generation_.fetch_add(1); }

  private:
    class connection;
    /// What one shard knows, and who waits there.
    struct gate {
        condition now;
        std::vector<connection*> waiting;
    };
    gate& here() { return gates_[static_cast<std::size_t>(account_.loop.current_shard())]; }
    net::socks_road road(const condition& now, bytes_view isolation) const;

    net::account& account_;
    std::chrono::nanoseconds timeout_;
    std::vector<gate> gates_;
    std::atomic<std::uint64_t> generation_{0};
};

} // namespace plexus::transport_tor
