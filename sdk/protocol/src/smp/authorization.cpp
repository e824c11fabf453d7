#include "plexus/smp/authorization.hpp"

namespace plexus::smp {
namespace {

using crypto::key_type;

/// The points where the key of a dummy check stands: generators of the curves are valid keys of nobody.
crypto::public_key dummy(key_type type, std::uint8_t first) {
    bytes raw(crypto::raw_key_size(type), 0);
    raw[0] = first;
    auto key = crypto::public_key::from_raw(type, raw);
    return key ? std::move(key).value() : crypto::public_key();
}

/// The encoded base points of edwards25519 and edwards448, and the base point of Curve25519.
const crypto::public_key& dummy_key(std::size_t authorization_size) {
    static const auto ed25519 = [] {
        bytes raw(32, 0x66);
        raw[0] = 0x58;
        return crypto::public_key::from_raw(key_type::ed25519, raw).value();
    }();
    static const auto ed448 = [] {
        static constexpr std::uint8_t base[57] = {
            0x14, 0xfa, 0x30, 0xf2, 0x5b, 0x79, 0x08, 0x98, 0xad, 0xc8, 0xd7, 0x4e, 0x2c, 0x13, 0xbd,
            0xfd, 0xc4, 0x39, 0x7c, 0xe6, 0x1c, 0xff, 0xd3, 0x3a, 0xd7, 0xc2, 0xa0, 0x05, 0x1e, 0x9c,
            0x78, 0x87, 0x40, 0x98, 0xa3, 0x6c, 0x73, 0x73, 0xea, 0x4b, 0x62, 0xc7, 0xc9, 0x56, 0x37,
            0x20, 0x76, 0x88, 0x24, 0xbc, 0xb6, 0x6e, 0x71, 0x46, 0x3f, 0x69, 0x00};
        return crypto::public_key::from_raw(key_type::ed448, base).value();
    }();
    static const auto x25519 = dummy(key_type::x25519, 9);
    if (authorization_size == crypto::authenticator_size) return x25519;
    return authorization_size == crypto::signature_size(key_type::ed448) ? ed448 : ed25519;
}

bool verify_with(const crypto::public_key& key, const crypto::private_key& server_session_key,
                 bytes_view correlation_id, bytes_view authorized, bytes_view authorization) {
    if (key.type() != key_type::x25519) return crypto::verify(key, authorized, authorization);
    const auto box = crypto::box_key::agree(server_session_key, key);
    return box &&
           crypto::verify_authenticator(*box, crypto::to_nonce(correlation_id), authorization, authorized);
}

std::size_t expected_size(key_type type) noexcept {
    return type == key_type::x25519 ? crypto::authenticator_size : crypto::signature_size(type);
}

} // namespace

bool is_authorization_size(std::size_t size) noexcept {
    return size == 0 || size == crypto::authenticator_size ||
           size == crypto::signature_size(key_type::ed25519) ||
           size == crypto::signature_size(key_type::ed448);
}

result<bytes> authorize(const crypto::private_key& key, const crypto::public_key& server_key,
                        bytes_view correlation_id, bytes_view authorized) {
    if (crypto::can_sign(key.type())) return to_bytes(crypto::sign(key, authorized).view());
    if (key.type() != key_type::x25519)
        return make_error(failure::key, "an X448 key cannot authorize an SMP command");
    if (server_key.empty())
        return make_error(failure::no_server_key,
                          "the server gave no session key, and the queue's key needs one");
    PLEXUS_TRY(auto box, crypto::box_key::agree(key, server_key));
    const auto out = crypto::authenticate(box, crypto::to_nonce(correlation_id), authorized);
    return to_bytes(bytes_view(out));
}

bool verify_authorization(const crypto::public_key& key, const crypto::private_key& server_session_key,
                          bytes_view correlation_id, bytes_view authorized, bytes_view authorization) {
    if (key.empty() || authorization.size() != expected_size(key.type())) {
        verify_nothing(server_session_key, correlation_id, authorized, authorization);
        return false;
    }
    return verify_with(key, server_session_key, correlation_id, authorized, authorization);
}

void verify_nothing(const crypto::private_key& server_session_key, bytes_view correlation_id,
                    bytes_view authorized, bytes_view authorization) {
    if (authorization.empty()) return;
    const volatile bool done = verify_with(dummy_key(authorization.size()), server_session_key,
                                           correlation_id, authorized, authorization);
    static_cast<void>(done);
}

} // namespace plexus::smp
