// The few facts about Unicode that markdown needs, over UTF-8 text that is known to be valid.
#pragma once

#include <cstddef>
#include <string_view>

namespace plexus::chat {

std::size_t character_count(std::string_view text) noexcept;
/// Bytes of the first character of a text that is not empty.
std::size_t character_size(std::string_view text) noexcept;
/// The code point of exactly one character; 0 for an empty text.
char32_t decode_character(std::string_view bytes) noexcept;

bool is_punctuation(char32_t code) noexcept;
bool is_space(char32_t code) noexcept;

} // namespace plexus::chat
