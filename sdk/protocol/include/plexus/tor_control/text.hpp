// The text forms inside control lines: quoted strings, and words with KEY=VALUE among them. Used by the
// parsers of this folder. Source: control-spec 2.1 and 2.2.
#pragma once

#include "plexus/bytes.hpp"

#include <optional>
#include <utility>

namespace plexus::tor_control {

/// In quotation marks, with backslashes before '"' and '\'; what no line may hold becomes an octal escape.
std::string quoted(std::string_view text);

/// A line's words and, in order, its KEY=VALUE pairs; values may be quoted, and are given without quotes.
struct arguments {
    std::vector<std::string> words;
    std::vector<std::pair<std::string, std::string>> values;

    std::optional<std::string_view> find(std::string_view key) const noexcept;
};

/// Nothing if a quoted string has no end. Whatever else it does not understand is a word.
std::optional<arguments> parse_arguments(std::string_view line);

/// Without control characters, cut at `most` bytes: text of a peer, fit for a log line.
std::string printable(std::string_view text, std::size_t most = 300);

} // namespace plexus::tor_control
