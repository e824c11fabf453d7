// ui-terminal: the chat for people at a terminal, and for `plexus -e`.
#include "control_socket.hpp"
#include "errand.hpp"
#include "session.hpp"

#include "plexus/abi/draft/ui.h"
#include "plexus/plugin.hpp"
#include "plexus/wait.hpp"

#include <cstdlib>

namespace plexus::ui_terminal {
namespace {

/// https://no-color.org
bool colours_wanted() {
    const char* refused = std::getenv("NO_COLOR");
    const char* terminal_name = std::getenv("TERM");
    return (refused == nullptr || *refused == '\0') &&
           (terminal_name == nullptr || std::string_view(terminal_name) != "dumb");
}

class terminal_plugin final : public plugin_base {
  public:
    explicit terminal_plugin(host_ref host) : plugin_base(host) {
        table_.service.size = sizeof table_;
        table_.service.self = this;
        table_.notice = [](void* self, plexus_view text) noexcept {
            return guard(nullptr, [&]() -> result<void> {
                auto& plugin = *static_cast<terminal_plugin*>(self);
                if (plugin.session_) plugin.session_->print(std::string(text_of(text)) + "\n");
                return {};
            });
        };
    }

    result<void> init() override {
        PLEXUS_TRY(const auto* loop, host().require<plexus_loop>(PLEXUS_LOOP_ID));
        PLEXUS_TRY(const auto* chat, host().require<plexus_chat>(PLEXUS_CHAT_ID));
        PLEXUS_TRY(app_, host().require<plexus_app>(PLEXUS_APP_ID));
        loop_ = loop_ref(loop);
        chat_ = chat_ref(chat);
        return {};
    }

    task<result<void>> start() override {
        const auto config = host().config();
        if (const auto path = config.text("socket"); path && !path->empty()) {
            socket_ = make_control_socket(loop_, chat_);
            auto listening = socket_->listen(std::string(*path));
            if (!listening) co_return listening;
        }
        if (const auto command = config.text("command")) co_return run_errand(std::string(*command));
        if (config.boolean("interactive")) {
            session_ = std::make_shared<session>(loop_, chat_, colours_wanted(), [this] { request_stop(0); });
            co_return session_->begin();
        }
        co_return result<void>();
    }

    task<result<void>> stop() override {
        if (errand_) errand_->abandon();
        errand_.reset();
        if (session_) session_->end();
        session_.reset();
        socket_.reset();
        output_.reset();
        // What the parts above left to the loop runs before this.
        event passed;
        loop_.post(0, [&passed] { passed.set(); });
        auto waiting = passed.wait();
        co_return co_await waiting;
    }

    const plexus_service* service(std::string_view id) noexcept override {
        return id == PLEXUS_UI_ID ? &table_.service : nullptr;
    }

  private:
    void request_stop(int exit_code) { app_->request_stop(app_->service.self, exit_code); }

    result<void> run_errand(std::string command) {
        output_.emplace(loop_, false, terminal::callbacks{});
        PLEXUS_CHECK(output_->open());
        const auto config = host().config();
        errand::request what;
        what.command = std::move(command);
        what.patience = config.duration("patience").value_or(std::chrono::seconds(30));
        what.linger = config.duration("linger").value_or(std::chrono::seconds(0));
        what.view.colours = style(colours_wanted() && output_->output_is_terminal());
        what.view.qr_codes = output_->output_is_terminal();
        what.print = [this](std::string_view lines) { output_->write(lines); };
        what.finished = [this](int exit_code) { request_stop(exit_code); };
        errand_ = errand::run(loop_, chat_, std::move(what));
        return {};
    }

    plexus_ui table_{};
    const plexus_app* app_ = nullptr;
    loop_ref loop_;
    chat_ref chat_;
    std::unique_ptr<net::line_service> socket_;
    std::shared_ptr<session> session_;
    std::optional<terminal> output_;
    std::shared_ptr<errand> errand_;
};

constexpr const char* provides[] = {PLEXUS_UI_ID, nullptr};
constexpr const char* requires_list[] = {PLEXUS_CHAT_ID, nullptr};
constexpr const char* capabilities[] = {PLEXUS_CAP_FS_STATE, nullptr};
constexpr plexus_key keys[] = {
    {"interactive", PLEXUS_KEY_BOOLEAN, 0, "true", nullptr, 0, 0, "take commands from standard input"},
    {"command", PLEXUS_KEY_TEXT, 0, nullptr, nullptr, 0, 0, "run this command alone, then end the program"},
    {"patience", PLEXUS_KEY_DURATION, 0, "30s", nullptr, 0, 86'400'000'000'000,
     "how long that command waits for the server"},
    {"linger", PLEXUS_KEY_DURATION, 0, "0s", nullptr, 0, 86'400'000'000'000,
     "how long events are shown after that command"},
    {"socket", PLEXUS_KEY_TEXT, PLEXUS_KEY_PATH, nullptr, nullptr, 0, 0,
     "Unix socket that takes commands of this user's other programs; it must stand in the database's folder"},
};
constexpr plugin_info info{
    .id = "ui-terminal",
    .version = PLEXUS_VERSION,
    .summary = "The messenger at a terminal",
    .capabilities = capabilities,
    .provides = provides,
    .requires_ = requires_list,
    .keys = keys,
};

} // namespace
} // namespace plexus::ui_terminal

PLEXUS_PLUGIN(plexus::ui_terminal::terminal_plugin, plexus::ui_terminal::info)
