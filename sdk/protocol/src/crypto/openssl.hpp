// OpenSSL objects with owners, and its algorithms fetched once: a fetch by name at each use costs more than a
// short hash does.
#pragma once

#include "plexus/crypto/keys.hpp"

#include <openssl/evp.h>

#include <memory>

namespace plexus::crypto::openssl {

template <auto Free>
struct deleter {
    template <typename T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};

using pkey = std::unique_ptr<EVP_PKEY, deleter<EVP_PKEY_free>>;
using pkey_context = std::unique_ptr<EVP_PKEY_CTX, deleter<EVP_PKEY_CTX_free>>;
using digest_context = std::unique_ptr<EVP_MD_CTX, deleter<EVP_MD_CTX_free>>;
using cipher_context = std::unique_ptr<EVP_CIPHER_CTX, deleter<EVP_CIPHER_CTX_free>>;

/// OpenSSL refuses what it never should (no memory, no provider): an invariant is broken.
void require(bool done, const char* what);

pkey load(const public_key& key);
/// With the public part that the key brings: OpenSSL would spend half of an agreement on computing it.
pkey load(const private_key& key);
/// From raw private bytes, the public part computed.
pkey load_private(key_type type, bytes_view raw);

} // namespace plexus::crypto::openssl
