// smp-web: the HTTP side of a messaging server. Pages for people who name the server (SNI) on its own port,
// and metrics and health for the operator on a port of theirs.
#include "connection.hpp"
#include "metrics.hpp"

#include "plexus/abi/draft/http.h"
#include "plexus/abi/draft/operator.h"
#include "plexus/plugin.hpp"

#include <boost/json/parse.hpp>

#include <mutex>
#include <unordered_map>

namespace plexus::smp_web {
namespace {

namespace json = boost::json;

constexpr std::size_t connections_most = 256; ///< of one shard
constexpr std::chrono::nanoseconds drain_check = std::chrono::milliseconds(2);

constexpr plexus_key about_key(const char* name, const char* doc) {
    return plexus_key{name, PLEXUS_KEY_TEXT, PLEXUS_KEY_RELOADABLE, "", nullptr, 0, 0, doc};
}
constexpr std::array keys = {
    plexus_key{"metrics-address", PLEXUS_KEY_TEXT, 0, "127.0.0.1", nullptr, 0, 0,
               "numeric address on which /metrics (Prometheus) and /health are served, without TLS"},
    plexus_key{"metrics-port", PLEXUS_KEY_INTEGER, 0, "-1", nullptr, -1, 65'535,
               "its port; 0: a free one, -1: none"},
    about_key("operator", "who runs the server: a person or an organisation"),
    about_key("operator-country", "its country, as a code of two letters"),
    about_key("website", "its website, https://..."),
    about_key("admin", "how to reach the administrator: mailto:..., or a SimpleX address"),
    about_key("complaints", "where to complain about what is sent through the server"),
    about_key("hosting", "who runs the machine"),
    about_key("hosting-country", "the country of who runs the machine"),
    about_key("server-country", "the country where the machine stands"),
    about_key("conditions", "conditions of use, https://..."),
    about_key("source-code", "where the source code of the program can be had, https://..."),
};
constexpr const char* capabilities[] = {PLEXUS_CAP_NET_LISTEN, PLEXUS_CAP_OPERATE, nullptr};
constexpr const char* provides[] = {PLEXUS_HTTP_ID, nullptr};
constexpr const char* needs[] = {PLEXUS_LISTENER_ID, nullptr};

constexpr plugin_info info = {
    .id = "smp-web",
    .version = "0.1.0",
    .summary = "The HTTP side of a messaging server: information and link pages, metrics, health",
    .capabilities = capabilities,
    .provides = provides,
    .requires_ = needs,
    .keys = keys,
};

class plugin final : public plugin_base {
  public:
    explicit plugin(host_ref of) : plugin_base(of) {
        http_.service = {sizeof http_, 0, this};
        http_.attach = [](void* self, const plexus_smp_server* server) {
            static_cast<plugin*>(self)->server_ = server;
        };
        http_.accept = [](void* self, plexus_stream* raw) {
            auto& me = *static_cast<plugin*>(self);
            me.serve(raw, [&me](std::string target, answer_function done) {
                me.give_public(std::move(target), std::move(done));
            });
        };
    }

    result<void> init() override {
        PLEXUS_TRY(const auto* loop, host().require<plexus_loop>(PLEXUS_LOOP_ID));
        PLEXUS_TRY(listener_, host().require<plexus_listener>(PLEXUS_LISTENER_ID));
        PLEXUS_TRY(operator_, host().require<plexus_operator>(PLEXUS_OPERATOR_ID));
        loop_ = loop_ref(loop);
        shards_ = std::vector<shard>(loop_.shard_count());
        return reload(host().config());
    }

    task<result<void>> start() override {
        const auto port = host().config().integer("metrics-port").value_or(-1);
        if (port < 0) co_return result<void>();
        const auto address = host().config().text("metrics-address").value_or("");
        plexus_listen_options options{};
        options.size = sizeof options;
        options.address = to_abi(address);
        options.port = static_cast<std::uint32_t>(port);
        options.connections_most = static_cast<std::uint32_t>(connections_most);
        const auto accepted = [](void* context, plexus_stream* raw) {
            auto& me = *static_cast<plugin*>(context);
            me.serve(raw, [&me](const std::string& target, answer_function done) {
                me.give_operators(target, std::move(done));
            });
        };
        plexus_error* failure = nullptr;
        const auto code =
            listener_->listen(listener_->service.self, &options, accepted, this, &handle_, &failure);
        if (code != PLEXUS_OK) co_return take_error(code, failure);
        const auto shown = std::to_string(listener_->port(listener_->service.self, handle_));
        host().log().info("metrics and health", {{"address", address}, {"port", shown}});
        co_return result<void>();
    }

    task<result<void>> stop() override {
        if (handle_ != nullptr) {
            auto start = [this](call_state<void>& state) {
                const plexus_completion done{call_state<void>::completed, &state};
                return listener_->close(listener_->service.self, handle_, done);
            };
            auto closing = call<void>(start);
            static_cast<void>(co_await closing);
            handle_ = nullptr;
        }
        for (std::uint32_t i = 0; i < shards_.size(); ++i) {
            ++under_way_;
            const bool posted = loop_.post(i, [this, i] {
                auto all = shards_[i].connections;
                for (const auto& [key, each] : all) each->close();
                --under_way_;
            });
            if (!posted) --under_way_;
        }
        while (under_way_ != 0) static_cast<void>(co_await sleep_for(loop_, drain_check));
        co_return result<void>();
    }

