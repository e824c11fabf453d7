// Ed25519 secrets in their expanded form, scalar and prefix (RFC 8032, 5.1.5), which Tor keeps instead of the
// seed.
#pragma once

#include "plexus/secret.hpp"

#include <optional>

namespace plexus::crypto {

using expanded_key = secret_array<64>;

expanded_key expand_ed25519(const secret_array<32>& seed);
/// Nothing if it is none that expand_ed25519 makes.
std::optional<std::array<std::uint8_t, 32>> ed25519_public_of(const expanded_key& key);

} // namespace plexus::crypto
