#include "plexus/crypto/keys.hpp"

#include "openssl.hpp"

#include "plexus/encoding/base64.hpp"

#include <sodium.h>

namespace plexus::crypto {
namespace {

using namespace std::string_literals;

constexpr std::array all_types = {key_type::ed25519, key_type::ed448, key_type::x25519, key_type::x448};
constexpr std::size_t spki_prefix_size = 12;
constexpr std::size_t pkcs8_prefix_size = 16;

std::uint8_t oid_tail(key_type type) noexcept {
    switch (type) {
    case key_type::x25519: return 0x6e;
    case key_type::x448: return 0x6f;
    case key_type::ed25519: return 0x70;
    case key_type::ed448: return 0x71;
    }
    return 0;
}

/// SEQUENCE { SEQUENCE { OID 1.3.101.x }, BIT STRING key }
std::array<std::uint8_t, spki_prefix_size> spki_prefix(key_type type) noexcept {
    const auto size = static_cast<std::uint8_t>(raw_key_size(type));
    return {0x30, static_cast<std::uint8_t>(size + 10), 0x30, 5, 6, 3, 0x2b, 0x65, oid_tail(type),
            3,    static_cast<std::uint8_t>(size + 1),  0};
}

/// SEQUENCE { INTEGER 0, SEQUENCE { OID 1.3.101.x }, OCTET STRING { OCTET STRING key } }
std::array<std::uint8_t, pkcs8_prefix_size> pkcs8_prefix(key_type type) noexcept {
    const auto size = static_cast<std::uint8_t>(raw_key_size(type));
    return {0x30, static_cast<std::uint8_t>(size + 14), 2, 1,   0, 0x30, 5, 6, 3, 0x2b, 0x65, oid_tail(type),
            4,    static_cast<std::uint8_t>(size + 2),  4, size};
}

error bad_size(key_type type, std::size_t size) {
    return make_error(crypto_error::bad_key, "a raw "s + to_text(type) + " key has " +
                                                 std::to_string(raw_key_size(type)) + " bytes, not " +
                                                 std::to_string(size));
}

bool starts_with(bytes_view data, bytes_view prefix) noexcept {
    return data.size() >= prefix.size() && equal(data.first(prefix.size()), prefix);
}

std::array<std::uint8_t, 57> compute_public(key_type type, bytes_view raw) {
    std::array<std::uint8_t, 57> out{};
    if (type == key_type::x25519) {
        crypto_scalarmult_curve25519_base(out.data(), raw.data());
    } else if (type == key_type::ed25519) {
        secret_array<crypto_sign_SECRETKEYBYTES> expanded;
        crypto_sign_seed_keypair(out.data(), expanded.data(), raw.data());
    } else {
        const auto key = openssl::load_private(type, raw);
        std::size_t size = out.size();
        openssl::require(key && EVP_PKEY_get_raw_public_key(key.get(), out.data(), &size) == 1,
                         to_text(type));
    }
    return out;
}

} // namespace

const char* to_text(key_type type) noexcept {
    switch (type) {
    case key_type::ed25519: return "Ed25519";
    case key_type::ed448: return "Ed448";
    case key_type::x25519: return "X25519";
    case key_type::x448: return "X448";
    }
    return "unknown";
}

result<public_key> public_key::from_raw(key_type type, bytes_view raw) {
    if (raw.size() != raw_key_size(type)) return bad_size(type, raw.size());
    public_key key;
    key.type_ = type;
    key.size_ = static_cast<std::uint8_t>(raw.size());
    std::copy(raw.begin(), raw.end(), key.raw_.begin());
    return key;
}

result<public_key> public_key::from_spki(bytes_view der) {
    for (const auto type : all_types) {
        if (der.size() == spki_size(type) && starts_with(der, spki_prefix(type))) {
            return from_raw(type, der.subspan(spki_prefix_size));
        }
    }
    return make_error(crypto_error::bad_key,
                      std::to_string(der.size()) +
                          " bytes are not the DER of an Ed25519, Ed448, X25519 or X448 public key");
}

result<public_key> public_key::from_spki(key_type type, bytes_view der) {
    PLEXUS_TRY(auto key, from_spki(der));
    if (key.type() != type) {
        return make_error(crypto_error::bad_key, "an "s + to_text(key.type()) + " key stands where an " +
                                                     to_text(type) + " key must be");
    }
    return key;
}

result<public_key> public_key::from_text(std::string_view text) {
    const auto der = encoding::base64url_decode(text);
    if (!der) return make_error(crypto_error::bad_key, "a public key is not valid base64url");
    return from_spki(*der);
}

bytes public_key::spki() const {
    bytes der;
    append_spki(der);
    return der;
}

void public_key::append_spki(bytes& out) const {
    const auto prefix = spki_prefix(type_);
    out.insert(out.end(), prefix.begin(), prefix.end());
    out.insert(out.end(), raw_.begin(), raw_.begin() + size_);
}

std::string public_key::text() const { return encoding::base64url_encode(spki()); }

private_key private_key::generate(key_type type, random_source& random) {
    secret_array<57> seed;
    random.fill(seed.span().first(raw_key_size(type)));
    return from_raw(type, bytes_view(seed).first(raw_key_size(type))).value();
}

result<private_key> private_key::from_raw(key_type type, bytes_view raw) {
    if (raw.size() != raw_key_size(type)) return bad_size(type, raw.size());
    return from_stored(type, raw, bytes_view(compute_public(type, raw)).first(raw.size()));
}

result<private_key> private_key::from_stored(key_type type, bytes_view raw, bytes_view public_raw) {
    if (raw.size() != raw_key_size(type)) return bad_size(type, raw.size());
    private_key key;
    PLEXUS_TRY(key.public_, public_key::from_raw(type, public_raw));
    std::copy(raw.begin(), raw.end(), key.raw_.data());
    return key;
}

result<private_key> private_key::from_pkcs8(bytes_view der) {
    for (const auto type : all_types) {
        if (der.size() == pkcs8_prefix_size + raw_key_size(type) && starts_with(der, pkcs8_prefix(type))) {
            return from_raw(type, der.subspan(pkcs8_prefix_size));
        }
    }
    return make_error(crypto_error::bad_key,
                      std::to_string(der.size()) +
                          " bytes are not the PKCS #8 DER of an Ed25519, Ed448, X25519 or X448 private key");
}

secret_bytes private_key::pkcs8() const {
    const auto prefix = pkcs8_prefix(type());
    secret_bytes der(prefix.size() + raw().size());
    std::copy(prefix.begin(), prefix.end(), der.data());
    std::copy(raw().begin(), raw().end(), der.data() + prefix.size());
    return der;
}

} // namespace plexus::crypto
