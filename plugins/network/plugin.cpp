// network: plexus.network/0, the policy of how servers are reached, over a transport and beside a proxy.
#include "configuration.hpp"
#include "dial.hpp"

#include "plexus/encoding/base64.hpp"
#include "plexus/plugin.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <list>

struct plexus_network_watch {
    void (*changed)(void* context, std::uint32_t what);
    void* context;
};

namespace plexus::network {
namespace {

constexpr std::size_t most_json = 64 * 1024;

proxy_state state_of(std::uint32_t state) {
    switch (state) {
    case PLEXUS_PROXY_STARTING: return proxy_state::starting;
    case PLEXUS_PROXY_READY: return proxy_state::ready;
    case PLEXUS_PROXY_FAILED: return proxy_state::failed;
    default: return proxy_state::off;
    }
}

std::string_view word_of(proxy_state state) {
    switch (state) {
    case proxy_state::starting: return "starting";
    case proxy_state::ready: return "ready";
    case proxy_state::failed: return "failed";
    default: return "off";
    }
}

/// What a proxy said of itself.
struct told {
    std::string kind;
    std::string address;
    std::string summary;
    proxy_state state = proxy_state::none;
    std::uint32_t percent = 0;

    static told of(const plexus_proxy_status& from) {
        return {std::string(text_of(from.kind)), std::string(text_of(from.address)),
                std::string(text_of(from.summary)), state_of(from.state), from.percent};
    }
};

class plugin final : public plugin_base {
  public:
    explicit plugin(host_ref host) : plugin_base(host) {
        table_.service = {sizeof table_, 0, this};
        table_.connect = [](void* self, const plexus_network_server* server, connected_function done,
                            void* context, plexus_operation** operation) {
            return guard(nullptr, [&]() -> result<void> {
                PLEXUS_TRY(auto* begun, dial::start(of(self).runtime_, *server, done, context));
                if (operation != nullptr) *operation = begun;
                return {};
            });
        };
        table_.answered = [](void* self, plexus_network_link* link, std::uint64_t took) {
            of(self).runtime_.health.answered(*reinterpret_cast<health::link*>(link),
                                              nanoseconds(static_cast<std::int64_t>(took)));
        };
        table_.closed = [](void* self, plexus_network_link* link, plexus_view why) {
            auto& shared = of(self).runtime_;
            shared.health.closed(std::unique_ptr<health::link>(reinterpret_cast<health::link*>(link)),
                                 text_of(why), shared.wall());
        };
        table_.get_rules = [](void* self, plexus_network_rules* rules) { of(self).get_rules(*rules); };
        table_.read = [](void* self, std::uint32_t what, void (*take)(void*, plexus_view), void* context) {
            const auto text = json::serialize(what == PLEXUS_NETWORK_STATUS ? of(self).status_json()
                                                                            : of(self).settings_json());
            take(context, to_abi(std::string_view(text)));
        };
        table_.change = [](void* self, plexus_view text, std::uint32_t flags, plexus_error** failure) {
            return guard(failure,
                         [&] { return of(self).change(text_of(text), (flags & PLEXUS_NETWORK_SAVED) != 0); });
        };
        table_.renew = [](void* self, plexus_error** failure) {
            return guard(failure, [&] { return of(self).renew(); });
        };
        table_.watch = [](void* self, void (*changed)(void*, std::uint32_t), void* context,
                          plexus_network_watch** watch) {
            return guard(nullptr, [&]() -> result<void> {
                of(self).watches_.push_back({changed, context});
                *watch = &of(self).watches_.back();
                return {};
            });
        };
        table_.unwatch = [](void* self, plexus_network_watch* watch) {
            of(self).watches_.remove_if([watch](const auto& each) { return &each == watch; });
        };
    }

    result<void> init() override {
        PLEXUS_CHECK(runtime_.account.open(host()));
        PLEXUS_TRY(runtime_.transport, host().require<plexus_transport>(PLEXUS_TRANSPORT_ID));
        PLEXUS_TRY(const auto* clock, host().require<plexus_clock>(PLEXUS_CLOCK_ID));
        PLEXUS_TRY(random_, host().require<plexus_random>(PLEXUS_RANDOM_ID));
        runtime_.clock = clock_view(clock);
        runtime_.log = host().log();
        runtime_.waiting.resize(runtime_.account.loop.shard_count());
        proxy_ = host().service<plexus_proxy>(PLEXUS_PROXY_ID);
        configured_ = configured(host().config());
        // A first look, so that a mistake is found before anything starts.
        settings checked;
        return apply(checked, configured_, false);
    }

