#include "plexus/encoding/text.hpp"

#include <limits>

namespace plexus::encoding {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

std::optional<std::uint8_t> hex_digit(char c) noexcept {
    if (is_digit(c)) return static_cast<std::uint8_t>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
    return std::nullopt;
}

std::optional<char> escaped(std::string_view text) noexcept {
    if (text.size() < 3) return std::nullopt;
    const auto high = hex_digit(text[1]);
    const auto low = hex_digit(text[2]);
    if (!high || !low) return std::nullopt;
    return static_cast<char>(*high << 4 | *low);
}

std::string decode_query_part(std::string_view text) {
    std::string spaced(text);
    std::replace(spaced.begin(), spaced.end(), '+', ' ');
    return percent_decode(spaced);
}

} // namespace

std::optional<std::uint64_t> take_decimal(std::string_view& text, std::uint64_t most) noexcept {
    std::uint64_t value = 0;
    std::size_t size = 0;
    for (; size < text.size() && is_digit(text[size]); ++size) {
        const auto digit = static_cast<std::uint64_t>(text[size] - '0');
        if (value > (most - digit) / 10 || digit > most) return std::nullopt;
        value = value * 10 + digit;
    }
    if (size == 0) return std::nullopt;
    text.remove_prefix(size);
    return value;
}

std::optional<std::uint64_t> parse_decimal(std::string_view text, std::uint64_t most) noexcept {
    const auto value = take_decimal(text, most);
    return text.empty() ? value : std::nullopt;
}

std::optional<std::int64_t> parse_signed(std::string_view text) noexcept {
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    const auto size = parse_decimal(text, negative ? most + 1 : most);
    if (!size) return std::nullopt;
    return static_cast<std::int64_t>(negative ? ~*size + 1 : *size);
}

query_string query_string::parse(std::string_view text) {
    query_string query;
    if (text.starts_with('?')) text.remove_prefix(1);
    while (!text.empty()) {
        const auto end = std::min(text.find_first_of("&;"), text.size());
        const auto pair = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (pair.empty()) continue;
        const auto equals = std::min(pair.find('='), pair.size());
        query.values_.emplace_back(decode_query_part(pair.substr(0, equals)),
                                   decode_query_part(pair.substr(std::min(equals + 1, pair.size()))));
    }
    return query;
}

std::optional<std::string_view> query_string::find(std::string_view name) const noexcept {
    for (const auto& [key, value] : values_) {
        if (key == name) return value;
    }
    return std::nullopt;
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        const bool plain = is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           std::string_view("-_.~").find(c) != std::string_view::npos;
        if (plain) {
            out += c;
        } else {
            const auto byte = static_cast<std::uint8_t>(c);
            out += {'%', digits[byte >> 4], digits[byte & 15]};
        }
    }
    return out;
}

std::string percent_decode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const auto value = text.front() == '%' ? escaped(text) : std::nullopt;
        out += value.value_or(text.front());
        text.remove_prefix(value ? 3 : 1);
    }
    return out;
}

bool is_utf8(std::string_view text) noexcept {
    std::size_t at = 0;
    while (at < text.size()) {
        const auto lead = static_cast<std::uint8_t>(text[at]);
        const std::size_t size = lead < 0x80   ? 1
                                 : lead < 0xc2 ? 0
                                 : lead < 0xe0 ? 2
                                 : lead < 0xf0 ? 3
                                 : lead < 0xf5 ? 4
                                               : 0;
        if (size == 0 || size > text.size() - at) return false;
        std::uint32_t code = size == 1 ? lead : lead & (0xffu >> (size + 1));
        for (std::size_t i = 1; i < size; ++i) {
            const auto byte = static_cast<std::uint8_t>(text[at + i]);
            if ((byte & 0xc0) != 0x80) return false;
            code = code << 6 | (byte & 0x3fu);
        }
        const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
        if (overlong || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return false;
        at += size;
    }
    return true;
}

} // namespace plexus::encoding
