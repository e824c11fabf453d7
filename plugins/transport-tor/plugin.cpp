// transport-tor: connections through tor, as the carrier of a transport that adds TLS, and onion services. It
// starts and owns a tor, or uses one that runs.
#include "plexus/plugin.hpp"

#include "dialer.hpp"
#include "onion_services.hpp"

#include "plexus/net/proxy_status.hpp"

namespace plexus::transport_tor {
namespace {

constexpr std::array keys = {
    plexus_key{"path", PLEXUS_KEY_TEXT, PLEXUS_KEY_PATH, "tor", nullptr, 0, 0,
               "private folder of the tor that is started: its state, which makes the next start quick, and "
               "sockets"},
    plexus_key{"program", PLEXUS_KEY_TEXT, 0, "tor", nullptr, 0, 0,
               "the tor to start: a path, or a name that is looked for in PATH"},
    plexus_key{"control", PLEXUS_KEY_TEXT, 0, "", nullptr, 0, 0,
               "use a tor that runs, by its control port: \"unix:/run/tor/control\", \"127.0.0.1:9051\" or "
               "\"9051\"; "
               "empty: start one"},
    plexus_key{"control-password", PLEXUS_KEY_TEXT, PLEXUS_KEY_SECRET, "", nullptr, 0, 0,
               "of that control port, where its cookie cannot be read"},
    plexus_key{"socks", PLEXUS_KEY_TEXT, 0, "", nullptr, 0, 0,
               "its SOCKS port, \"unix:/PATH\" or \"127.0.0.1:9050\"; empty: it is asked"},
    plexus_key{
        "bridges", PLEXUS_KEY_TEXT_LIST, PLEXUS_KEY_SECRET, nullptr, nullptr, 0, 0,
        "bridges, as in lines \"Bridge\" of a torrc: \"obfs4 1.2.3.4:443 FINGERPRINT cert=... iat-mode=0\""},
    plexus_key{"client-transport-plugins", PLEXUS_KEY_TEXT_LIST, 0, nullptr, nullptr, 0, 0,
               "as in lines \"ClientTransportPlugin\": \"obfs4 exec /usr/bin/obfs4proxy\""},
    plexus_key{"client-keys", PLEXUS_KEY_TEXT_LIST, PLEXUS_KEY_SECRET, nullptr, nullptr, 0, 0,
               "for onion services that let only some in: \"NAME.onion:descriptor:x25519:PRIVATE-KEY\""},
    plexus_key{"torrc", PLEXUS_KEY_TEXT_LIST, 0, nullptr, nullptr, 0, 0,
               "further lines of its configuration; those of a file torrc in its folder come last"},
    plexus_key{"log", PLEXUS_KEY_TEXT, 0, "notice", "warn|notice|info|debug", 0, 0,
               "how much it logs; warnings come as such, the rest as debug lines"},
    plexus_key{"start-timeout", PLEXUS_KEY_DURATION, 0, "30s", nullptr, 1'000'000'000, 600'000'000'000,
               "until the control port of a tor that was started has opened"},
    plexus_key{"control-timeout", PLEXUS_KEY_DURATION, 0, "20s", nullptr, 100'000'000, 600'000'000'000,
               "for an answer at the control port"},
    plexus_key{"connect-timeout", PLEXUS_KEY_DURATION, 0, "90s", nullptr, 1'000'000, 600'000'000'000,
               "until a connection stands, the wait for tor included, where the caller gives no time"},
};
constexpr const char* capabilities[] = {PLEXUS_CAP_NET_OUTBOUND, PLEXUS_CAP_PROCESS_SPAWN,
                                        PLEXUS_CAP_FS_STATE, PLEXUS_CAP_KEYS, nullptr};
constexpr const char* provides[] = {PLEXUS_CARRIER_ID, PLEXUS_PROXY_ID, PLEXUS_ONION_ID, nullptr};

constexpr plugin_info info = {
    .id = "transport-tor",
    .version = "0.1.0",
    .summary = "Connections through Tor, and onion services; starts and owns a tor",
    .capabilities = capabilities,
    .provides = provides,
    .keys = keys,
};

class plugin final : public plugin_base {
  public:
    explicit plugin(host_ref of) : plugin_base(of), status_(account_, "tor") {
        carrier_.service = {sizeof carrier_, 0, this};
        carrier_.connect = [](void* self, const plexus_connect_options* options, net::connected_function done,
                              void* context, plexus_operation** operation) {
            return guard(nullptr, [&]() -> result<void> {
                PLEXUS_TRY(auto* begun, me(self).dialer_->connect(*options, done, context));
                if (operation != nullptr) *operation = begun;
                return {};
            });
        };
        proxy_.service = {sizeof proxy_, 0, this};
        proxy_.status = [](void* self, plexus_proxy_told told, void* context) {
            guard(nullptr, [&]() -> result<void> {
                me(self).status_.status(told, context);
                return {};
            });
        };
        proxy_.watch = [](void* self, plexus_proxy_told told, void* context, plexus_proxy_watch** watch) {
            return guard(nullptr, [&]() -> result<void> {
                PLEXUS_TRY(*watch, me(self).status_.watch(told, context));
                return {};
            });
        };
        proxy_.unwatch = [](void* self, plexus_proxy_watch* watch) { me(self).status_.unwatch(watch); };
        proxy_.configure = [](void*, plexus_view, plexus_error** failure) {
            return give_error(
                make_error(status::unsupported,
                           "tor is where the section [plugin.transport-tor] says, and another needs a "
                           "restart; a SOCKS proxy that can be changed is transport-socks"),
                failure);
        };
        proxy_.renew = [](void* self, plexus_completion done) {
            return guard(nullptr, [&] { return me(self).renew(done); });
        };
        onion_.service = {sizeof onion_, 0, this};
        onion_.publish = [](void* self, const plexus_onion_options* options,
                            const plexus_onion_handler* handler, void* context, plexus_onion_handle** handle,
                            plexus_error** failure) {
            return guard(failure, [&]() -> result<void> {
                PLEXUS_TRY(*handle, me(self).onions_->publish(*options, handler, context));
                return {};
            });
        };
        onion_.unpublish = [](void* self, plexus_onion_handle* handle) {
            me(self).onions_->unpublish(handle);
        };
    }

