#include "line_editor.hpp"

#include "text_width.hpp"

namespace plexus::ui_terminal {

void line_editor::clear() {
    text_.clear();
    cursor_ = 0;
    recalled_ = history_.size();
}

void line_editor::insert(std::string_view text) {
    if (text_.size() + text.size() > most_bytes) return;
    text_.insert(cursor_, text);
    cursor_ += text.size();
}

void line_editor::erase(std::size_t from, std::size_t to) {
    text_.erase(from, to - from);
    cursor_ = from;
}

std::size_t line_editor::word_start() const {
    auto at = cursor_;
    while (at > 0 && text_[at - 1] == ' ') --at;
    while (at > 0 && text_[at - 1] != ' ') --at;
    return at;
}

std::size_t line_editor::word_end() const {
    auto at = cursor_;
    while (at < text_.size() && text_[at] == ' ') ++at;
    while (at < text_.size() && text_[at] != ' ') ++at;
    return at;
}

void line_editor::recall(std::size_t index) {
    if (recalled_ == history_.size()) typed_ = text_;
    recalled_ = index;
    text_ = index == history_.size() ? typed_ : history_[index];
    cursor_ = text_.size();
}

std::optional<std::string> line_editor::press(const key& pressed) {
    const std::string_view text = text_;
    switch (pressed.kind) {
    case key_kind::text: insert(pressed.text); break;
    case key_kind::enter: {
        auto line = std::move(text_);
        if (remembers_ && !line.empty() && (history_.empty() || history_.back() != line)) {
            history_.push_back(line);
            if (history_.size() > most_lines) history_.erase(history_.begin());
        }
        clear();
        return line;
    }
    case key_kind::backspace:
        if (cursor_ > 0) erase(cursor_ - last_character_size(text.substr(0, cursor_)), cursor_);
        break;
    case key_kind::erase:
        if (cursor_ < text_.size()) erase(cursor_, cursor_ + character_size(text.substr(cursor_)));
        break;
    case key_kind::left:
        if (cursor_ > 0) cursor_ -= last_character_size(text.substr(0, cursor_));
        break;
    case key_kind::right:
        if (cursor_ < text_.size()) cursor_ += character_size(text.substr(cursor_));
        break;
    case key_kind::word_left: cursor_ = word_start(); break;
    case key_kind::word_right: cursor_ = word_end(); break;
    case key_kind::home: cursor_ = 0; break;
    case key_kind::end: cursor_ = text_.size(); break;
    case key_kind::erase_to_start: erase(0, cursor_); break;
    case key_kind::erase_to_end: erase(cursor_, text_.size()); break;
    case key_kind::erase_word: erase(word_start(), cursor_); break;
    case key_kind::up:
        if (recalled_ > 0) recall(recalled_ - 1);
        break;
    case key_kind::down:
        if (recalled_ < history_.size()) recall(recalled_ + 1);
        break;
    case key_kind::interrupt:
    case key_kind::end_of_input:
    case key_kind::redraw: break;
    }
    return std::nullopt;
}

} // namespace plexus::ui_terminal
