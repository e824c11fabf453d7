// Certificates of servers and services: the roles in a chain, fingerprints, and session keys that are signed
// with the leaf's key. Chains themselves are verified by the secure transport, which pins the fingerprint.
#pragma once

#include "plexus/crypto/keys.hpp"
#include "plexus/smp/errors.hpp"
#include "plexus/smp/types.hpp"

namespace plexus::smp {

/// Indexes into a chain of 2 to 4 certificates: the identity is what an address names.
struct chain_roles {
    std::size_t leaf = 0;
    std::size_t identity = 0;
    std::size_t authority = 0;
};
/// Nothing for other lengths (of one certificate, a service's own, leaf and identity are the same: see
/// service_roles).
std::optional<chain_roles> roles_of_chain(std::size_t length) noexcept;
std::optional<chain_roles> roles_of_service_chain(std::size_t length) noexcept;

/// SHA-256 of the DER.
key_hash fingerprint(bytes_view certificate);
/// Error: failure::bad_auth, for anything that is no certificate with a key of our four types.
result<crypto::public_key> certificate_key(bytes_view certificate);

/// The signed form of a session key: a sequence around the SPKI, the algorithm and the signature of that
/// sequence.
bytes sign_session_key(const crypto::private_key& signer, const crypto::public_key& session_key);
/// The session key, of any type, if it was signed with `signer`. Error: failure::bad_auth.
result<crypto::public_key> verify_session_key(const crypto::public_key& signer, bytes_view signed_key);

} // namespace plexus::smp
