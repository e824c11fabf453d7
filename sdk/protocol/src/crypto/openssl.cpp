#include "openssl.hpp"

#include <openssl/core_names.h>

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

pkey load(const private_key& key) {
    // OSSL_PARAM has no form for constant data; OpenSSL copies both.
    const auto octets = [](const char* name, bytes_view data) {
        return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(data.data()), data.size());
    };
    std::array params = {octets(OSSL_PKEY_PARAM_PRIV_KEY, key.raw()),
                         octets(OSSL_PKEY_PARAM_PUB_KEY, key.public_part().raw()),
                         OSSL_PARAM_construct_end()};
    const pkey_context context(EVP_PKEY_CTX_new_from_name(nullptr, to_text(key.type()), nullptr));
    EVP_PKEY* loaded = nullptr;
    require(context && EVP_PKEY_fromdata_init(context.get()) == 1 &&
                EVP_PKEY_fromdata(context.get(), &loaded, EVP_PKEY_KEYPAIR, params.data()) == 1,
            to_text(key.type()));
    return pkey(loaded);
}

pkey load_private(key_type type, bytes_view raw) {
    return pkey(EVP_PKEY_new_raw_private_key(pkey_id(type), nullptr, raw.data(), raw.size()));
}

} // namespace plexus::crypto::openssl
