#include "plexus/encoding/base32.hpp"

namespace plexus::encoding {
namespace {

constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz234567";

std::optional<std::uint32_t> digit_of(char c) noexcept {
    if (c >= 'a' && c <= 'z') return static_cast<std::uint32_t>(c - 'a');
    if (c >= 'A' && c <= 'Z') return static_cast<std::uint32_t>(c - 'A');
    if (c >= '2' && c <= '7') return static_cast<std::uint32_t>(c - '2' + 26);
    return std::nullopt;
}

} // namespace

std::string base32_encode(bytes_view data) {
    std::string out;
    out.reserve((data.size() * 8 + 4) / 5);
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const auto each : data) {
        bits = (bits << 8 | each) & 0xfff;
        for (held += 8; held >= 5; held -= 5) out.push_back(alphabet[bits >> (held - 5) & 31]);
    }
    if (held > 0) out.push_back(alphabet[bits << (5 - held) & 31]);
    return out;
}

std::optional<bytes> base32_decode(std::string_view text) {
    const auto rest = text.size() % 8;
    if (rest == 1 || rest == 3 || rest == 6) return std::nullopt;
    bytes out;
    out.reserve(text.size() * 5 / 8);
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const char c : text) {
        const auto digit = digit_of(c);
        if (!digit) return std::nullopt;
        bits = bits << 5 | *digit;
        held += 5;
        if (held < 8) continue;
        held -= 8;
        out.push_back(static_cast<std::uint8_t>(bits >> held));
        bits &= (1u << held) - 1;
    }
    if (bits != 0) return std::nullopt;
    return out;
}

} // namespace plexus::encoding
