#include "web_address.hpp"

#include "unicode.hpp"

#include <algorithm>
#include <vector>

namespace plexus::chat {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

/// RFC 3986: unreserved, percent-encoded, and the characters of `extra`.
bool only_uri_characters(std::string_view text, std::string_view extra) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return false;
            i += 2;
        } else if (!is_letter(text[i]) && !is_digit(text[i]) && !is_one_of(text[i], "-._~") &&
                   !is_one_of(text[i], extra)) {
            return false;
        }
    }
    return true;
}

bool is_label(std::string_view text) {
    return !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
           std::ranges::all_of(text, [](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
}

} // namespace

bool is_web_link(std::string_view text) {
    constexpr std::string_view sub_delimiters = "!$&'()*+,;=";
    if (text.starts_with("https://"))
        text.remove_prefix(8);
    else if (text.starts_with("http://"))
        text.remove_prefix(7);
    else
        return false;
    auto authority = text.substr(0, text.find_first_of("/?#"));
    auto rest = text.substr(authority.size());
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
        if (!only_uri_characters(authority.substr(0, at), "!$&'()*+,;=:")) return false;
        authority.remove_prefix(at + 1);
    }
    if (const auto colon = authority.rfind(':'); colon != std::string_view::npos) {
        const auto port = authority.substr(colon + 1);
        if (port.empty() || port.size() > 5 || !std::ranges::all_of(port, is_digit)) return false;
        authority = authority.substr(0, colon);
    }
    if (authority.find('.') == std::string_view::npos || !only_uri_characters(authority, sub_delimiters))
        return false;
    const auto path = rest.substr(0, rest.find_first_of("?#"));
    if (!only_uri_characters(path, "!$&'()*+,;=:@/")) return false;
    rest.remove_prefix(path.size());
    // Queries are taken as they are found in the wild: anything but a second '#'.
    if (const auto hash = rest.find('#'); hash != std::string_view::npos)
        return only_uri_characters(rest.substr(hash + 1), "!$&'()*+,;=:@/?");
    return true;
}

bool is_domain(std::string_view text) {
    const auto parts = split(text, '.');
    if (parts.size() < 2 || parts.size() > 3) return false;
    if (parts.size() == 3) {
        const auto size = character_count(parts[0]);
        if (size < 3 || size > 8) return false;
    }
    const auto name = parts[parts.size() - 2];
    const auto top = parts.back();
    return !name.empty() && name.size() <= 24 && top.size() >= 2 && top.size() <= 8 &&
           std::ranges::all_of(name, is_letter) && std::ranges::all_of(top, is_letter);
}

bool is_mail_address(std::string_view text) {
    const auto at = text.rfind('@');
    if (at == std::string_view::npos) return false;
    for (const auto atom : split(text.substr(0, at), '.'))
        if (atom.empty() || !std::ranges::all_of(atom, [](char c) {
                return is_letter(c) || is_digit(c) || is_one_of(c, "!#$%&'*+/=?^_`{|}~-");
            }))
            return false;
    const auto domain = text.substr(at + 1);
    return domain.size() <= 253 && std::ranges::all_of(split(domain, '.'), is_label);
}

} // namespace plexus::chat
