// A connection through a SOCKS5 proxy in the making: to the proxy by TCP or a Unix socket, then its
// handshake. Used by carriers (plexus::socks links it).
#pragma once

#include "plexus/net/connecting.hpp"
#include "plexus/net/tcp_dial.hpp"
#include "plexus/socks/client.hpp"

namespace plexus::net {

struct socks_road {
    std::string host; ///< of the proxy: numeric, or a name for the resolver
    std::uint32_t port = 0;
    std::string path; ///< of a Unix socket, in place of host and port
    std::optional<socks::credentials> credentials;
    nanoseconds timeout = std::chrono::seconds(60); ///< for options that say none
    nanoseconds keepalive = std::chrono::seconds(30);
    /// Told once about the proxy itself: null when it has answered in its protocol, whatever it said of the
    /// host, or why it cannot be used. Not told of a connection that was given up before. [shard]
    std::function<void(const error*)> told;
};

/// [shard]
class socks_connector final : public connecting, tcp_dial::sink, carrier::sink {
  public:
    /// INVALID for what SOCKS cannot carry, DENIED for PLEXUS_CONNECT_PUBLIC and a private number,
    /// UNSUPPORTED for PLEXUS_CONNECT_SECURE.
    static result<plexus_operation*> start(account& owner, const plexus_resolver* resolver, socks_road road,
                                           const plexus_connect_options& options, connected_function done,
                                           void* context);

    socks_connector(account& owner, const plexus_resolver* resolver, socks_road road, socks::client client,
                    const plexus_connect_options& options, connected_function done, void* context);

  private:
    void begin() override;
    void release() noexcept override;
    std::string_view stage() const noexcept override;
    void expired() override;
    void dialed(std::unique_ptr<socket_carrier> socket) override;
    void dial_failed(error reason) override;
    void ready(std::uint32_t events) override;
    void step();
    /// Sends and reads what it can; true: the connection stands.
    result<bool> handshake();
    void tell(const error* trouble);
    void fail_proxy(std::int32_t code, const std::string& why, bool retryable);
    void fail_handshake(const error& why);

    const plexus_resolver* resolver_;
    socks_road road_;
    std::string proxy_; ///< for messages
    socks::client client_;
    std::optional<tcp_dial> dial_;
    std::unique_ptr<socket_carrier> socket_;
    bool connecting_ = false; ///< to a Unix socket
    bool answered_ = false;   ///< it speaks SOCKS5
};

} // namespace plexus::net
