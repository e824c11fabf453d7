#include "plexus/encoding/text.hpp"

namespace plexus::encoding {
namespace {

using ipv6_groups = std::array<std::uint16_t, 8>;

bool is_hex(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

std::size_t count_while(std::string_view text, bool (*matches)(char)) noexcept {
    return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), matches) - text.begin());
}

/// Groups up to the end or a "::", which is taken; nothing if a group is malformed.
std::optional<std::vector<std::uint16_t>> take_groups(std::string_view& text, bool& gap) {
    std::vector<std::uint16_t> groups;
    gap = false;
    while (!text.empty()) {
        if (text.starts_with("::")) {
            text.remove_prefix(2);
            gap = true;
            break;
        }
        if (!groups.empty()) {
            if (text.front() != ':') return std::nullopt;
            text.remove_prefix(1);
        }
        const auto size = count_while(text, is_hex);
        if (size == 0 || size > 4 || groups.size() == 8) return std::nullopt;
        groups.push_back(
            static_cast<std::uint16_t>(std::stoul(std::string(text.substr(0, size)), nullptr, 16)));
        text.remove_prefix(size);
    }
    return groups;
}

std::optional<ipv6_groups> parse_ipv6(std::string_view text) {
    bool gap = false;
    const auto head = take_groups(text, gap);
    if (!head) return std::nullopt;
    ipv6_groups groups{};
    std::copy(head->begin(), head->end(), groups.begin());
    if (!gap) return head->size() == 8 ? std::optional(groups) : std::nullopt;
    bool second_gap = false;
    const auto tail = take_groups(text, second_gap);
    if (!tail || second_gap || head->size() + tail->size() > 7) return std::nullopt;
    std::copy(tail->rbegin(), tail->rend(), groups.rbegin());
    return groups;
}

/// RFC 5952: lower case, the longest run of two or more zero groups becomes "::".
std::string to_text(const ipv6_groups& groups) {
    std::size_t gap = 8;
    std::size_t gap_size = 1;
    for (std::size_t i = 0; i < 8; ++i) {
        std::size_t size = 0;
        while (i + size < 8 && groups[i + size] == 0) ++size;
        if (size > gap_size) {
            gap = i;
            gap_size = size;
        }
    }
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < 8; ++i) {
        if (i == gap) {
            text += "::";
            i += gap_size - 1;
            continue;
        }
        if (!text.empty() && text.back() != ':') text += ':';
        bool started = false;
        for (int shift = 12; shift >= 0; shift -= 4) {
            const auto digit = static_cast<unsigned>(groups[i]) >> shift & 15u;
            started = started || digit != 0 || shift == 0;
            if (started) text += digits[digit];
        }
    }
    return text;
}

std::optional<host> take_ipv4(std::string_view& text) {
    auto rest = text;
    host found{host_kind::ipv4, {}};
    for (int i = 0; i < 4; ++i) {
        const auto number = take_decimal(rest, 255);
        if (!number) return std::nullopt;
        found.name += std::to_string(*number);
        if (i == 3) break;
        if (!rest.starts_with('.')) return std::nullopt;
        rest.remove_prefix(1);
        found.name += '.';
    }
    text = rest;
    return found;
}

std::optional<host> take_ipv6(std::string_view& text) {
    std::string_view digits;
    std::size_t taken = 0;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos) return std::nullopt;
        digits = text.substr(1, close - 1);
        taken = close + 1;
    } else {
        taken = count_while(text, [](char c) { return is_hex(c) || c == ':'; });
        digits = text.substr(0, taken);
    }
    const auto groups = digits.empty() ? std::nullopt : parse_ipv6(digits);
    if (!groups) return std::nullopt;
    text.remove_prefix(taken);
    return host{host_kind::ipv6, to_text(*groups)};
}

std::optional<host> take_onion(std::string_view& text) {
    constexpr std::string_view suffix = ".onion";
    const auto name =
        count_while(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
    if (!text.substr(name).starts_with(suffix)) return std::nullopt;
    host found{host_kind::onion, std::string(text.substr(0, name + suffix.size()))};
    text.remove_prefix(found.name.size());
    return found;
}

std::optional<host> take_domain(std::string_view& text) {
    const auto name = text.substr(0, text.find_first_of(":#,;/ \n\r\t"));
    if (name.empty() || name.ends_with(".onion")) return std::nullopt;
    text.remove_prefix(name.size());
    return host{host_kind::domain, std::string(name)};
}

} // namespace

std::optional<host> take_host(std::string_view& text) {
    auto found = take_ipv4(text);
    if (!found) found = take_ipv6(text);
    if (!found) found = take_onion(text);
    if (!found) found = take_domain(text);
    return found;
}

std::optional<host> parse_host(std::string_view text) {
    auto found = take_host(text);
    return text.empty() ? found : std::nullopt;
}

std::optional<std::vector<host>> parse_hosts(std::string_view text) {
    std::vector<host> hosts;
    while (!text.empty()) {
        auto next = take_host(text);
        if (!next) return std::nullopt;
        hosts.push_back(std::move(*next));
        if (text.empty()) break;
        if (text.front() != ',' || text.size() == 1) return std::nullopt;
        text.remove_prefix(1);
    }
    return hosts;
}

std::string to_text(const std::vector<host>& hosts) {
    std::string text;
    for (const auto& each : hosts) {
        if (!text.empty()) text += ',';
        text += each.name;
    }
    return text;
}

} // namespace plexus::encoding
