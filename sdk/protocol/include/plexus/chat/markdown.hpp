// The markdown of messages: *bold*, _italic_, ~strike~, `code`, #secret#, !1 colour!, links, names, commands.
// User interfaces show it; the API carries it as "formattedText" (Simplex.Chat.Markdown).
#pragma once

#include <boost/json/array.hpp>

#include <optional>
#include <string_view>

namespace plexus::chat {

/// Longer texts, which no official client sends, have no formats: the cost can grow with the square.
inline constexpr std::size_t max_markdown_length = 16 * 1024;

/// Pieces {"text": ..., "format": {"type": ...}}, those without a format have none; nothing if no piece has
/// one. Which letters a command's keyword may have is exact for ASCII.
std::optional<boost::json::array> parse_markdown(std::string_view text);

} // namespace plexus::chat
