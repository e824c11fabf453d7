// Padding: a length, the content, then '#' up to the size. Blocks and message bodies use the 2-byte length,
// files and other lazily read parts the 8-byte one. What fills the rest is never looked at.
#pragma once

#include "plexus/bytes.hpp"

#include <optional>

namespace plexus::encoding {

/// The longest content that the 2-byte form takes, whatever the padded size is.
inline constexpr std::size_t max_padded_content = 65'533;

/// Whether `content` bytes can be padded to `padded`.
constexpr bool can_pad(std::size_t content, std::size_t padded) noexcept {
    return content <= max_padded_content && padded >= 2 && content <= padded - 2;
}

/// Appends the padded content; false, with nothing appended, if it does not fit.
bool pad(bytes& out, bytes_view content, std::size_t padded_size);
/// Pads in place: the content already stands at block[2..2 + content_size), the whole span is the padded
/// size.
bool pad_in_place(bytes_span block, std::size_t content_size) noexcept;
/// The content of a padded block, as a view into it.
std::optional<bytes_view> unpad(bytes_view padded) noexcept;

bool pad_lazy(bytes& out, bytes_view content, std::uint64_t padded_size);
std::optional<bytes_view> unpad_lazy(bytes_view padded) noexcept;

} // namespace plexus::encoding
