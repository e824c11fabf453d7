// One command from beginning to end: its answer, and what must still happen until it is done (the server's OK
// for a message, a confirmation, a deletion). Used by `plexus -e`, in the program itself and over the control
// socket.
#pragma once

#include "chat_ref.hpp"
#include "view.hpp"

#include "plexus/loop.hpp"

#include <chrono>
#include <set>

namespace plexus::ui_terminal {

class errand : public std::enable_shared_from_this<errand> {
  public:
    struct request {
        std::string command;
        std::chrono::nanoseconds patience{}; ///< how long to wait for what must still happen
        /// How long to show events after a command that sends no message; at most until the contact of the
        /// link that was made or joined is connected.
        std::chrono::nanoseconds linger{};
        view_options view;
        std::function<void(std::string_view)> print; ///< lines for people
        std::function<void(int exit_code)> finished; ///< last, once
    };
    static std::shared_ptr<errand> run(loop_ref loop, chat_ref chat, request what);

    errand(loop_ref loop, chat_ref chat, request what);
    ~errand() = default;
    errand(const errand&) = delete;
    errand& operator=(const errand&) = delete;

    /// No more calls to `print` and `finished`.
    void abandon();

  private:
    void answered(const result<boost::json::object>& answer);
    void expect(const boost::json::object& answer);
    void observe(const boost::json::object& event);
    void check();
    void finish(int exit_code);

    loop_ref loop_;
    chat_ref chat_;
    request what_;
    std::optional<chat_ref::subscription> events_;
    std::optional<timer> clock_;
    std::set<std::string> awaited_; ///< "item 4", "joined 7", "deleted MQ=="
    std::set<std::string> arrived_; ///< what came before the answer said that it is awaited
    std::string link_;              ///< the connection that was made or joined
    bool answered_ = false;
    bool failed_ = false;
    bool lingering_ = false;
    bool over_ = false;
};

} // namespace plexus::ui_terminal
