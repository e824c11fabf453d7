// A blocking TLS connection on loopback, as official clients make it (TLS 1.3, ChaCha20-Poly1305), and
// certificates for its server's side. Baselines and the tests of servers use it.
#pragma once

#include "plexus/crypto/keys.hpp"

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace plexus::bench {

/// The group of the client's key share. Official clients offer X448 first.
enum class key_group : unsigned char { x448, x25519 };
/// As OpenSSL lists it, the share first.
const char* group_list(key_group group) noexcept;

struct free_openssl {
    void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
    void operator()(X509* certificate) const noexcept { X509_free(certificate); }
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
using ssl_pointer = std::unique_ptr<SSL, free_openssl>;
using context_pointer = std::unique_ptr<SSL_CTX, free_openssl>;

/// TLS 1.3 with ChaCha20-Poly1305, no tickets; a client's offers the groups of `group`.
context_pointer make_tls_context(bool server, key_group group);
/// For a server: a chain like those of SMP servers, with new keys of one kind.
void use_new_chain(SSL_CTX* context, crypto::key_type kind, int length);

/// Throws std::runtime_error where something fails: a benchmark has no other way on.
class tls_peer {
  public:
    /// Connects to 127.0.0.1. Without ALPN if that is empty.
    static tls_peer connect(std::uint16_t port, SSL_CTX* context, std::string_view alpn = "smp/1");
    static tls_peer connect(std::uint16_t port);
    /// A handshake with the server at `port` of 127.0.0.1 that this side goes through and then leaves: what
    /// ends it, its Finished, is not sent, so that a server has done all its work for it and has nothing to
    /// add.
    static void connect_and_leave(std::uint16_t port, SSL_CTX* context);
    /// Takes one connection from a listening socket.
    static tls_peer accept(int listening, SSL_CTX* context);
    /// The same for a client that leaves.
    static void accept_and_lose(int listening, SSL_CTX* context);
    /// With a certificate in PEM.
    static tls_peer accept(int listening, const std::string& chain_file, const std::string& key_file);

    tls_peer(tls_peer&&) = default;
    ~tls_peer();

    void write(bytes_view data);
    void read(bytes_span out);
    SSL* ssl() const noexcept { return ssl_.get(); }
    int descriptor() const noexcept { return descriptor_; }

  private:
    tls_peer(int descriptor, SSL_CTX* context);
    static tls_peer dial(std::uint16_t port, SSL_CTX* context);

    int descriptor_ = -1;
    ssl_pointer ssl_;
};

/// As encoded, the leaf first.
std::vector<bytes> peer_chain(const SSL* ssl);
/// The verify data of the client's Finished.
bytes channel_binding(const SSL* ssl);

/// A socket that listens on 127.0.0.1, and its port.
std::pair<int, std::uint16_t> listen_on_loopback();

} // namespace plexus::bench
