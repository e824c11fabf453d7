// The double ratchet with header encryption (pqdr.md; e2e versions 2 and 3). The agent keeps one a
// connection, as a value that it serializes into the store. A peer's KEM proposal is read and declined: it
// has no effect here.
#pragma once

#include "plexus/crypto/x3dh.hpp"

#include <deque>

namespace plexus::crypto {

enum class ratchet_error : std::int32_t {
    bad_message = 1,       ///< not the encoding of a ratchet message
    bad_header = 2,        ///< no header key opens it: another ratchet's message, or a key long gone
    duplicate = 3,         ///< the message just before the next one: it was decrypted already
    earlier = 4,           ///< an older one that was decrypted already, or whose key was given up
    too_many_skipped = 5,  ///< more than max_skipped_messages are missing before it
    not_authentic = 6,     ///< the header is right and the body was changed
    bad_padding = 7,       ///< authentic, but the length inside does not fit
    too_large = 8,         ///< the plaintext does not fit the padded size
    cannot_send = 9,       ///< the creator of a connection sends only after it has received
    kem_not_proposed = 10, ///< the peer accepts a KEM that we never proposed
    bad_key = 11,          ///< a key of the peer is no key
    bad_state = 12,        ///< stored bytes that are not a ratchet of a known form
};
constexpr const char* error_domain(ratchet_error) noexcept { return "plexus.ratchet"; }

/// Messages that may be missing before one that arrives; each costs a stored key.
inline constexpr std::uint32_t max_skipped_messages = 512;
/// Keys of skipped messages that a ratchet stores in all; beyond that the oldest are given up.
inline constexpr std::size_t max_stored_keys = 4096;

struct ratchet_versions {
    std::uint16_t current = ratchet_version_max; ///< what is sent now; rises when the peer shows that it can
    std::uint16_t max_supported = ratchet_version_max; ///< announced in headers

    friend bool operator==(const ratchet_versions&, const ratchet_versions&) = default;
};

/// The state of a ratchet. Operations either succeed and move it or fail and leave it as it was. A moved
/// state must be committed before what came of it is used: a key is never used twice.
class ratchet {
  public:
    /// For the joiner: `peer_key` is the second key of the invitation, `own` a fresh X448 key.
    static result<ratchet> join(ratchet_versions versions, const x3dh_secrets& secrets,
                                const public_key& peer_key, private_key own);
    /// For the creator: `own` is the second private key of its invitation. It can send after its first
    /// message came.
    static ratchet accept(ratchet_versions versions, const x3dh_secrets& secrets, private_key own);

    /// The plaintext is padded to `padded_size` (2-byte length) and encrypted.
    result<bytes> encrypt(bytes_view plaintext, std::size_t padded_size);
    /// `random` makes the next key when the message starts a new step.
    result<bytes> decrypt(bytes_view message, random_source& random);

    bool can_send() const noexcept { return core_.sending.has_value(); }
    /// 112 bytes, the same on both sides; SHA-256 of it is the connection's security code.
    bytes_view associated_data() const noexcept { return core_.associated_data; }
    ratchet_versions versions() const noexcept { return core_.versions; }
    std::size_t stored_keys() const noexcept;

    /// Our own form, versioned; it holds secrets.
    secret_bytes serialize() const;
    static result<ratchet> deserialize(bytes_view stored);

    struct sending_chain {
        public_key peer_key;
        secret_array<32> chain_key;
        secret_array<32> header_key;
    };
    struct receiving_chain {
        secret_array<32> chain_key;
        secret_array<32> header_key;
    };
    /// All of the state but the keys of skipped messages.
    struct state {
        ratchet_versions versions;
        std::array<std::uint8_t, 112> associated_data{};
        private_key own;
        secret_array<32> root_key;
        std::optional<sending_chain> sending;
        std::optional<receiving_chain> receiving;
        std::uint32_t sent = 0;          ///< messages in the sending chain
        std::uint32_t received = 0;      ///< messages in the receiving chain
        std::uint32_t previous_sent = 0; ///< messages in the sending chain before this one
        secret_array<32> next_send_header_key;
        secret_array<32> next_receive_header_key;
    };
    const state& core() const noexcept { return core_; }

  private:
    struct skipped_key {
        std::uint32_t number = 0;
        secret_array<32> key;
        std::array<std::uint8_t, 16> iv{};
    };
    struct skipped_chain {
        secret_array<32> header_key;
        std::deque<skipped_key> keys;
    };
    struct decryption;

    state core_;
    std::deque<skipped_chain> skipped_;
};

/// The steps of the key schedule.
struct root_step {
    secret_array<32> root_key;
    secret_array<32> chain_key;
    secret_array<32> next_header_key;
};
root_step derive_root(const secret_array<32>& root_key, bytes_view dh_secret);

struct chain_step {
    secret_array<32> chain_key;
    secret_array<32> message_key;
    std::array<std::uint8_t, 16> message_iv{};
    std::array<std::uint8_t, 16> header_iv{};
};
chain_step derive_chain(const secret_array<32>& chain_key);

} // namespace plexus::crypto
