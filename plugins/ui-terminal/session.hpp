// A person at the terminal: the line being typed, commands, and what comes in meanwhile.
#pragma once

#include "chat_ref.hpp"
#include "line_editor.hpp"
#include "screen.hpp"
#include "terminal.hpp"
#include "view.hpp"

#include <deque>

namespace plexus::ui_terminal {

/// [shard 0]
class session : public std::enable_shared_from_this<session> {
  public:
    session(loop_ref loop, chat_ref chat, bool colours_wanted, std::function<void()> quit);
    session(const session&) = delete;
    session& operator=(const session&) = delete;

    result<void> begin();
    /// Gives the terminal back; nothing is called any more.
    void end();
    /// Lines above the input.
    void print(std::string_view lines);

  private:
    enum class asking : unsigned char { nothing, name };

    void greet(const result<boost::json::object>& user);
    void input(std::string_view bytes);
    void input_ended();
    void press(const key& pressed);
    void submit(const std::string& line);
    void run(const std::string& command);
    void next_command();
    void quit();
    void draw();
    std::string prompt() const;

    loop_ref loop_;
    chat_ref chat_;
    bool colours_wanted_;
    std::function<void()> quit_;
    view_options view_;
    std::optional<terminal> terminal_;
    std::optional<chat_ref::subscription> events_;
    screen screen_;
    line_editor editor_;
    key_decoder keys_;
    std::string piped_; ///< an unfinished line, without a terminal
    std::deque<std::string> commands_;
    bool busy_ = false; ///< a command is under way: they run in order
    bool ended_ = false;
    bool quitting_ = false;
    bool ready_ = false; ///< the greeting is over
    asking asking_ = asking::nothing;
};

} // namespace plexus::ui_terminal
