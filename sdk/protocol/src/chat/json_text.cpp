// JSON as official clients write it: keys sorted, only what must be escaped is escaped, numbers short.
#include "plexus/chat/message.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace plexus::chat {
namespace {

void write_text(std::string& out, std::string_view text) {
    static constexpr char hex[] = "0123456789abcdef";
    out.push_back('"');
    for (const char c : text) {
        switch (c) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        default:
            if (static_cast<unsigned char>(c) < 0x20) {
                out += "\\u00";
                out.push_back(hex[(c >> 4) & 15]);
                out.push_back(hex[c & 15]);
            } else {
                out.push_back(c);
            }
        }
    }
    out.push_back('"');
}

/// Plain digits from 0.1 up to ten millions and for whole numbers, else "1.5e-2".
void write_number(std::string& out, double value) {
    char text[40];
    const auto written = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific);
    std::string_view shortest(text, static_cast<std::size_t>(written.ptr - text));
    if (shortest.front() == '-') {
        out.push_back('-');
        shortest.remove_prefix(1);
    }
    const auto e = shortest.find('e');
    int exponent = 0;
    auto exponent_text = shortest.substr(e + 1);
    if (exponent_text.front() == '+') exponent_text.remove_prefix(1);
    std::from_chars(exponent_text.data(), exponent_text.data() + exponent_text.size(), exponent);
    std::string digits;
    for (const char c : shortest.substr(0, e))
        if (c != '.') digits.push_back(c);
    const int whole_digits = exponent + 1;
    const int count = static_cast<int>(digits.size());
    if (whole_digits >= count) {
        digits.append(static_cast<std::size_t>(whole_digits - count), '0');
        out += digits;
    } else if (whole_digits >= 0 && whole_digits <= 7) {
        const auto split = static_cast<std::size_t>(whole_digits);
        out += split == 0 ? "0" : digits.substr(0, split);
        out += "." + digits.substr(split);
    } else {
        out +=
            digits.substr(0, 1) + "." + (count > 1 ? digits.substr(1) : "0") + "e" + std::to_string(exponent);
    }
}

void write_value(std::string& out, const json::value& value, bool sorted) {
    switch (value.kind()) {
    case json::kind::null: out += "null"; break;
    case json::kind::bool_: out += value.get_bool() ? "true" : "false"; break;
    case json::kind::int64: out += std::to_string(value.get_int64()); break;
    case json::kind::uint64: out += std::to_string(value.get_uint64()); break;
    case json::kind::double_: write_number(out, value.get_double()); break;
    case json::kind::string: write_text(out, value.get_string()); break;
    case json::kind::array: {
        out.push_back('[');
        bool first = true;
        for (const auto& item : value.get_array()) {
            if (!first) out.push_back(',');
            first = false;
            write_value(out, item, sorted);
        }
        out.push_back(']');
        break;
    }
    case json::kind::object: {
        std::vector<const json::key_value_pair*> members;
        members.reserve(value.get_object().size());
        for (const auto& member : value.get_object()) members.push_back(&member);
        if (sorted)
            std::ranges::sort(members, {},
                              [](const auto* member) { return std::string_view(member->key()); });
        out.push_back('{');
        bool first = true;
        for (const auto* member : members) {
            if (!first) out.push_back(',');
            first = false;
            write_text(out, member->key());
            out.push_back(':');
            write_value(out, member->value(), sorted);
        }
        out.push_back('}');
        break;
    }
    }
}

} // namespace

std::string sorted_json(const json::value& value) {
    std::string out;
    write_value(out, value, true);
    return out;
}
std::string ordered_json(const json::value& value) {
    std::string out;
    write_value(out, value, false);
    return out;
}

} // namespace plexus::chat