    result<void> reload(const config_view& values) override {
        const auto taken = [&values](const char* key) { return std::string(values.text(key).value_or("")); };
        auto about = std::make_shared<operator_data>();
        about->name = taken("operator");
        about->country = taken("operator-country");
        about->website = taken("website");
        about->admin = taken("admin");
        about->complaints = taken("complaints");
        about->hosting = taken("hosting");
        about->hosting_country = taken("hosting-country");
        about->server_country = taken("server-country");
        about->conditions = taken("conditions");
        about->source_code = taken("source-code");
        const std::scoped_lock lock(mutex_);
        about_ = std::move(about);
        return {};
    }

    const plexus_service* service(std::string_view id) noexcept override {
        return id == PLEXUS_HTTP_ID ? &http_.service : nullptr;
    }

  private:
    struct shard {
        std::unordered_map<connection*, std::shared_ptr<connection>> connections;
    };
    using answers = std::function<void(result<json::object>)>;

    void serve(plexus_stream* raw, request_handler handler) {
        stream peer(raw);
        const auto here = static_cast<std::uint32_t>(loop_.current_shard());
        auto& mine = shards_[here].connections;
        if (mine.size() >= connections_most) return;
        ++under_way_;
        auto made = std::make_shared<connection>(loop_, std::move(peer), std::move(handler),
                                                 [this, here](connection& gone) { drop(here, gone); });
        mine.emplace(made.get(), made);
        made->start();
    }

    void drop(std::uint32_t here, connection& gone) {
        auto found = shards_[here].connections.extract(&gone);
        if (!found) return;
        // Its own callbacks may be running.
        auto kept = std::move(found.mapped());
        const bool posted = loop_.post(here, [this, last = std::move(kept)]() mutable {
            last.reset();
            --under_way_;
        });
        if (!posted) --under_way_;
    }

    /// Asks the server; the answer comes on the calling shard.
    void ask(std::string_view words, answers done) {
        const auto* server = server_.load();
        if (server == nullptr) {
            done(make_error(status::stopping, "there is no server"));
            return;
        }
        auto kept = std::make_unique<answers>(std::move(done));
        const plexus_view_completion completion{
            [](void* context, std::int32_t code, const plexus_error* failure, plexus_view value) {
                const std::unique_ptr<answers> mine(static_cast<answers*>(context));
                if (code == PLEXUS_OK)
                    (*mine)(json::parse(text_of(value)).get_object());
                else
                    (*mine)(from_abi(code, failure));
            },
            kept.get()};
        const auto code = server->ask(server->service.self, to_abi(words), completion);
        if (code == PLEXUS_OK)
            static_cast<void>(kept.release());
        else
            (*kept)(from_abi(code, nullptr));
    }

    void give_public(std::string target, answer_function done) {
        ask(R"(["information"])",
            [this, target = std::move(target), done = std::move(done)](const result<json::object>& facts) {
                const auto about = [this] {
                    const std::scoped_lock lock(mutex_);
                    return about_;
                }();
                done(public_page(target, *about, facts ? *facts : json::object()));
            });
    }

    void give_operators(const std::string& target, answer_function done) {
        if (target != "/metrics" && target != "/health") {
            done(error_page(404));
            return;
        }
        ask(R"(["stats"])", [this, target, done = std::move(done)](const result<json::object>& stats) {
            if (!stats) { // it starts, stops, or has lost its store
                done(error_page(503));
                return;
            }
            page out;
            out.type = "text/plain; version=0.0.4; charset=utf-8";
            if (target == "/health") {
                out.body = "ok\n";
                done(std::move(out));
                return;
            }
            ask(R"(["queues"])",
                [this, done, out, stats = *stats](const result<json::object>& queues) mutable {
                    out.body = metrics_text(stats, queues ? *queues : json::object());
                    const auto more = [](void* to, plexus_view text) {
                        *static_cast<std::string*>(to) += std::string(text_of(text));
                    };
                    operator_->metrics(operator_->service.self, more, &out.body);
                    done(std::move(out));
                });
        });
    }

    plexus_http http_{};
    loop_ref loop_;
    const plexus_listener* listener_ = nullptr;
    const plexus_operator* operator_ = nullptr;
    plexus_listener_handle* handle_ = nullptr;
    std::atomic<const plexus_smp_server*> server_{nullptr};
    std::mutex mutex_; ///< of about_
    std::shared_ptr<const operator_data> about_;
    std::vector<shard> shards_;
    std::atomic<std::size_t> under_way_{0};
};

} // namespace
} // namespace plexus::smp_web

PLEXUS_PLUGIN(plexus::smp_web::plugin, plexus::smp_web::info)
