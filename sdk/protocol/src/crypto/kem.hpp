// The binary form of a peer's KEM parameters, shared by connection parameters and ratchet headers.
#pragma once

#include "plexus/crypto/x3dh.hpp"

namespace plexus::crypto {

/// 'P' and a key, or 'A', a ciphertext and a key.
kem_params read_kem_params(encoding::reader& in);
void write(encoding::writer& out, const kem_params& params);

} // namespace plexus::crypto
