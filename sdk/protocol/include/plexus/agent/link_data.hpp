// The data of a short link that its server stores: a fixed part with the connection request, whose hash is
// the link's key, and a part that the owner may change. Both are signed, padded and encrypted with keys that
// only the link gives; creators build it, joiners open it.
#pragma once

#include "plexus/agent/link.hpp"
#include "plexus/crypto/box.hpp"

namespace plexus::agent {

struct fixed_link_data {
    version_range agent_versions;
    crypto::public_key root_key; ///< Ed25519; its private key signs both parts
    connection_request request;
    std::optional<bytes> entity_id;

    friend bool operator==(const fixed_link_data&, const fixed_link_data&) = default;
};

/// Somebody besides the creator who may change an address, authorized by the root key or an earlier owner.
struct link_owner {
    bytes id;
    crypto::public_key key; ///< Ed25519
    bytes signature;        ///< of id and key

    friend bool operator==(const link_owner&, const link_owner&) = default;
};

struct user_link_data {
    connection_mode mode = connection_mode::invitation;
    version_range agent_versions;
    // Of addresses alone.
    bool direct = true; ///< the request in the fixed part may be used
    std::vector<link_owner> owners;
    std::vector<short_link> relays;

    bytes user_data;

    friend bool operator==(const user_link_data&, const user_link_data&) = default;
};

bytes encode(const fixed_link_data& data);
bytes encode(const user_link_data& data);
// Unknown tails are ignored. Error: failure::syntax.
result<fixed_link_data> parse_fixed_link_data(bytes_view data);
result<user_link_data> parse_user_link_data(bytes_view data);

/// SHA3-256 of the encoded fixed part.
bytes link_key(bytes_view encoded_fixed);
/// link key -> HKDF -> the key of both parts of an invitation's data.
crypto::box_key invitation_data_key(bytes_view link_key);
/// The same for an address, whose id at the server also comes from the link key.
struct contact_data_keys {
    std::array<std::uint8_t, 24> link_id{};
    crypto::box_key key;
};
contact_data_keys contact_data_key(bytes_view link_key);

/// The signature and what it signs.
bytes sign_link_data(const crypto::private_key& root, bytes_view encoded);

inline constexpr std::size_t sealed_fixed_size = 2'048;
inline constexpr std::size_t sealed_user_size = 13'824;
/// nonce, box of the padded signed data. Error: crypto too_large.
result<bytes> seal_fixed_link_data(const crypto::box_key& key, const crypto::nonce& nonce,
                                   bytes_view signed_data);
result<bytes> seal_user_link_data(const crypto::box_key& key, const crypto::nonce& nonce,
                                  bytes_view signed_data);

struct link_data {
    fixed_link_data fixed;
    user_link_data user;
};
/// Decrypts, checks the hash and every signature. Errors: crypto not_authentic, failure::syntax,
/// failure::link_data.
result<link_data> open_link_data(bytes_view link_key, const crypto::box_key& key, bytes_view sealed_fixed,
                                 bytes_view sealed_user);

} // namespace plexus::agent
