// OpenSSL contexts with the parameters of SimpleX: TLS 1.3 and ChaCha20-Poly1305 alone, no resumption.
#pragma once

#include "certificates.hpp"
#include "runtime.hpp"

namespace plexus::transport_tls {

using ssl_pointer = std::unique_ptr<SSL, freer<SSL_free>>;
using ssl_context_pointer = std::unique_ptr<SSL_CTX, freer<SSL_CTX_free>>;

/// What a client checks in the handshake, and what the check said.
struct expectation {
    bytes key_hash;
    std::string server; ///< for messages
    clock_view clock;
    std::optional<error> refused;
};

class client_context {
  public:
    static result<client_context> make(const settings& config);

    /// A client's end. `expected` is used until the handshake ends, see forget_expectation.
    result<ssl_pointer> make_ssl(const std::vector<bytes>& alpn, const std::string& server_name,
                                 bytes_view client_chain, bytes_view client_key, expectation& expected) const;

  private:
    explicit client_context(ssl_context_pointer context) : context_(std::move(context)) {}
    ssl_context_pointer context_;
};

void forget_expectation(SSL* ssl);

/// Certificates and key for clients that name the server: browsers. [any-thread]
class named_context {
  public:
    static result<std::shared_ptr<const named_context>> make(bytes_view chain_pem, bytes_view key_pem);
    /// Turns a connection that has read the client's hello over to this identity.
    bool take_over(SSL* ssl) const;

  private:
    explicit named_context(ssl_context_pointer context) : context_(std::move(context)) {}
    ssl_context_pointer context_;
};

/// A listener's certificates and key. [any-thread]
class server_context {
  public:
    static result<std::shared_ptr<const server_context>> make(const settings& config, clock_view clock,
                                                              bytes_view chain_pem, bytes_view key_pem,
                                                              std::vector<bytes> alpn, bool ask_certificate);
    /// `named`, if it is not null, serves the client if it names the server.
    result<ssl_pointer> make_ssl(std::shared_ptr<const named_context> named) const;

  private:
    explicit server_context(ssl_context_pointer context) : context_(std::move(context)) {}
    ssl_context_pointer context_;
};

} // namespace plexus::transport_tls
