// The proxy that connections of one transport-socks instance go through: its address, how it is, and the
// credentials of each connection.
#pragma once

#include "plexus/net/proxy_status.hpp"
#include "plexus/net/socks_connector.hpp"
#include "plexus/socks/proxy_address.hpp"

namespace plexus::transport_socks {

/// [any-thread] but where it says otherwise.
class road {
  public:
    explicit road(net::account& owner) : status(owner, "socks") {}

    /// Takes another address, as parse_proxy_address reads it.
    result<void> configure(std::string_view address);
    /// Connections from now on have other credentials than those before.
    result<void> renew(const plexus_random* random);

    /// How to make a connection now; nothing if there is no proxy. [shard]
    std::optional<net::socks_road> to(bytes_view isolation);

    net::proxy_status status;

  private:
    void heard(std::uint64_t configured, const error* trouble);

    std::mutex mutex_; ///< of what follows
    std::optional<socks::proxy_address> proxy_;
    bytes generation_;
    std::uint64_t configured_ = 0; ///< how often, so that late news of an earlier proxy are known as such
};

} // namespace plexus::transport_socks
