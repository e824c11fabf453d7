#include "plexus/crypto/expanded_key.hpp"

#include "plexus/crypto/hash.hpp"

#include "sodium.hpp"

#include <sodium.h>

namespace plexus::crypto {

expanded_key expand_ed25519(const secret_array<32>& seed) {
    auto hash = sha512(seed);
    expanded_key out(hash);
    wipe(hash.data(), hash.size());
    out.data()[0] &= 248;
    out.data()[31] &= 63;
    out.data()[31] |= 64;
    return out;
}

std::optional<std::array<std::uint8_t, 32>> ed25519_public_of(const expanded_key& key) {
    if ((key.data()[0] & 7) != 0 || (key.data()[31] & 192) != 64) return std::nullopt;
    prepare_sodium();
    std::array<std::uint8_t, 32> point{};
    if (crypto_scalarmult_ed25519_base_noclamp(point.data(), key.data()) != 0) return std::nullopt;
    return point;
}

} // namespace plexus::crypto
