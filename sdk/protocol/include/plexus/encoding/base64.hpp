// Base64 in the two alphabets of SimpleX: URL-safe in links, keys and JSON, standard in a few log and API
// fields.
#pragma once

#include "plexus/bytes.hpp"

#include <optional>

namespace plexus::encoding {

/// With '=' padding.
std::string base64url_encode(bytes_view data);
/// Padding may be there or not; a wrong character, wrong padding or left-over bits are refused. "" is empty.
std::optional<bytes> base64url_decode(std::string_view text);

/// Takes the base64url value at the start of `text` (at least one character, with its '=') and leaves the
/// rest there: how values are read inside links. Nothing is taken on failure.
std::optional<bytes> take_base64url(std::string_view& text);

std::string base64_encode(bytes_view data);
std::optional<bytes> base64_decode(std::string_view text);

} // namespace plexus::encoding
