// smp-admin: lets an operator talk to a running messaging server (plexusd ctl), and writes its daily
// statistics.
#include "admin_socket.hpp"
#include "ctl_command.hpp"
#include "daily.hpp"

#include "plexus/abi/draft/operator.h"
#include "plexus/abi/draft/smp_server.h"
#include "plexus/plugin.hpp"
#include "plexus/store.hpp"
#include "plexus/wait.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace plexus::smp_admin {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

constexpr std::int64_t day_ns = 86'400'000'000'000;

constexpr std::array keys = {
    plexus_key{"socket", PLEXUS_KEY_TEXT, PLEXUS_KEY_PATH, socket_name, nullptr, 0, 0,
               "Unix socket on which plexusd ctl asks, for root and the server's own user"},
    plexus_key{"statistics-file", PLEXUS_KEY_TEXT, PLEXUS_KEY_PATH, "smp-server-stats.daily.log", nullptr, 0,
               0, "gets a line a day with the official server's columns; empty: none is written"},
    plexus_key{"statistics-time", PLEXUS_KEY_DURATION, 0, "0s", nullptr, 0, day_ns - 1,
               "when it is written, after midnight UTC"},
};
constexpr const char* capabilities[] = {PLEXUS_CAP_FS_STATE, PLEXUS_CAP_OPERATE, nullptr};
constexpr const char* provides[] = {PLEXUS_COMMAND_ID, nullptr};
constexpr const char* needs[] = {PLEXUS_SMP_SERVER_ID, PLEXUS_STORE_ID, nullptr};

constexpr plugin_info info = {
    .id = "smp-admin",
    .version = "0.1.0",
    .summary = "The operator's side of a messaging server: plexusd ctl, daily statistics",
    .capabilities = capabilities,
    .provides = provides,
    .requires_ = needs,
    .keys = keys,
    .commands = ctl_commands,
};

constexpr std::chrono::nanoseconds drain_check = std::chrono::milliseconds(100);
constexpr std::array level_names = {"error", "warning", "info", "debug", "trace"};

class plugin final : public plugin_base {
  public:
    explicit plugin(host_ref of) : plugin_base(of) {
        command_.service = {sizeof command_, 0, this};
        command_.run = [](void*, const char*, const plexus_config* options, const plexus_view* arguments,
                          std::uint32_t count, void (*print)(void*, std::uint32_t, plexus_view),
                          void* context, std::int32_t* exit_code, plexus_error** failure) {
            return guard(failure, [&]() -> result<void> {
                ctl_call call;
                call.options = config_view(options);
                for (std::uint32_t i = 0; i < count; ++i) call.arguments.emplace_back(text_of(arguments[i]));
                call.print = [print, context](bool to_error, std::string_view text) {
                    print(context, to_error ? 1 : 0, to_abi(text));
                };
                PLEXUS_TRY(*exit_code, run_ctl(call));
                return {};
            });
        };
    }

    result<void> init() override {
        PLEXUS_TRY(const auto* loop, host().require<plexus_loop>(PLEXUS_LOOP_ID));
        PLEXUS_TRY(const auto* clock, host().require<plexus_clock>(PLEXUS_CLOCK_ID));
        PLEXUS_TRY(const auto* store, host().require<plexus_store>(PLEXUS_STORE_ID));
        PLEXUS_TRY(server_, host().require<plexus_smp_server>(PLEXUS_SMP_SERVER_ID));
        PLEXUS_TRY(operator_, host().require<plexus_operator>(PLEXUS_OPERATOR_ID));
        PLEXUS_TRY(app_, host().require<plexus_app>(PLEXUS_APP_ID));
        loop_ = loop_ref(loop);
        clock_ = clock_view(clock);
        store_ = store_ref(store);
        file_ = std::string(host().config().text("statistics-file").value_or(""));
        at_ = std::chrono::duration_cast<seconds>(
            host().config().duration("statistics-time").value_or(std::chrono::nanoseconds(0)));
        files_.emplace(loop_, "smp-admin-files");
        return {};
    }

