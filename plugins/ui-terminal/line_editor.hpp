// The line that is being typed: text, cursor, and the lines typed before. Pure.
#pragma once

#include "keys.hpp"

#include <optional>
#include <string>
#include <vector>

namespace plexus::ui_terminal {

class line_editor {
  public:
    /// The finished line on Enter.
    std::optional<std::string> press(const key& pressed);

    const std::string& text() const noexcept { return text_; }
    std::string_view before_cursor() const noexcept { return std::string_view(text_).substr(0, cursor_); }
    void clear();
    /// Lines are remembered from now on, or not (for names and secrets).
    void remember(bool on) noexcept { remembers_ = on; }

  private:
    void insert(std::string_view text);
    void erase(std::size_t from, std::size_t to);
    std::size_t word_start() const;
    std::size_t word_end() const;
    void recall(std::size_t index);

    static constexpr std::size_t most_bytes = 16 * 1024; // one message
    static constexpr std::size_t most_lines = 500;

    std::string text_;
    std::size_t cursor_ = 0;
    bool remembers_ = true;
    std::vector<std::string> history_;
    std::size_t recalled_ = 0; ///< history_.size(): the line being typed
    std::string typed_;        ///< that line, while another is shown
};

} // namespace plexus::ui_terminal
