#include "openssl.hpp"

#include <stdexcept>
#include <string>

namespace plexus::crypto::openssl {
namespace {

int pkey_id(key_type type) noexcept {
    switch (type) {
    case key_type::ed25519: return EVP_PKEY_ED25519;
    case key_type::ed448: return EVP_PKEY_ED448;
    case key_type::x25519: return EVP_PKEY_X25519;
    case key_type::x448: return EVP_PKEY_X448;
    }
    return EVP_PKEY_NONE;
}

} // namespace

void require(bool done, const char* what) {
    if (!done) throw std::runtime_error(std::string("OpenSSL cannot do ") + what);
}

pkey load(const public_key& key) {
    return pkey(
        EVP_PKEY_new_raw_public_key(pkey_id(key.type()), nullptr, key.raw().data(), key.raw().size()));
}

pkey load_private(key_type type, bytes_view raw) {
    return pkey(EVP_PKEY_new_raw_private_key(pkey_id(type), nullptr, raw.data(), raw.size()));
}

} // namespace plexus::crypto::openssl
