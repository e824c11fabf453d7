// Base32 (RFC 4648) as Tor writes it: small letters, no padding.
#pragma once

#include "plexus/bytes.hpp"

#include <optional>

namespace plexus::encoding {

std::string base32_encode(bytes_view data);
/// Letters of either size; a wrong character, an impossible length or left-over bits are refused.
std::optional<bytes> base32_decode(std::string_view text);

} // namespace plexus::encoding
