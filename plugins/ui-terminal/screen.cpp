#include "screen.hpp"

#include "text_width.hpp"

namespace plexus::ui_terminal {
namespace {

std::string up(std::size_t rows) { return rows == 0 ? "" : "\x1b[" + std::to_string(rows) + "A"; }

} // namespace

std::string screen::erase() const {
    if (!drawn_) return {};
    return up(cursor_row_) + "\r\x1b[J";
}

std::string screen::redraw() {
    std::string out = prompt_ + text_;
    const auto all = columns(prompt_) + columns(text_);
    const auto at = columns(prompt_) + columns(before_cursor_);
    // A terminal that is full to the edge stays in that row until the next character: begin the next row.
    if (all % width_ == 0 && all > 0) out += "\r\n";
    cursor_row_ = at / width_;
    out += up(all / width_ - cursor_row_) + "\r";
    if (at % width_ > 0) out += "\x1b[" + std::to_string(at % width_) + "C";
    drawn_ = true;
    return out;
}

std::string screen::print(std::string_view lines) { return erase() + std::string(lines) + redraw(); }

std::string screen::draw(std::string_view prompt, std::string_view text, std::string_view before_cursor) {
    auto out = erase();
    prompt_ = prompt;
    text_ = text;
    before_cursor_ = before_cursor;
    return out + redraw();
}

std::string screen::leave() {
    if (!drawn_) return {};
    drawn_ = false;
    const auto rows = (columns(prompt_) + columns(text_)) / width_;
    const auto below = rows - cursor_row_;
    return (below == 0 ? "" : "\x1b[" + std::to_string(below) + "B") + std::string("\r\n");
}

} // namespace plexus::ui_terminal
