#include "plexus/tor_control/reply.hpp"

#include "plexus/tor_control/text.hpp"

namespace plexus::tor_control {
namespace {

constexpr unsigned event_code = 650;

error malformed(std::string_view line) {
    return make_error(control_error::malformed,
                      "\"" + printable(line, 80) + "\" is no line of a control port's reply");
}

std::optional<unsigned> code_of(std::string_view line) noexcept {
    if (line.size() < 4) return std::nullopt;
    unsigned code = 0;
    for (const char c : line.substr(0, 3)) {
        if (c < '0' || c > '9') return std::nullopt;
        code = code * 10 + static_cast<unsigned>(c - '0');
    }
    return code;
}

} // namespace

std::string reply::text() const {
    return std::to_string(code) + (lines.empty() ? "" : " " + printable(lines.back().text));
}

std::optional<std::string> reply::value(std::string_view key) const {
    for (const auto& line : lines) {
        const std::string_view text = line.text;
        if (text.size() <= key.size() || !text.starts_with(key) || text[key.size()] != '=') continue;
        if (!line.data.empty()) return line.data;
        return std::string(text.substr(key.size() + 1));
    }
    return std::nullopt;
}

result<void> reply_reader::feed(bytes_view in) {
    if (broken_) return make_error(control_error::malformed, "the control connection is broken already");
    for (const auto each : in) {
        if (each != '\n') {
            line_.push_back(static_cast<char>(each));
            if (line_.size() <= most_line) continue;
            broken_ = true;
            return make_error(control_error::too_large, "the control port sent a line of more than " +
                                                            std::to_string(most_line) + " bytes");
        }
        if (!line_.empty() && line_.back() == '\r') line_.pop_back();
        auto taken = take_line(line_);
        line_.clear();
        if (taken) continue;
        broken_ = true;
        return taken;
    }
    return {};
}

result<void> reply_reader::take_line(std::string_view line) {
    size_ += line.size() + 1;
    if (size_ > most_reply)
        return make_error(control_error::too_large, "the control port sent a reply of more than " +
                                                        std::to_string(most_reply) + " bytes");
    if (in_data_) {
        if (line == ".") {
            in_data_ = false;
            return {};
        }
        if (line.starts_with("..")) line.remove_prefix(1);
        under_way_.lines.back().data.append(line).push_back('\n');
        return {};
    }
    const auto code = code_of(line);
    if (!code) return malformed(line);
    const bool first = under_way_.lines.empty();
    // An event stands between replies, never inside one.
    if (!first && (*code == event_code) != (under_way_.code == event_code)) return malformed(line);
    under_way_.code = *code;
    under_way_.lines.push_back({std::string(line.substr(4)), {}});
    switch (line[3]) {
    case '-': return {};
    case '+': in_data_ = true; return {};
    case ' ': break;
    default: return malformed(line);
    }
    ready_.push_back(std::exchange(under_way_, {}));
    size_ = 0;
    return {};
}

std::optional<reply> reply_reader::next() {
    if (given_ == ready_.size()) {
        ready_.clear();
        given_ = 0;
        return std::nullopt;
    }
    return std::move(ready_[given_++]);
}

} // namespace plexus::tor_control