    task<result<void>> start() override {
        in_force first;
        first.waits = host().config().boolean("wait-for-settings");
        first.nonce = new_nonce();
        if (proxy_ != nullptr) {
            const auto now = ask_proxy();
            runtime_.road_name = now.kind;
            first.managed = now.kind == "tor";
            first.proxy = now.state;
            if (!first.managed && now.state != proxy_state::off) first.set.proxy = now.address;
        }
        preset_ = first.set;
        auto set = preset_;
        auto good = apply(set, configured_, first.managed);
        if (good) good = set_proxy(first, set);
        if (!good) co_return good;
        first.set = std::move(set);
        runtime_.rules.set(std::move(first));
        if (proxy_ == nullptr) co_return result<void>();
        const auto changed = [](void* self, const plexus_proxy_status* status) {
            of(self).proxy_changed(told::of(*status));
        };
        const auto code = proxy_->watch(proxy_->service.self, changed, this, &proxy_watch_);
        if (code != PLEXUS_OK) co_return from_abi(code, nullptr);
        proxy_changed(ask_proxy());
        co_return result<void>();
    }

    task<result<void>> stop() override {
        if (proxy_watch_ != nullptr)
            proxy_->unwatch(proxy_->service.self, std::exchange(proxy_watch_, nullptr));
        return runtime_.account.drain();
    }

    const plexus_service* service(std::string_view id) noexcept override {
        return id == PLEXUS_NETWORK_ID ? &table_.service : nullptr;
    }

  private:
    static plugin& of(void* self) noexcept { return *static_cast<plugin*>(self); }

    std::string new_nonce() const {
        std::array<std::uint8_t, 16> nonce{};
        random_->fill(random_->service.self, plexus_span{nonce.data(), nonce.size()});
        return encoding::base64url_encode(nonce);
    }

    told ask_proxy() const {
        told out;
        proxy_->status(
            proxy_->service.self,
            [](void* context, const plexus_proxy_status* status) {
                *static_cast<told*>(context) = told::of(*status);
            },
            &out);
        return out;
    }

    /// Tells the proxy its address if that changes.
    result<void> set_proxy(in_force& now, const settings& wanted) {
        if (now.managed || now.set.proxy == wanted.proxy) return {};
        if (proxy_ == nullptr)
            return make_error(status::unsupported,
                              "there is no SOCKS transport to set a proxy for: add [plugin.transport-socks]");
        const std::string address = wanted.proxy.value_or("off");
        plexus_error* failure = nullptr;
        const auto code =
            proxy_->configure(proxy_->service.self, to_abi(std::string_view(address)), &failure);
        if (code != PLEXUS_OK) return take_error(code, failure);
        now.proxy = ask_proxy().state;
        return {};
    }

    result<void> change(std::string_view text, bool saved) {
        json::error_code wrong;
        const auto parsed = text.size() > most_json ? json::value() : json::parse(text, wrong);
        if (wrong || !parsed.is_object())
            return make_error(status::invalid, "settings of the network are a JSON object of up to 64 KiB");
        const auto before = runtime_.rules.get();
        in_force now = *before;
        settings set = saved ? preset_ : now.set;
        json::object wanted = parsed.get_object();
        if (saved && now.managed) wanted.erase("socksProxy");
        PLEXUS_CHECK(apply(set, wanted, now.managed));
        if (saved) PLEXUS_CHECK(apply(set, configured_, now.managed));
        PLEXUS_CHECK(set_proxy(now, set));
        now.set = std::move(set);
        now.waits = now.waits && !saved;
        const bool kept = same_roads(before->set, now.set);
        if (!kept) now.nonce = new_nonce();
        const bool released = before->waits && !now.waits;
        runtime_.rules.set(std::move(now));
        if (released) release();
        tell(kept ? PLEXUS_NETWORK_ROAD_OPENED : PLEXUS_NETWORK_ROADS_CHANGED);
        return {};
    }

