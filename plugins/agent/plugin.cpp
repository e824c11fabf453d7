// agent: plexus.agent/0, duplex connections over SMP queues, over any transport and store.
#include "known_servers.hpp"
#include "runtime.hpp"

#include "plexus/plugin.hpp"

namespace plexus::agent_plugin {
namespace {

using reply = agent::action::reply;

/// What a reply's completion gets besides its own value.
struct outcome {
    explicit outcome(const reply& from) : failed(from.failed.has_value()) {
        if (!failed) return;
        status = status_of(*from.failed);
        lent = lend(*from.failed);
    }
    const plexus_error* error() const noexcept { return failed ? &lent : nullptr; }

    bool failed;
    std::int32_t status = PLEXUS_OK;
    plexus_error lent{};
};

std::string required_text(plexus_view text) { return std::string(text_of(text)); }

class agent_plugin final : public plugin_base {
  public:
    explicit agent_plugin(host_ref host) : plugin_base(host) {
        table_.service.size = sizeof table_;
        table_.service.self = this;
        table_.set_receiver = set_receiver;
        table_.create = create;
        table_.inspect = inspect;
        table_.join = join;
        table_.allow = allow;
        table_.send = send;
        table_.acknowledge = acknowledge;
        table_.remove = remove;
        table_.security_code = security_code;
        table_.derive_key = derive_key;
    }

    result<void> init() override {
        PLEXUS_TRY(const auto* loop, host().require<plexus_loop>(PLEXUS_LOOP_ID));
        PLEXUS_TRY(const auto* store, host().require<plexus_store>(PLEXUS_STORE_ID));
        PLEXUS_TRY(const auto* network, host().require<plexus_network>(PLEXUS_NETWORK_ID));
        PLEXUS_TRY(const auto* clock, host().require<plexus_clock>(PLEXUS_CLOCK_ID));
        PLEXUS_TRY(const auto* random, host().require<plexus_random>(PLEXUS_RANDOM_ID));
        loop_ = loop_ref(loop);
        PLEXUS_TRY(auto settings, read_settings());
        const runtime::services given{loop_,  store_ref(store),  network,
                                      random, clock_view(clock), host().log()};
        runtime_.emplace(given, std::move(settings));
        return runtime_->open_tables();
    }
    task<result<void>> start() override {
        secret_bytes passphrase(as_bytes(host().config().text("passphrase").value_or("")));
        return runtime_->start(std::move(passphrase));
    }
    task<result<void>> stop() override { return runtime_->stop(); }

    const plexus_service* service(std::string_view id) noexcept override {
        return id == PLEXUS_AGENT_ID ? &table_.service : nullptr;
    }

  private:
    static agent_plugin& self_of(void* self) { return *static_cast<agent_plugin*>(self); }

    result<std::vector<smp::server_address>> read_servers(const char* key) {
        std::vector<smp::server_address> servers;
        for (const auto text : host().config().list(key)) {
            auto parsed = smp::parse_server_address(text);
            if (!parsed)
                return make_error(status::invalid, std::string("`") + key + "`: " + parsed.error().message());
            servers.push_back(std::move(*parsed));
        }
        return servers;
    }

    result<runtime_settings> read_settings() {
        const auto config = host().config();
        const auto duration = [&](const char* key) {
            return config.duration(key).value_or(std::chrono::nanoseconds(0));
        };
        const auto in_ms = [&](const char* key) {
            return std::chrono::duration_cast<std::chrono::milliseconds>(duration(key));
        };
        runtime_settings settings;
        PLEXUS_TRY(settings.engine.servers, read_servers("servers"));
        PLEXUS_TRY(settings.engine.presets, read_servers("known-servers"));
        for (const auto* text : known_servers) {
            PLEXUS_TRY(auto known, smp::parse_server_address(text));
            settings.engine.presets.push_back(std::move(known));
        }
        settings.engine.quota_retry = in_ms("quota-retry");
        settings.store_retry = duration("store-retry");
        return settings;
    }

    template <typename Function>
    static std::int32_t call(void* self, runtime::reply_function done, Function function) noexcept {
        return guard(nullptr,
                     [&] { return self_of(self).runtime_->call(std::move(done), std::move(function)); });
    }
    static runtime::reply_function plain(plexus_completion done) {
        return [done](const reply& r) {
            const outcome o(r);
            done.done(done.context, o.status, o.error());
        };
    }

