// XSalsa20-Poly1305 boxes. In SimpleX a crypto_box (from an X25519 secret) and a secretbox (from a symmetric
// key) are the same thing: the 32-byte secret goes through HSalsa20 with a zero input, and that key seals.
// Servers and clients keep the resulting box_key, so that it is computed once.
#pragma once

#include "plexus/crypto/keys.hpp"

namespace plexus::crypto {

inline constexpr std::size_t nonce_size = 24;
/// What a box is longer than its content.
inline constexpr std::size_t box_tag_size = 16;
inline constexpr std::size_t authenticator_size = 80;

using nonce = std::array<std::uint8_t, nonce_size>;

/// Shorter input is filled up with zeros, longer is cut.
nonce to_nonce(bytes_view data) noexcept;
nonce random_nonce(random_source& random);
/// The nonce of the answer to a proxied command.
nonce reverse_nonce(const nonce& value) noexcept;

/// A ready key of a box.
class box_key {
  public:
    box_key() noexcept = default;
    /// From a secretbox key or an X25519 secret.
    explicit box_key(const secret_array<32>& secret) noexcept;
    explicit box_key(std::span<const std::uint8_t, 32> secret) noexcept;
    /// From the two keys of a crypto_box.
    static result<box_key> agree(const private_key& own, const public_key& peer);

    const secret_array<32>& raw() const noexcept { return key_; }

  private:
    secret_array<32> key_;
};

// In place, without padding, the tag in front: `box` is 16 bytes for the tag, then the text. A box shorter
// than its tag is a broken invariant when sealing (std::invalid_argument), and not authentic when opening.
void seal_in_place(const box_key& key, const nonce& n, bytes_span box);
/// The opened text is box[16..]; on failure the box is as it was.
[[nodiscard]] bool open_in_place(const box_key& key, const nonce& n, bytes_span box) noexcept;

bytes seal(const box_key& key, const nonce& n, bytes_view text);
result<bytes> open(const box_key& key, const nonce& n, bytes_view box);
/// Padded (2-byte length) before it is sealed: the box is padded_size + 16 bytes. too_large if it does not
/// fit.
result<bytes> seal_padded(const box_key& key, const nonce& n, bytes_view text, std::size_t padded_size);
result<bytes> open_padded(const box_key& key, const nonce& n, bytes_view box);
/// Appends the padded box: one copy, one pass.
result<void> append_padded_box(bytes& out, const box_key& key, const nonce& n, bytes_view text,
                               std::size_t padded_size);

// The forms for files: the tag at the end; the padded ones have the 8-byte length.
bytes seal_tail(const box_key& key, const nonce& n, bytes_view text);
result<bytes> open_tail(const box_key& key, const nonce& n, bytes_view box);
result<bytes> seal_tail_padded(const box_key& key, const nonce& n, bytes_view text,
                               std::uint64_t padded_size);
result<bytes> open_tail_padded(const box_key& key, const nonce& n, bytes_view box);

/// The authenticator of a command: the box of the SHA-512 of what is authorized, 80 bytes.
using authenticator = std::array<std::uint8_t, authenticator_size>;
authenticator authenticate(const box_key& key, const nonce& n, bytes_view authorized);
bool verify_authenticator(const box_key& key, const nonce& n, bytes_view authenticator,
                          bytes_view authorized);

/// Keys of encrypted blocks, one after the other (SMP 11 and later).
class sb_chain {
  public:
    struct link {
        secret_array<32> key;
        nonce n;
    };

    sb_chain() noexcept = default;
    explicit sb_chain(const secret_array<32>& chain_key) noexcept : chain_key_(chain_key) {}

    /// The key and nonce of the next block; the chain moves on.
    link next();
    const secret_array<32>& chain_key() const noexcept { return chain_key_; }

  private:
    secret_array<32> chain_key_;
};

/// The two directions of a connection, named from the server's side: a client receives with server_send.
struct sb_chain_pair {
    sb_chain server_send;
    sb_chain server_receive;
};
sb_chain_pair init_sb_chains(bytes_view session_id, const secret_array<32>& secret);

/// The secret of a remote-control session: SHA3-256 of the X25519 secret and the KEM's.
secret_array<32> hybrid_secret(const secret_array<32>& dh_secret, bytes_view kem_secret);

} // namespace plexus::crypto
