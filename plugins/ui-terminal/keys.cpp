#include "keys.hpp"

#include "text_width.hpp"

#include <optional>

namespace plexus::ui_terminal {
namespace {

std::optional<key_kind> control_key(char byte) {
    switch (byte) {
    case '\r':
    case '\n': return key_kind::enter;
    case 0x7F:
    case 0x08: return key_kind::backspace;
    case 0x01: return key_kind::home;
    case 0x02: return key_kind::left;
    case 0x03: return key_kind::interrupt;
    case 0x04: return key_kind::end_of_input;
    case 0x05: return key_kind::end;
    case 0x06: return key_kind::right;
    case 0x0B: return key_kind::erase_to_end;
    case 0x0C: return key_kind::redraw;
    case 0x0E: return key_kind::down;
    case 0x10: return key_kind::up;
    case 0x15: return key_kind::erase_to_start;
    case 0x17: return key_kind::erase_word;
    default: return std::nullopt;
    }
}

/// What stands behind ESC: "[A", "OH", "[3~", "[1;5C", "b".
std::optional<key_kind> sequence_key(std::string_view sequence) {
    struct entry {
        std::string_view sequence;
        key_kind kind;
    };
    static constexpr entry entries[] = {{"[A", key_kind::up},
                                        {"OA", key_kind::up},
                                        {"[B", key_kind::down},
                                        {"OB", key_kind::down},
                                        {"[C", key_kind::right},
                                        {"OC", key_kind::right},
                                        {"[D", key_kind::left},
                                        {"OD", key_kind::left},
                                        {"[H", key_kind::home},
                                        {"OH", key_kind::home},
                                        {"[1~", key_kind::home},
                                        {"[7~", key_kind::home},
                                        {"[F", key_kind::end},
                                        {"OF", key_kind::end},
                                        {"[4~", key_kind::end},
                                        {"[8~", key_kind::end},
                                        {"[3~", key_kind::erase},
                                        {"[1;5C", key_kind::word_right},
                                        {"[1;3C", key_kind::word_right},
                                        {"f", key_kind::word_right},
                                        {"[1;5D", key_kind::word_left},
                                        {"[1;3D", key_kind::word_left},
                                        {"b", key_kind::word_left}};
    for (const auto& one : entries)
        if (one.sequence == sequence) return one.kind;
    return std::nullopt;
}

/// Bytes of the sequence that begins with ESC, or 0 if it is not whole.
std::size_t sequence_size(std::string_view bytes) {
    if (bytes.size() < 2) return 0;
    if (bytes[1] == 'O') return bytes.size() < 3 ? 0 : 3;
    if (bytes[1] != '[') return 2;
    for (std::size_t i = 2; i < bytes.size(); ++i) {
        if (bytes[i] >= 0x40 && bytes[i] <= 0x7E) return i + 1;
        if (i > 16) return i + 1; // no key sends that
    }
    return 0;
}

bool is_cut(std::string_view bytes) {
    const auto lead = static_cast<unsigned char>(bytes.front());
    const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 1;
    if (bytes.size() >= size) return false;
    for (const char c : bytes.substr(1))
        if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) return false;
    return true;
}

} // namespace

std::vector<key> key_decoder::decode(std::string_view bytes) {
    rest_ += bytes;
    std::string_view in = rest_;
    std::vector<key> out;
    while (!in.empty()) {
        std::size_t used = 1;
        if (in.front() == 0x1B) {
            used = sequence_size(in);
            if (used == 0) break;
            if (const auto kind = sequence_key(in.substr(1, used - 1))) out.push_back({*kind, {}});
        } else if (const auto kind = control_key(in.front())) {
            out.push_back({*kind, {}});
        } else if (in.front() == '\t' || static_cast<unsigned char>(in.front()) >= 0x20) {
            if (is_cut(in)) break;
            used = character_size(in);
            auto text = harmless(in.substr(0, used));
            if (!out.empty() && out.back().kind == key_kind::text)
                out.back().text += text;
            else if (!text.empty())
                out.push_back({key_kind::text, std::move(text)});
        }
        in.remove_prefix(used);
    }
    rest_ = std::string(in);
    return out;
}

} // namespace plexus::ui_terminal
