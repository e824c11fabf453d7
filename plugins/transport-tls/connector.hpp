// One connection in the making: a TCP connection of its own or a stream of the carrier, then the TLS
// handshake.
#pragma once

#include "plexus/net/connecting.hpp"
#include "plexus/net/tcp_dial.hpp"
#include "plexus/secret.hpp"

#include "tls_stream.hpp"

namespace plexus::transport_tls {

/// [shard]
class connector final : public net::connecting, net::tcp_dial::sink, net::carrier::sink {
  public:
    static result<plexus_operation*> start(runtime& owner, const client_context& tls,
                                           const plexus_connect_options& options,
                                           net::connected_function done, void* context);

    connector(runtime& owner, const client_context& tls, const plexus_connect_options& options,
              net::connected_function done, void* context);

  private:
    struct call_below;

    void begin() override;
    void release() noexcept override;
    std::string_view stage() const noexcept override;
    void begin_below();
    void dialed(std::unique_ptr<net::socket_carrier> socket) override;
    void dial_failed(error reason) override;
    void below_connected(std::int32_t code, const plexus_error* failure, stream below);
    void connected(std::unique_ptr<net::carrier> below);
    void ready(std::uint32_t events) override;
    void step();
    void made(plexus_stream* stream);

    runtime& runtime_;
    const client_context& tls_context_;
    bool secure_;
    std::vector<bytes> alpn_;
    std::string isolation_;
    std::string server_name_;
    bytes client_chain_;
    secret_bytes client_key_;
    plexus_connect_options keepalive_{}; ///< nothing else of it
    expectation expected_;

    std::optional<net::tcp_dial> dial_;
    call_below* below_ = nullptr;
    std::unique_ptr<tls_stream> handshaking_;
};

} // namespace plexus::transport_tls
