// Text on a terminal: how many columns it takes, and what of a stranger's text may be written there. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace plexus::ui_terminal {

/// Bytes of the first character of a text that is not empty; a broken sequence counts byte by byte.
std::size_t character_size(std::string_view text) noexcept;
/// Bytes of the last character of a text that is not empty.
std::size_t last_character_size(std::string_view text) noexcept;
/// Columns: 0 for combining characters, 2 for East Asian and emoji, else 1.
std::size_t columns(std::string_view text) noexcept;

/// Without control characters, terminal sequences and marks that turn the direction of writing; line breaks
/// stay, tabs become spaces, broken UTF-8 becomes U+FFFD.
std::string harmless(std::string_view text);

} // namespace plexus::ui_terminal
