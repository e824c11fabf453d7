#include "plexus/crypto/keys.hpp"

#include "openssl.hpp"
#include "sodium.hpp"

#include <sodium.h>

namespace plexus::crypto {
namespace {

result<void> check_types(const private_key& own, const public_key& peer, key_type type) {
    if (own.empty() || peer.empty() || own.type() != type || peer.type() != type) {
        return make_error(crypto_error::bad_key, std::string(to_text(type)) + " needs two keys of that type");
    }
    return {};
}

error weak_key() { return make_error(crypto_error::weak_key, "the peer's key is a point of low order"); }

} // namespace

result<secret_array<32>> dh_x25519(const private_key& own, const public_key& peer) {
    PLEXUS_CHECK(check_types(own, peer, key_type::x25519));
    prepare_sodium();
    secret_array<32> secret;
    if (crypto_scalarmult_curve25519(secret.data(), own.raw().data(), peer.raw().data()) != 0)
        return weak_key();
    return secret;
}

result<secret_array<56>> dh_x448(const private_key& own, const public_key& peer) {
    PLEXUS_CHECK(check_types(own, peer, key_type::x448));
    const auto own_loaded = openssl::load(own);
    const auto peer_loaded = openssl::load(peer);
    openssl::require(own_loaded && peer_loaded, "X448");
    const openssl::pkey_context context(EVP_PKEY_CTX_new_from_pkey(nullptr, own_loaded.get(), nullptr));
    openssl::require(context && EVP_PKEY_derive_init(context.get()) == 1 &&
                         EVP_PKEY_derive_set_peer_ex(context.get(), peer_loaded.get(), 0) == 1,
                     "X448");
    secret_array<56> secret;
    auto size = secret.size();
    // OpenSSL refuses a result of zeros.
    if (EVP_PKEY_derive(context.get(), secret.data(), &size) != 1 || size != secret.size()) return weak_key();
    return secret;
}

} // namespace plexus::crypto