    result<void> init() override {
        PLEXUS_TRY(const auto* clock, host().require<plexus_clock>(PLEXUS_CLOCK_ID));
        PLEXUS_TRY(random_, host().require<plexus_random>(PLEXUS_RANDOM_ID));
        clock_ = clock_view(clock);
        PLEXUS_CHECK(account_.open(host()));
        PLEXUS_TRY(settings_, settings_of(host().config()));
        dialer_.emplace(account_,
                        host().config().duration("connect-timeout").value_or(std::chrono::seconds(90)));
        dialer_->open();
        percent_ = host().gauge("tor_bootstrap_percent",
                                "How far tor is with its start; 100: connections can be made");
        status_.set({PLEXUS_PROXY_STARTING, 0, settings_.control, "tor was not started yet"});
        return {};
    }

    task<result<void>> start() override {
        files_.emplace(account_.loop, "tor-files");
        onions_.emplace(account_, host().log(), random_, *files_);
        supervisor::handler hear;
        hear.changed = [this](const condition& now) { changed(now); };
        hear.up = [this](control_session& session) { onions_->up(session); };
        hear.down = [this] { onions_->down(); };
        hear.descriptor = [this](const tor_control::descriptor_event& what) { onions_->told(what); };
        supervisor_.emplace(account_, clock_, host().log(), random_, *files_, settings_, std::move(hear));
        supervisor_->start();
        co_return result<void>();
    }

    task<result<void>> stop() override {
        if (onions_) co_await onions_->stop();
        if (supervisor_) co_await supervisor_->stop();
        co_return co_await account_.drain();
    }

