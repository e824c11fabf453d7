#include "plexus/encoding/base64.hpp"

namespace plexus::encoding {
namespace {

constexpr std::string_view url_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view standard_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::uint8_t no_digit = 0xff;
using digit_table = std::array<std::uint8_t, 256>;

constexpr digit_table make_table(std::string_view alphabet) {
    digit_table table{};
    table.fill(no_digit);
    for (std::size_t i = 0; i < alphabet.size(); ++i) {
        table[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
    }
    return table;
}
constexpr auto url_table = make_table(url_alphabet);
constexpr auto standard_table = make_table(standard_alphabet);

std::string encode(bytes_view data, std::string_view alphabet) {
    std::string out;
    out.reserve((data.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < data.size(); at += 3) {
        const auto group = data.subspan(at, std::min<std::size_t>(3, data.size() - at));
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < 3; ++i) bits = bits << 8 | (i < group.size() ? group[i] : 0u);
        for (std::size_t i = 0; i < 4; ++i) {
            out.push_back(i <= group.size() ? alphabet[bits >> (18 - 6 * i) & 63] : '=');
        }
    }
    return out;
}

std::optional<bytes> decode(std::string_view text, const digit_table& table, bool padding_required) {
    const auto end = text.find('=');
    const auto digits = text.substr(0, end);
    const auto padding = text.size() - digits.size();
    if (text.find_first_not_of('=', digits.size()) != std::string_view::npos) return std::nullopt;
    const auto expected = (4 - digits.size() % 4) % 4;
    if (expected == 3 || (padding != expected && (padding != 0 || padding_required))) return std::nullopt;

    bytes out;
    out.reserve(digits.size() * 3 / 4);
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const char c : digits) {
        const auto digit = table[static_cast<std::uint8_t>(c)];
        if (digit == no_digit) return std::nullopt;
        bits = bits << 6 | digit;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out.push_back(static_cast<std::uint8_t>(bits >> held));
            bits &= (1u << held) - 1;
        }
    }
    if (bits != 0) return std::nullopt;
    return out;
}

} // namespace

std::string base64url_encode(bytes_view data) { return encode(data, url_alphabet); }
std::optional<bytes> base64url_decode(std::string_view text) { return decode(text, url_table, false); }
std::string base64_encode(bytes_view data) { return encode(data, standard_alphabet); }
std::optional<bytes> base64_decode(std::string_view text) { return decode(text, standard_table, true); }

std::optional<bytes> take_base64url(std::string_view& text) {
    const auto digits = std::find_if(
        text.begin(), text.end(), [](char c) { return url_table[static_cast<std::uint8_t>(c)] == no_digit; });
    const auto end = std::find_if(digits, text.end(), [](char c) { return c != '='; });
    if (digits == text.begin()) return std::nullopt;
    const auto size = static_cast<std::size_t>(end - text.begin());
    auto value = base64url_decode(text.substr(0, size));
    if (value) text.remove_prefix(size);
    return value;
}

} // namespace plexus::encoding
