// Authorization of commands: signatures with Ed25519 and Ed448, authenticators with X25519
// (simplex-messaging.md, Cryptographic algorithms), and the dummy checks that make a refusal cost the same
// whatever its cause.
#pragma once

#include "plexus/crypto/box.hpp"
#include "plexus/smp/errors.hpp"
#include "plexus/smp/types.hpp"

namespace plexus::smp {

/// The longest authorization, a signature with Ed448.
inline constexpr std::size_t max_authorization_size = 114;

/// Whether a key of this type may authorize commands of this version.
constexpr bool can_authorize(crypto::key_type type, version v) noexcept {
    return crypto::can_sign(type) || (type == crypto::key_type::x25519 && v >= since::implied_session);
}
/// 0, or the size of a signature or authenticator; anything else is failure::block.
bool is_authorization_size(std::size_t size) noexcept;

/// Signature or authenticator of `authorized`. `server_key` is the session key of the server, empty if it
/// gave none. Errors: failure::no_server_key, failure::key.
result<bytes> authorize(const crypto::private_key& key, const crypto::public_key& server_key,
                        bytes_view correlation_id, bytes_view authorized);

/// True if `authorization` of `authorized` was made with the private part of `key`. Its time depends on the
/// kind of authorization alone: one of another kind than the key's is checked against a dummy key, and
/// refused.
bool verify_authorization(const crypto::public_key& key, const crypto::private_key& server_session_key,
                          bytes_view correlation_id, bytes_view authorized, bytes_view authorization);
/// The same work for a queue or a key that is not there.
void verify_nothing(const crypto::private_key& server_session_key, bytes_view correlation_id,
                    bytes_view authorized, bytes_view authorization);

} // namespace plexus::smp
