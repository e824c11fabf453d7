// The hello messages that open a connection (simplex-messaging.md, Appendix A), and what both sides agree on.
// They travel in unencrypted blocks. Bytes after what is known are ignored.
#pragma once

#include "plexus/crypto/box.hpp"
#include "plexus/smp/message.hpp"

namespace plexus::smp {

struct server_hello {
    version_range versions;
    bytes_view session_id;
    std::optional<certified_key> key; ///< from version 7
};

/// A service's certificate and session key, in its hello.
struct service_certificate {
    service_role role = service_role::messaging;
    certified_key key;
};

struct client_hello {
    version chosen = 0;
    bytes_view identity; ///< the fingerprint that the client expects
    std::optional<crypto::public_key> key;
    bool proxy = false;                                ///< from version 14: blocks are not encrypted
    std::optional<service_certificate> client_service; ///< from version 16
};

/// The third hello, to a client that presented a service certificate.
struct service_hello {
    bytes_view service_id;               ///< if accepted
    std::optional<server_error> refused; ///< its transport and handshake members
};

/// Error of all three: failure::hello.
result<server_hello> parse_server_hello(bytes_view content);
result<client_hello> parse_client_hello(bytes_view content);
result<service_hello> parse_service_hello(bytes_view content);
void write(encoding::writer& out, const server_hello& hello);
void write(encoding::writer& out, const client_hello& hello);
void write(encoding::writer& out, const service_hello& hello);

/// Chain and signed key, as hello and PKEY carry them.
certified_key read_certified_key(encoding::reader& in);
void write(encoding::writer& out, const certified_key& key);

/// The key in a server's hello, if its chain leads to the expected identity and `leaf_key` (of the TLS
/// certificate) signed it. Error: failure::bad_auth.
result<crypto::public_key> verify_server_key(const certified_key& key, const key_hash& expected,
                                             const crypto::public_key& leaf_key);

} // namespace plexus::smp