    task<result<void>> start() override {
        auto opened = store_.table("smp-admin.meta");
        if (!opened) co_return std::move(opened).error();
        meta_ = *opened;
        auto kept = co_await read_day();
        if (!kept) co_return kept;
        socket_ = make_admin_socket(loop_, [this](std::vector<std::string> words, reply done) {
            tasks_.spawn(serve(std::move(words), std::move(done)));
        });
        auto listening = socket_->listen(std::string(host().config().text("socket").value_or("")));
        if (!listening) {
            socket_.reset();
            co_return listening;
        }
        day_timer_.emplace(loop_, [this] { tasks_.spawn(check_day()); });
        arm_day_timer();
        co_return result<void>();
    }

    task<result<void>> stop() override {
        day_timer_.reset();
        socket_.reset();
        co_await tasks_.drained();
        co_return result<void>();
    }

    const plexus_service* service(std::string_view id) noexcept override {
        return id == PLEXUS_COMMAND_ID ? &command_.service : nullptr;
    }

  private:
    // ---- questions

    task<void> serve(std::vector<std::string> words, reply done) {
        answer found = co_await answer_to(words);
        done(found);
        const bool stops = words.front() == "stop" || (words.front() == "drain" && found);
        if (found && stops) app_->request_stop(app_->service.self, 0);
    }

    task<answer> answer_to(const std::vector<std::string>& words) {
        const auto& verb = words.front();
        if (verb == "stop" && words.size() == 1) co_return json::object{{"stopping", true}};
        if (verb == "log" && words.size() <= 2) co_return log_level(words);
        if ((verb == "reload" || verb == "rotate") && words.size() == 1) co_return co_await read_again();
        if (verb == "day" && words.size() == 1) co_return co_await end_day();
        if (verb == "drain" && words.size() == 1) co_return co_await drain();
        const bool asked = verb == "stats" || verb == "clients" || verb == "queues" || verb == "queue" ||
                           verb == "block" || verb == "unblock" || verb == "delete" || verb == "save" ||
                           verb == "information";
        if (asked) co_return co_await ask(words);
        co_return make_error(status::invalid,
                             "there is no command '" + verb +
                                 "': use stats, clients, queues, queue ID, block ID [spam|content "
                                 "[SECONDS]], unblock ID, delete ID, "
                                 "save, day, log [LEVEL], reload, information, drain or stop");
    }

    answer log_level(const std::vector<std::string>& words) {
        if (words.size() == 2) {
            const auto found = std::find(level_names.begin(), level_names.end(), words[1]);
            if (found == level_names.end())
                return make_error(status::invalid, "'" + words[1] +
                                                       "' is no log level: use error, warning, info, debug "
                                                       "or trace");
            const auto level = static_cast<std::uint32_t>(found - level_names.begin()) + PLEXUS_LOG_ERROR;
            operator_->set_log_level(operator_->service.self, level);
        }
        const auto level = operator_->log_level(operator_->service.self);
        return json::object{{"level", level_names[level - PLEXUS_LOG_ERROR]}};
    }

    /// Settles a wait with the bytes of an answer.
    static void settle(void* context, std::int32_t code, const plexus_error* failure, plexus_view value) {
        auto* waiting = static_cast<call_state<std::string>*>(context);
        if (code == PLEXUS_OK)
            waiting->settle(std::string(text_of(value)));
        else
            waiting->settle(from_abi(code, failure));
    }

    task<answer> read_again() {
        auto start = [this](call_state<std::string>& state) {
            return operator_->reload(operator_->service.self, plexus_view_completion{settle, &state});
        };
        auto pending = call<std::string>(start);
        auto told = co_await pending;
        if (!told) co_return std::move(told).error();
        co_return json::object{
            {"reloaded", told->empty() ? "nothing changed; files were read again\n" : *told}};
    }

    task<answer> ask(std::vector<std::string> words) {
        json::array list;
        for (const auto& word : words) list.emplace_back(word);
        const auto text = json::serialize(list);
        auto start = [this, &text](call_state<std::string>& state) {
            return server_->ask(server_->service.self, to_abi(std::string_view(text)),
                                plexus_view_completion{settle, &state});
        };
        auto pending = call<std::string>(start);
        auto found = co_await pending;
        if (!found) co_return std::move(found).error();
        co_return json::parse(*found).get_object();
    }

    static std::vector<std::string> stats_words() { return {"stats"}; }

    /// Nobody is accepted any more; ends when all clients have gone.
    task<answer> drain() {
        while (true) {
            std::vector<std::string> words{"drain"};
            auto found = co_await ask(std::move(words));
            if (!found || found->at("clients") == 0) co_return found;
            static_cast<void>(co_await sleep_for(loop_, drain_check));
            if (!socket_) co_return make_error(status::stopping, "the server stops");
        }
    }

