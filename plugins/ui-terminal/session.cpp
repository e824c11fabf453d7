#include "session.hpp"

#include "text_width.hpp"

namespace plexus::ui_terminal {
namespace {

namespace json = boost::json;

std::string_view trimmed(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

} // namespace

session::session(loop_ref loop, chat_ref chat, bool colours_wanted, std::function<void()> quit)
    : loop_(loop), chat_(chat), colours_wanted_(colours_wanted), quit_(std::move(quit)) {}

result<void> session::begin() {
    terminal_.emplace(
        loop_, true,
        terminal::callbacks{[this](std::string_view bytes) { input(bytes); }, [this] { input_ended(); }});
    PLEXUS_CHECK(terminal_->open());
    view_.colours = style(colours_wanted_ && terminal_->output_is_terminal());
    view_.qr_codes = terminal_->output_is_terminal();
    events_.emplace(chat_, [this](const json::object& event) { print(show_event(event, view_)); });
    chat_.command("/user", [weak = weak_from_this()](const result<json::object>& user) {
        if (const auto self = weak.lock()) self->greet(user);
    });
    return {};
}

void session::end() {
    quitting_ = true;
    events_.reset();
    if (terminal_ && terminal_->is_interactive()) terminal_->write(screen_.leave());
    terminal_.reset();
}

void session::greet(const result<json::object>& user) {
    if (quitting_) return;
    ready_ = true;
    if (user && error_text(*user).empty()) {
        print("plexus: /help lists the commands, /quit ends.\n" + show_answer(*user, view_));
    } else if (user &&
               text_in(object_in(object_in(*user, "chatError"), "errorType"), "type") == "noActiveUser") {
        asking_ = asking::name;
        editor_.remember(false);
        print("Welcome to plexus. There is no profile in this database yet.\n"
              "Choose the name that people who connect to you will see.\n");
    } else {
        print(user ? show_answer(*user, view_) : view_.colours.bad(user.error().message()) + "\n");
    }
    draw();
    next_command();
}

std::string session::prompt() const { return asking_ == asking::name ? "display name: " : "> "; }

void session::draw() {
    if (!terminal_ || !terminal_->is_interactive() || !ready_) return;
    screen_.resize(terminal_->width());
    terminal_->write(screen_.draw(prompt(), editor_.text(), editor_.before_cursor()));
}

void session::print(std::string_view lines) {
    if (lines.empty() || !terminal_) return;
    if (terminal_->is_interactive() && ready_) {
        screen_.resize(terminal_->width());
        terminal_->write(screen_.print(lines));
    } else {
        terminal_->write(lines);
    }
}

void session::input(std::string_view bytes) {
    if (terminal_->is_interactive()) {
        for (const auto& pressed : keys_.decode(bytes)) {
            press(pressed);
            if (quitting_) return;
        }
        draw();
        return;
    }
    piped_ += bytes;
    for (auto end = piped_.find('\n'); end != std::string::npos; end = piped_.find('\n')) {
        submit(piped_.substr(0, end));
        piped_.erase(0, end + 1);
    }
}

void session::input_ended() {
    ended_ = true;
    if (!piped_.empty()) submit(std::exchange(piped_, {}));
    next_command();
}

void session::press(const key& pressed) {
    switch (pressed.kind) {
    case key_kind::interrupt:
        if (editor_.text().empty())
            quit();
        else
            editor_.clear();
        return;
    case key_kind::end_of_input:
        if (editor_.text().empty()) quit();
        return;
    case key_kind::redraw: terminal_->write("\x1b[2J\x1b[H"); return;
    default: break;
    }
    if (auto line = editor_.press(pressed)) {
        // What was typed stays on the screen; what a command answers comes below it.
        const auto shown = prompt() + harmless(*line) + "\n";
        draw();
        print(asking_ == asking::nothing ? view_.colours.dim(shown) : shown);
        submit(*line);
    }
}

void session::submit(const std::string& line) {
    const auto text = trimmed(line);
    if (text.empty()) return;
    commands_.emplace_back(text);
    next_command();
}

/// Commands run one after the other, as typed; the program ends when the input of a pipe has been worked
/// through.
void session::next_command() {
    if (busy_ || !ready_ || quitting_) return;
    if (commands_.empty()) {
        if (ended_) quit();
        return;
    }
    auto command = std::move(commands_.front());
    commands_.pop_front();
    if (command == "/quit" || command == "/q" || command == "/exit") {
        quit();
        return;
    }
    if (asking_ == asking::name && command.front() != '/')
        command = command.find(' ') == std::string::npos ? "/create user " + command
                                                         : "/create user '" + command + "'";
    run(command);
}

void session::run(const std::string& command) {
    busy_ = true;
    chat_.command(command, [weak = weak_from_this()](const result<json::object>& answer) {
        const auto self = weak.lock();
        if (!self || self->quitting_) return;
        self->busy_ = false;
        if (!answer) {
            self->print(self->view_.colours.bad(answer.error().message()) + "\n");
        } else {
            if (self->asking_ == asking::name && text_in(*answer, "type") == "activeUser") {
                self->asking_ = asking::nothing;
                self->editor_.remember(true);
            }
            // Our own messages stand there as typed; without a terminal nothing was echoed.
            const bool echoed =
                self->terminal_->is_interactive() && text_in(*answer, "type") == "newChatItems";
            if (!echoed) self->print(show_answer(*answer, self->view_));
        }
        self->draw();
        self->next_command();
    });
}

void session::quit() {
    if (std::exchange(quitting_, true)) return;
    quit_();
}

} // namespace plexus::ui_terminal