    /// What waits for saved settings goes on, on its own shard.
    void release() {
        for (std::uint32_t shard = 0; shard < runtime_.waiting.size(); ++shard)
            runtime_.account.loop.post(shard, [this, shard, kept = net::hold(runtime_.account)] {
                while (!runtime_.waiting[shard].empty()) (*runtime_.waiting[shard].begin())->go_on();
            });
    }

    result<void> renew() {
        if (proxy_ == nullptr || !runtime_.rules.get()->proxied())
            return make_error(status::unsupported, "there are no circuits to renew: no proxy is in use");
        auto* kept = new net::hold(runtime_.account);
        const plexus_completion done{
            [](void* context, std::int32_t, const plexus_error*) { delete static_cast<net::hold*>(context); },
            kept};
        if (const auto code = proxy_->renew(proxy_->service.self, done); code != PLEXUS_OK) {
            delete kept;
            return from_abi(code, nullptr);
        }
        in_force now = *runtime_.rules.get();
        now.nonce = new_nonce();
        runtime_.rules.set(std::move(now));
        tell(PLEXUS_NETWORK_ROADS_CHANGED);
        return {};
    }

    void proxy_changed(const told& now) {
        in_force next = *runtime_.rules.get();
        const auto before = std::exchange(next.proxy, now.state);
        runtime_.rules.set(std::move(next));
        if (before != proxy_state::ready && now.state == proxy_state::ready) tell(PLEXUS_NETWORK_ROAD_OPENED);
        tell(PLEXUS_NETWORK_PROXY_CHANGED);
    }

    /// From the loop, so that no watcher is called inside a call of its own.
    void tell(std::uint32_t what) {
        runtime_.account.loop.post(0, [this, what, kept = net::hold(runtime_.account)] {
            std::vector<const plexus_network_watch*> all;
            for (const auto& each : watches_) all.push_back(&each);
            for (const auto* each : all) {
                const bool present = std::any_of(watches_.begin(), watches_.end(),
                                                 [&](const auto& one) { return &one == each; });
                if (present) each->changed(each->context, what);
            }
        });
    }

    void get_rules(plexus_network_rules& out) const {
        const auto now = runtime_.rules.get();
        const auto ns = [](microseconds time) {
            return static_cast<std::uint64_t>(nanoseconds(time).count());
        };
        out.flags = 0;
        if (now->set.sessions == session_mode::entity) out.flags |= PLEXUS_NETWORK_BY_ENTITY;
        out.reconnect_least_ns = ns(now->set.reconnect_least);
        out.reconnect_most_ns = ns(now->set.reconnect_most);
    }

    json::object settings_json() const {
        const auto now = runtime_.rules.get();
        return to_json(now->set, now->proxied(), now->managed);
    }

    json::object status_json() const {
        json::object out;
        const auto now = runtime_.rules.get();
        if (proxy_ != nullptr) {
            const auto of_proxy = ask_proxy();
            out["proxy"] = {{"kind", of_proxy.kind},
                            {"state", word_of(of_proxy.state)},
                            {"percent", of_proxy.percent},
                            {"address", of_proxy.address},
                            {"summary", of_proxy.summary}};
        }
        out["servers"] = runtime_.health.to_json(runtime_.road_name);
        return out;
    }

    runtime runtime_;
    const plexus_random* random_ = nullptr;
    const plexus_proxy* proxy_ = nullptr;
    plexus_proxy_watch* proxy_watch_ = nullptr;
    settings preset_;         ///< before configuration and saved settings
    json::object configured_; ///< what the configuration says outright
    std::list<plexus_network_watch> watches_;
    plexus_network table_{};
};

constexpr const char* capabilities[] = {PLEXUS_CAP_NET_OUTBOUND, nullptr};
constexpr const char* provides[] = {PLEXUS_NETWORK_ID, nullptr};
constexpr const char* requires_list[] = {PLEXUS_TRANSPORT_ID, nullptr};
constexpr const char* uses[] = {PLEXUS_PROXY_ID, nullptr};
const plugin_info info{
    .id = "network",
    .version = PLEXUS_VERSION,
    .summary = "How servers are reached: hosts, roads, proxies, timeouts",
    .capabilities = capabilities,
    .provides = provides,
    .requires_ = requires_list,
    .uses = uses,
    .keys = configuration_keys(),
};

} // namespace
} // namespace plexus::network

PLEXUS_PLUGIN(plexus::network::plugin, plexus::network::info)
