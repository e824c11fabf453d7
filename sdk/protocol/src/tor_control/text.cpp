#include "plexus/tor_control/text.hpp"

namespace plexus::tor_control {
namespace {

bool is_octal(char c) noexcept { return c >= '0' && c <= '7'; }

/// Takes the quoted string at the start of `rest`.
std::optional<std::string> take_quoted(std::string_view& rest) {
    std::string out;
    for (std::size_t i = 1; i < rest.size(); ++i) {
        const char c = rest[i];
        if (c == '"') {
            rest.remove_prefix(i + 1);
            return out;
        }
        if (c != '\\') {
            out.push_back(c);
            continue;
        }
        if (++i == rest.size()) return std::nullopt;
        if (is_octal(rest[i])) {
            unsigned value = 0;
            std::size_t digits = 0;
            for (; digits < 3 && i < rest.size() && is_octal(rest[i]); ++digits, ++i)
                value = value * 8 + static_cast<unsigned>(rest[i] - '0');
            --i;
            out.push_back(static_cast<char>(value & 0xff));
        } else {
            out.push_back(rest[i] == 'n' ? '\n' : rest[i] == 't' ? '\t' : rest[i] == 'r' ? '\r' : rest[i]);
        }
    }
    return std::nullopt;
}

std::string take_word(std::string_view& rest, std::string_view ends) {
    const auto end = std::min(rest.find_first_of(ends), rest.size());
    std::string out(rest.substr(0, end));
    rest.remove_prefix(end);
    return out;
}

} // namespace

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto value = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (value < 32 || value == 127) {
            out += '\\';
            for (const unsigned shift : {6u, 3u, 0u}) out += static_cast<char>('0' + (value >> shift & 7u));
        } else {
            out += c;
        }
    }
    return out + '"';
}

std::optional<std::string_view> arguments::find(std::string_view key) const noexcept {
    for (const auto& [name, value] : values)
        if (name == key) return std::string_view(value);
    return std::nullopt;
}

std::optional<arguments> parse_arguments(std::string_view line) {
    arguments out;
    while (true) {
        line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
        if (line.empty()) return out;
        if (line.front() == '"') {
            auto word = take_quoted(line);
            if (!word) return std::nullopt;
            out.words.push_back(std::move(*word));
            continue;
        }
        auto word = take_word(line, " =");
        if (line.empty() || line.front() == ' ') {
            out.words.push_back(std::move(word));
            continue;
        }
        line.remove_prefix(1);
        if (line.empty() || line.front() != '"') {
            out.values.emplace_back(std::move(word), take_word(line, " "));
            continue;
        }
        auto value = take_quoted(line);
        if (!value) return std::nullopt;
        out.values.emplace_back(std::move(word), std::move(*value));
    }
}

std::string printable(std::string_view text, std::size_t most) {
    std::string out(text.substr(0, most));
    for (auto& c : out)
        if (static_cast<unsigned char>(c) < 32 || c == 127) c = '?';
    if (text.size() > most) out += "...";
    return out;
}

} // namespace plexus::tor_control
