// Hashes and key derivation.
#pragma once

#include "plexus/secret.hpp"

namespace plexus::crypto {

using digest16 = std::array<std::uint8_t, 16>;
using digest32 = std::array<std::uint8_t, 32>;
using digest48 = std::array<std::uint8_t, 48>;
using digest64 = std::array<std::uint8_t, 64>;

digest32 sha256(bytes_view data);
digest64 sha512(bytes_view data);
/// Of several parts, as if they were one.
digest32 sha256(std::initializer_list<bytes_view> parts);
digest64 sha512(std::initializer_list<bytes_view> parts);
digest32 sha3_256(bytes_view data);
digest48 sha3_384(bytes_view data);
/// Not for security: the sum of queue ids that services compare.
digest16 md5(bytes_view data);

/// HMAC-SHA256 of several parts, as if they were one.
digest32 hmac_sha256(bytes_view key, std::initializer_list<bytes_view> parts);

/// HKDF-SHA512 (RFC 5869), extract and expand. `out` is at most 255 * 64 bytes, which is checked.
void hkdf_sha512(bytes_view salt, bytes_view secret, std::string_view info, bytes_span out);

/// The sender id that belongs to a client's correlation id: the first 24 bytes of its SHA3-384.
std::array<std::uint8_t, 24> id_from_correlation_id(bytes_view correlation_id);

} // namespace plexus::crypto
