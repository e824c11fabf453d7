// Public and private keys in DER and text: what is read is written back as it was.
#include "plexus/crypto/keys.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace plexus;
    const bytes_view input(data, size);
    if (const auto key = crypto::public_key::from_spki(input)) {
        if (!equal(key.value().spki(), input)) std::abort();
        if (crypto::public_key::from_text(key.value().text()).value() != key.value()) std::abort();
        crypto::verify(key.value(), input, bytes(crypto::signature_size(key.value().type())));
    }
    if (const auto key = crypto::private_key::from_pkcs8(input)) {
        if (!equal(key.value().pkcs8(), input)) std::abort();
    }
    static_cast<void>(crypto::public_key::from_text(as_text(input)));
    return 0;
}
