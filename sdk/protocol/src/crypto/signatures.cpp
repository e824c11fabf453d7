#include "plexus/crypto/keys.hpp"

#include "openssl.hpp"

#include <sodium.h>

#include <stdexcept>

namespace plexus::crypto {

signature sign(const private_key& key, bytes_view message) {
    if (key.empty() || !can_sign(key.type())) throw std::invalid_argument("only Ed25519 and Ed448 keys sign");
    signature made;
    made.size_ = signature_size(key.type());
    if (key.type() == key_type::ed25519) {
        // libsodium's form of the key: the seed, then the public key.
        secret_array<crypto_sign_SECRETKEYBYTES> pair;
        std::copy(key.raw().begin(), key.raw().end(), pair.data());
        const auto public_raw = key.public_part().raw();
        std::copy(public_raw.begin(), public_raw.end(), pair.data() + key.raw().size());
        crypto_sign_detached(made.data_.data(), nullptr, message.data(), message.size(), pair.data());
        return made;
    }
    const auto loaded = openssl::load(key);
    const openssl::digest_context context(EVP_MD_CTX_new());
    auto size = made.size_;
    openssl::require(
        loaded && context &&
            EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, loaded.get()) == 1 &&
            EVP_DigestSign(context.get(), made.data_.data(), &size, message.data(), message.size()) == 1 &&
            size == made.size_,
        "an Ed448 signature");
    return made;
}

bool verify(const public_key& key, bytes_view message, bytes_view signature) {
    if (key.empty() || signature.empty() || signature.size() != signature_size(key.type())) return false;
    if (key.type() == key_type::ed25519) {
        return crypto_sign_verify_detached(signature.data(), message.data(), message.size(),
                                           key.raw().data()) == 0;
    }
    const auto loaded = openssl::load(key);
    const openssl::digest_context context(EVP_MD_CTX_new());
    return loaded && context &&
           EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, loaded.get()) == 1 &&
           EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                            message.size()) == 1;
}

} // namespace plexus::crypto
