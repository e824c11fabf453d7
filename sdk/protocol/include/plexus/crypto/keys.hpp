// Asymmetric keys of SimpleX, their encodings, signatures and key agreement. Everything that authorizes,
// encrypts or agrees uses these two value types.
#pragma once

#include "plexus/crypto/error.hpp"
#include "plexus/crypto/random.hpp"

namespace plexus::crypto {

enum class key_type : std::uint8_t { ed25519, ed448, x25519, x448 };

const char* to_text(key_type type) noexcept;
/// Bytes of a raw key; public and private ones have the same size: 32, 57, 32, 56.
constexpr std::size_t raw_key_size(key_type type) noexcept {
    constexpr std::size_t sizes[] = {32, 57, 32, 56};
    return sizes[static_cast<std::size_t>(type)];
}
constexpr bool can_sign(key_type type) noexcept {
    return type == key_type::ed25519 || type == key_type::ed448;
}
/// 64 or 114; 0 for keys that do not sign.
constexpr std::size_t signature_size(key_type type) noexcept {
    return type == key_type::ed25519 ? 64 : type == key_type::ed448 ? 114 : 0;
}
/// Bytes of the SubjectPublicKeyInfo: 44, 69, 44, 68.
constexpr std::size_t spki_size(key_type type) noexcept { return raw_key_size(type) + 12; }

/// A public key. A default one is empty: it equals only another empty one, and verifies nothing.
class public_key {
  public:
    public_key() noexcept = default;

    static result<public_key> from_raw(key_type type, bytes_view raw);
    /// SubjectPublicKeyInfo in DER, as keys travel on the wire. Any of the four types.
    static result<public_key> from_spki(bytes_view der);
    /// The same, and it must be of that type.
    static result<public_key> from_spki(key_type type, bytes_view der);
    /// base64url of the DER, as in links.
    static result<public_key> from_text(std::string_view text);

    key_type type() const noexcept { return type_; }
    bool empty() const noexcept { return size_ == 0; }
    bytes_view raw() const noexcept { return {raw_.data(), size_}; }
    bytes spki() const;
    /// Appends the DER.
    void append_spki(bytes& out) const;
    std::string text() const;

    friend bool operator==(const public_key& a, const public_key& b) noexcept {
        return a.type_ == b.type_ && equal(a.raw(), b.raw());
    }

  private:
    key_type type_ = key_type::ed25519;
    std::uint8_t size_ = 0;
    std::array<std::uint8_t, 57> raw_{};
};

/// A private key together with its public part. It wipes itself; a default one is empty and may not be used.
class private_key {
  public:
    private_key() noexcept = default;

    static private_key generate(key_type type, random_source& random);
    static result<private_key> from_raw(key_type type, bytes_view raw);
    /// A raw key whose public part was stored beside it by us, so that it need not be computed again.
    static result<private_key> from_stored(key_type type, bytes_view raw, bytes_view public_raw);
    /// PKCS #8 in DER, version 0, as official programs and `openssl genpkey` write it.
    static result<private_key> from_pkcs8(bytes_view der);

    key_type type() const noexcept { return public_.type(); }
    bool empty() const noexcept { return public_.empty(); }
    bytes_view raw() const noexcept { return {raw_.data(), public_.raw().size()}; }
    secret_bytes pkcs8() const;
    const public_key& public_part() const noexcept { return public_; }

    friend bool operator==(const private_key& a, const private_key& b) noexcept {
        return a.type() == b.type() && secret_equal(a.raw(), b.raw());
    }

  private:
    public_key public_;
    secret_array<57> raw_;
};

/// A signature: 64 bytes of Ed25519 or 114 of Ed448.
class signature {
  public:
    bytes_view view() const noexcept { return {data_.data(), size_}; }
    operator bytes_view() const noexcept { return view(); }

  private:
    friend signature sign(const private_key& key, bytes_view message);
    std::array<std::uint8_t, 114> data_{};
    std::size_t size_ = 0;
};

/// Deterministic. A key that cannot sign is a broken invariant: std::invalid_argument.
signature sign(const private_key& key, bytes_view message);
/// False for a wrong signature, a wrong size, or a key that cannot sign.
bool verify(const public_key& key, bytes_view message, bytes_view signature);

/// Key agreement. Keys of another type are bad_key; a result of zeros (a low-order key of the peer) is
/// weak_key.
result<secret_array<32>> dh_x25519(const private_key& own, const public_key& peer);
result<secret_array<56>> dh_x448(const private_key& own, const public_key& peer);

} // namespace plexus::crypto
