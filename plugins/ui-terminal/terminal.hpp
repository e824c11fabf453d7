// The terminal, or the pipes that stand in for it: raw mode while it is held, bytes in and out without
// blocking.
#pragma once

#include "plexus/loop.hpp"
#include "plexus/result.hpp"

#include <termios.h>

namespace plexus::ui_terminal {

/// Standard input and output. [shard 0]
class terminal {
  public:
    struct callbacks {
        std::function<void(std::string_view bytes)> input;
        std::function<void()> ended; ///< no more input
    };
    terminal(loop_ref loop, bool reads, callbacks calls);
    terminal(const terminal&) = delete;
    terminal& operator=(const terminal&) = delete;
    /// Writes what is left, as far as it goes at once, and gives the terminal back as it was.
    ~terminal();

    /// Takes standard input and output; a terminal goes into raw mode.
    result<void> open();
    bool is_interactive() const noexcept { return raw_; }
    bool output_is_terminal() const noexcept { return output_is_terminal_; }
    std::size_t width() const noexcept;
    void write(std::string_view bytes);

  private:
    void read_some();
    void write_some();

    loop_ref loop_;
    bool reads_;
    callbacks calls_;
    int input_ = -1;
    int output_ = -1;
    bool raw_ = false;
    bool output_is_terminal_ = false;
    termios before_{};
    std::string waiting_; ///< not written yet
    std::optional<watch> input_watch_;
    std::optional<watch> output_watch_;
    std::optional<timer> file_reader_; ///< instead of a watch, for what is always ready
};

} // namespace plexus::ui_terminal