    const plexus_service* service(std::string_view id) noexcept override {
        if (id == PLEXUS_CARRIER_ID) return &carrier_.service;
        if (id == PLEXUS_PROXY_ID) return &proxy_.service;
        if (id == PLEXUS_ONION_ID) return &onion_.service;
        return nullptr;
    }

  private:
    static plugin& me(void* self) noexcept { return *static_cast<plugin*>(self); }

    static std::vector<std::string> list(const config_view& config, const char* key) {
        std::vector<std::string> out;
        for (const auto each : config.list(key)) out.emplace_back(each);
        return out;
    }

    static result<supervisor_settings> settings_of(const config_view& config) {
        const auto text = [&config](const char* key) { return std::string(config.text(key).value_or("")); };
        supervisor_settings out;
        out.control = text("control");
        out.control_password = secret_bytes(as_bytes(config.text("control-password").value_or("")));
        out.socks = text("socks");
        out.program = text("program");
        out.folder = text("path");
        out.torrc = {list(config, "bridges"), list(config, "client-transport-plugins"), list(config, "torrc"),
                     text("log")};
        out.client_keys = list(config, "client-keys");
        out.start_patience = config.duration("start-timeout").value_or(std::chrono::seconds(30));
        out.answer_patience = config.duration("control-timeout").value_or(std::chrono::seconds(20));
        for (const char* key : {"control", "socks"})
            if (const auto given = text(key); !given.empty() && !parse_place(given))
                return make_error(status::invalid,
                                  std::string(key) + ": " + given +
                                      " is no address: \"unix:/PATH\", a numeric \"HOST:PORT\" or "
                                      "\"PORT\"");
        if (out.control.empty() && !out.socks.empty())
            return make_error(status::invalid, "socks is that of a tor that runs: name its control port too");
        for (const auto& each : out.client_keys)
            if (!tor_control::add_client_key(each))
                return make_error(
                    status::invalid,
                    "client-keys: one is not \"NAME.onion:descriptor:x25519:\" and 52 letters and digits");
        PLEXUS_CHECK(check_torrc(out.torrc));
        return out;
    }

    void changed(const condition& now) {
        percent_.set(now.state == PLEXUS_PROXY_FAILED ? 0 : static_cast<std::int64_t>(now.percent));
        std::string address = settings_.control;
        status_.set({now.state, now.percent, std::move(address), now.summary});
        dialer_->update(now);
    }

    result<void> renew(plexus_completion done) {
        const std::int32_t here = account_.loop.current_shard();
        if (here < 0 || account_.stopping() || !supervisor_)
            return make_error(status::stopping, "the carrier stops");
        dialer_->renew();
        account_.loop.post(0, [this, done, here, kept = std::make_shared<net::hold>(account_)] {
            renewals_.spawn(renew_here(done, static_cast<std::uint32_t>(here), kept));
        });
        return {};
    }
    task<void> renew_here(plexus_completion done, std::uint32_t shard, std::shared_ptr<net::hold> kept) {
        auto outcome = co_await supervisor_->renew();
        account_.loop.post(shard, [done, outcome, kept] { complete(done, outcome); });
    }

    net::account account_;
    net::proxy_status status_;
    clock_view clock_;
    const plexus_random* random_ = nullptr;
    metric percent_;
    supervisor_settings settings_;
    std::optional<dialer> dialer_;
    std::optional<worker> files_; ///< ended by the destructor, as a worker wants it
    std::optional<onion_services> onions_;
    std::optional<supervisor> supervisor_;
    task_scope renewals_; ///< each ends with its answer, or with the session
    plexus_transport carrier_{};
    plexus_proxy proxy_{};
    plexus_onion onion_{};
};

} // namespace
} // namespace plexus::transport_tor

PLEXUS_PLUGIN(plexus::transport_tor::plugin, plexus::transport_tor::info)
