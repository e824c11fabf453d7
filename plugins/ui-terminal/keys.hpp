// Keys out of the bytes that a terminal sends. Pure: it holds what is not a whole key yet.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace plexus::ui_terminal {

enum class key_kind : unsigned char {
    text, ///< one character, or several that came together
    enter,
    backspace,
    erase, ///< the character under the cursor
    left,
    right,
    word_left,
    word_right,
    home,
    end,
    up,
    down,
    interrupt,      ///< Ctrl-C
    end_of_input,   ///< Ctrl-D
    erase_to_start, ///< Ctrl-U
    erase_to_end,   ///< Ctrl-K
    erase_word,     ///< Ctrl-W
    redraw,         ///< Ctrl-L
};

struct key {
    key_kind kind = key_kind::text;
    std::string text;
    friend bool operator==(const key&, const key&) = default;
};

class key_decoder {
  public:
    /// Unknown sequences give nothing. Characters and sequences may be cut anywhere between two calls.
    std::vector<key> decode(std::string_view bytes);

  private:
    std::string rest_;
};

} // namespace plexus::ui_terminal
