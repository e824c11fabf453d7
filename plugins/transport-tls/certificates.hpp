// Certificate chains of SimpleX servers: reading them, checking them, and the identity in them.
#pragma once

#include "plexus/abi.hpp"

#include <openssl/ssl.h>

#include <chrono>
#include <memory>

namespace plexus::transport_tls {

template <auto Free>
struct freer {
    template <typename T>
    void operator()(T* one) const noexcept {
        Free(one);
    }
};
using bio_pointer = std::unique_ptr<BIO, freer<BIO_free>>;
using key_pointer = std::unique_ptr<EVP_PKEY, freer<EVP_PKEY_free>>;
using certificate_pointer = std::unique_ptr<X509, freer<X509_free>>;
using chain = std::vector<certificate_pointer>; ///< the leaf first

/// The last words of OpenSSL on this thread, for a message; its queue is empty afterwards.
std::string openssl_reason();

/// base64url, as server addresses show it.
std::string shown(bytes_view hash);

/// A chain as a server sends it is sound: 2 to 4 certificates, each signed by the next one, an authority that
/// may sign, all valid at that time. A failure carries in `code` the X509_V_ERR_* for the TLS alert.
result<void> check_chain(const std::vector<X509*>& certificates, std::chrono::nanoseconds wall_time,
                         int& code);

/// The same for what a client shows of a service: 1 to 4 certificates, a single one signed by itself.
result<void> check_client_chain(const std::vector<X509*>& certificates, std::chrono::nanoseconds wall_time,
                                int& code);

/// SHA-256 of the second certificate: what a server's address names.
bytes identity_of(const std::vector<X509*>& certificates);

/// Certificates and key from PEM; the key is the leaf's, Ed25519 or Ed448. Errors name the way out.
result<chain> read_chain(bytes_view pem);
result<key_pointer> read_key(bytes_view pem, X509* leaf);
/// The same of any kind.
result<key_pointer> read_any_key(bytes_view pem, X509* leaf);

bytes der_of(X509* certificate);

} // namespace plexus::transport_tls