    static std::int32_t set_receiver(void* self, void (*event)(void*, const plexus_agent_event*),
                                     void* context) {
        return guard(nullptr, [&]() -> result<void> {
            self_of(self).runtime_->set_receiver(event, context);
            return {};
        });
    }
    static std::int32_t
    create(void* self, const plexus_agent_create_options* options,
           void (*done)(void*, std::int32_t, const plexus_error*, const plexus_agent_link*), void* context) {
        const bool short_link = (options->flags & 1U) != 0;
        return call(
            self,
            [done, context](const reply& r) {
                const outcome o(r);
                plexus_agent_link link{};
                link.size = sizeof link;
                link.connection = r.connection;
                link.full = to_abi(std::string_view(r.text));
                link.short_ = to_abi(std::string_view(r.text2));
                done(context, o.status, o.error(), o.failed ? nullptr : &link);
            },
            [short_link, data = to_bytes(from_abi(options->user_data))](auto& engine, auto id) {
                engine.create(id, short_link, data);
            });
    }
    static std::int32_t inspect(void* self, plexus_view text, plexus_view_completion done) {
        return guard(nullptr, [&]() -> result<void> {
            const auto link = agent::parse_link(text_of(text));
            std::string kind;
            std::optional<error> wrong;
            if (!link)
                wrong = make_error(status::invalid, link.error().message());
            else
                kind = agent::mode_of(*link) == agent::connection_mode::invitation ? "invitation" : "address";
            const bool posted = self_of(self).loop_.post(0, [done, kind, wrong] {
                const auto failure = wrong ? lend(*wrong) : plexus_error{};
                done.done(done.context, wrong ? PLEXUS_E_INVALID : PLEXUS_OK, wrong ? &failure : nullptr,
                          to_abi(std::string_view(kind)));
            });
            if (!posted) return make_error(status::stopping, "the program is stopping");
            return {};
        });
    }
    static std::int32_t join(void* self, plexus_view link, plexus_view info,
                             void (*done)(void*, std::int32_t, const plexus_error*, std::uint64_t),
                             void* context) {
        return call(
            self,
            [done, context](const reply& r) {
                const outcome o(r);
                done(context, o.status, o.error(), r.connection);
            },
            [text = required_text(link), own = to_bytes(from_abi(info))](auto& engine, auto id) {
                engine.join(id, text, own);
            });
    }
    static std::int32_t allow(void* self, std::uint64_t connection, std::uint64_t, plexus_view info,
                              plexus_completion done) {
        return call(self, plain(done), [connection, own = to_bytes(from_abi(info))](auto& engine, auto id) {
            engine.allow(id, connection, own);
        });
    }
    static std::int32_t send(void* self, std::uint64_t connection, std::uint64_t tag, std::uint32_t notify,
                             plexus_view body,
                             void (*done)(void*, std::int32_t, const plexus_error*, std::uint64_t),
                             void* context) {
        return call(
            self,
            [done, context](const reply& r) {
                const outcome o(r);
                done(context, o.status, o.error(), static_cast<std::uint64_t>(r.id));
            },
            [&](auto& engine, auto id) { engine.send(id, connection, tag, notify != 0, from_abi(body)); });
    }
    static std::int32_t acknowledge(void* self, std::uint64_t sequence, plexus_completion done) {
        return call(self, plain(done),
                    [sequence](auto& engine, auto id) { engine.acknowledge(id, sequence); });
    }
    static std::int32_t remove(void* self, std::uint64_t connection, std::uint32_t wait_sent,
                               plexus_completion done) {
        return call(self, plain(done), [connection, wait_sent](auto& engine, auto id) {
            engine.remove(id, connection, wait_sent != 0);
        });
    }
    static std::int32_t security_code(void* self, std::uint64_t connection, plexus_view_completion done) {
        return call(
            self,
            [done](const reply& r) {
                const outcome o(r);
                done.done(done.context, o.status, o.error(), to_abi(std::string_view(r.text)));
            },
            [connection](auto& engine, auto id) { engine.security_code(id, connection); });
    }

    static std::int32_t derive_key(void* self, plexus_view label, plexus_span key) {
        return guard(nullptr, [&]() -> result<void> {
            const auto derived = self_of(self).runtime_->derive_key(text_of(label));
            if (key.size != derived.size()) return make_error(status::invalid, "a key has 32 bytes");
            std::copy_n(derived.data(), derived.size(), key.data);
            return {};
        });
    }

    plexus_agent table_{};
    loop_ref loop_;
    std::optional<runtime> runtime_;
};

constexpr const char* provides[] = {PLEXUS_AGENT_ID, nullptr};
constexpr const char* requires_list[] = {PLEXUS_STORE_ID, PLEXUS_NETWORK_ID, nullptr};
constexpr const char* capabilities[] = {PLEXUS_CAP_NET_OUTBOUND, PLEXUS_CAP_KEYS, nullptr};
constexpr plexus_key keys[] = {
    {"servers", PLEXUS_KEY_TEXT_LIST, 0, nullptr, nullptr, 0, 0,
     "SMP servers for new queues, smp://FINGERPRINT[:PASSWORD]@HOST[:PORT]"},
    {"known-servers", PLEXUS_KEY_TEXT_LIST, 0, nullptr, nullptr, 0, 0,
     "more servers whose short links hold the host alone"},
    {"passphrase", PLEXUS_KEY_TEXT, PLEXUS_KEY_SECRET, nullptr, nullptr, 0, 0,
     "of the database: keys, messages and what the chat keeps are encrypted with it"},
    {"quota-retry", PLEXUS_KEY_DURATION, 0, "5m", nullptr, 0, 0,
     "pause before a full queue is tried without the peer's word"},
    {"store-retry", PLEXUS_KEY_DURATION, 0, "5s", nullptr, 0, 0,
     "pause after which a failed store is read again"},
};
constexpr plugin_info info{
    .id = "agent",
    .version = PLEXUS_VERSION,
    .summary = "Connections between people: queues on SMP servers, keys, and a durable outbox",
    .capabilities = capabilities,
    .provides = provides,
    .requires_ = requires_list,
    .keys = keys,
};

} // namespace
} // namespace plexus::agent_plugin

PLEXUS_PLUGIN(plexus::agent_plugin::agent_plugin, plexus::agent_plugin::info)