    // ---- the daily line

    seconds wall() const { return std::chrono::duration_cast<seconds>(clock_.wall()); }

    void arm_day_timer() {
        constexpr seconds longest = std::chrono::minutes(5); // the clock may be set
        const auto left = due_after(from_, at_) - wall();
        if (!file_.empty()) day_timer_->arm(std::clamp<seconds>(left, seconds(1), longest));
    }

    task<void> check_day() {
        if (wall() >= due_after(from_, at_)) {
            auto written = co_await end_day();
            if (!written)
                host().log().error("the daily statistics are not written",
                                   {{"file", file_}, {"why", written.error().message()}});
        }
        if (day_timer_) arm_day_timer();
    }

    task<result<void>> read_day() {
        const auto key = to_bytes(std::string_view("day"));
        auto stored = co_await store_.get(meta_, key);
        if (!stored) co_return std::move(stored).error();
        from_ = wall();
        if (!*stored) {
            auto now = co_await ask(stats_words());
            if (!now) co_return std::move(now).error();
            before_ = std::move(*now);
            co_return co_await write_day();
        }
        json::error_code failure;
        const auto value = json::parse(as_text(**stored), failure);
        if (failure || !value.is_object() || !value.get_object().contains("from"))
            co_return make_error(status::corrupt, "what smp-admin keeps of the day cannot be read");
        before_ = value.get_object();
        json::error_code wrong;
        from_ = seconds(before_.at("from").to_number<std::int64_t>(wrong));
        co_return result<void>();
    }

    /// The day begins at from_ with the counters of before_.
    task<result<void>> write_day() {
        before_["from"] = from_.count();
        write_batch batch;
        batch.put(meta_, to_bytes(std::string_view("day")),
                  to_bytes(std::string_view(json::serialize(before_))));
        co_return co_await store_.commit(std::move(batch));
    }

    task<answer> end_day() {
        if (file_.empty())
            co_return make_error(status::invalid, "statistics-file is empty: no daily line is written");
        if (ending_day_) co_return make_error(status::busy, "the daily line is being written");
        ending_day_ = true;
        auto outcome = co_await end_day_alone();
        ending_day_ = false;
        co_return outcome;
    }

    task<answer> end_day_alone() {
        auto now = co_await ask(stats_words());
        if (!now) co_return now;
        const auto time = wall();
        const auto line = daily_line(before_, *now, from_, time);
        auto appended = co_await append(line + "\n");
        if (!appended) co_return std::move(appended).error();
        before_ = std::move(*now);
        from_ = time;
        auto kept = co_await write_day();
        if (!kept) co_return std::move(kept).error();
        for (const auto& each : periods_ending(time)) {
            std::vector<std::string> words{"period", each};
            auto ended = co_await ask(std::move(words));
            if (!ended) co_return ended;
        }
        co_return json::object{{"line", line}};
    }

    task<result<void>> append(std::string text) {
        event done;
        int code = 0;
        auto work = [this, &text, &code] {
            const int file = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
            const bool written =
                file >= 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
            if (!written) code = errno;
            if (file >= 0) ::close(file);
        };
        if (!files_->submit(work, [&done] { done.set(); }))
            co_return make_error(status::stopping, "stopping");
        static_cast<void>(co_await done.wait());
        if (code != 0) co_return make_error(status::io, "cannot write " + file_ + ": " + std::strerror(code));
        co_return result<void>();
    }

    plexus_command command_{};
    loop_ref loop_;
    clock_view clock_;
    store_ref store_;
    const plexus_smp_server* server_ = nullptr;
    const plexus_operator* operator_ = nullptr;
    const plexus_app* app_ = nullptr;
    plexus_table* meta_ = nullptr;
    std::optional<worker> files_;
    std::string file_;
    seconds at_{0};
    seconds from_{0};     ///< since when the day is counted
    json::object before_; ///< the counters then
    bool ending_day_ = false;
    std::unique_ptr<net::line_service> socket_;
    std::optional<timer> day_timer_;
    task_scope tasks_; ///< never cancelled: the server answers what it was asked, and so does the worker
};

} // namespace
} // namespace plexus::smp_admin

PLEXUS_PLUGIN(plexus::smp_admin::plugin, plexus::smp_admin::info)
