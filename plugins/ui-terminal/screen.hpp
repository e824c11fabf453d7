// What to write to a terminal so that lines appear above the line that is being typed. Pure: text in, bytes
// out.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace plexus::ui_terminal {

class screen {
  public:
    /// Columns of the terminal, at least 10.
    void resize(std::size_t width) noexcept { width_ = width < 10 ? 10 : width; }

    /// Writes lines (each ends with a line break) above the input, which is drawn again below.
    std::string print(std::string_view lines);
    /// Draws the input anew: a prompt, the text, and where the cursor is in it.
    std::string draw(std::string_view prompt, std::string_view text, std::string_view before_cursor);
    /// Leaves the input as it stands and goes on below it.
    std::string leave();

  private:
    std::string erase() const;
    std::string redraw();

    std::size_t width_ = 80;
    std::string prompt_;
    std::string text_;
    std::string before_cursor_;
    std::size_t cursor_row_ = 0; ///< below the first row of the input
    bool drawn_ = false;
};

} // namespace plexus::ui_terminal
