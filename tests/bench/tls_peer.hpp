// A blocking TLS connection on loopback, as official clients make it (TLS 1.3, ChaCha20-Poly1305): the load
// that the benchmarks put on a server, and the bare echo that its cost is compared with.
#pragma once

#include "plexus/bytes.hpp"

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

namespace plexus::bench {

/// Throws std::runtime_error where something fails: a benchmark has no other way on.
class tls_peer {
  public:
    /// Connects to 127.0.0.1.
    static tls_peer connect(std::uint16_t port);
    /// Takes one connection from a listening socket, with a certificate in PEM.
    static tls_peer accept(int listening, const std::string& chain_file, const std::string& key_file);

    tls_peer(tls_peer&&) = default;
    ~tls_peer();

    void write(bytes_view data);
    void read(bytes_span out);
    bytes channel_binding() const;
    std::vector<bytes> peer_chain() const;
    int descriptor() const noexcept { return descriptor_; }

  private:
    struct free_ssl {
        void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
    };
    tls_peer(int descriptor, SSL_CTX* context, bool server);

    int descriptor_ = -1;
    bool server_ = false;
    std::unique_ptr<SSL, free_ssl> ssl_;
};

/// A socket that listens on 127.0.0.1, and its port.
std::pair<int, std::uint16_t> listen_on_loopback();

} // namespace plexus::bench
