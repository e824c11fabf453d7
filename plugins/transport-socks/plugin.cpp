// transport-socks: connections through a SOCKS5 proxy, as the carrier of a transport that adds TLS.
#include "plexus/plugin.hpp"

#include "road.hpp"

namespace plexus::transport_socks {

namespace {

constexpr const char* preset_proxy = "127.0.0.1:9050";

constexpr std::array keys = {
    plexus_key{
        "proxy", PLEXUS_KEY_TEXT, PLEXUS_KEY_SECRET | PLEXUS_KEY_RELOADABLE, nullptr, nullptr, 0, 0,
        "the SOCKS5 proxy: \"HOST:PORT\" (connections are isolated by user name), \"@HOST:PORT\" (no "
        "authentication), \"USER:PASSWORD@HOST:PORT\", \"unix:/PATH\" for HOST:PORT, or \"off\"; without it "
        "127.0.0.1:9050, where tor listens"},
    plexus_key{"connect-timeout", PLEXUS_KEY_DURATION, 0, "60s", nullptr, 1'000'000, 600'000'000'000,
               "until the proxy has connected, where the caller gives no time"},
    plexus_key{"keepalive", PLEXUS_KEY_DURATION, 0, "30s", nullptr, 1'000'000'000, 7'200'000'000'000,
               "idle time before TCP asks whether the proxy is there"},
};
constexpr const char* capabilities[] = {PLEXUS_CAP_NET_OUTBOUND, nullptr};
constexpr const char* provides[] = {PLEXUS_CARRIER_ID, PLEXUS_PROXY_ID, nullptr};

constexpr plugin_info info = {
    .id = "transport-socks",
    .version = "0.1.0",
    .summary = "Connections through a SOCKS5 proxy, such as a running tor",
    .capabilities = capabilities,
    .provides = provides,
    .keys = keys,
};

/// A connection that cannot begin, and says why in its completion.
class refusal final : public net::connecting {
  public:
    refusal(net::account& owner, const plexus_connect_options& options, net::connected_function done,
            void* context)
        : connecting(owner, options, std::chrono::seconds(1), done, context) {}

  private:
    void begin() override {
        fail(make_error(status::unreachable,
                        "cannot connect to " + name() + ": no SOCKS proxy is configured"));
    }
    void release() noexcept override {}
    std::string_view stage() const noexcept override { return "nothing was done"; }
};

class plugin final : public plugin_base {
  public:
    explicit plugin(host_ref host) : plugin_base(host), road_(account_) {
        carrier_.service = {sizeof carrier_, 0, this};
        carrier_.connect = [](void* self, const plexus_connect_options* options, net::connected_function done,
                              void* context, plexus_operation** operation) {
            return guard(nullptr, [&] { return of(self).connect(*options, done, context, operation); });
        };
        proxy_.service = {sizeof proxy_, 0, this};
        proxy_.status = [](void* self, plexus_proxy_told told, void* context) {
            guard(nullptr, [&]() -> result<void> {
                of(self).road_.status.status(told, context);
                return {};
            });
        };
        proxy_.watch = [](void* self, plexus_proxy_told told, void* context, plexus_proxy_watch** watch) {
            return guard(nullptr, [&]() -> result<void> {
                PLEXUS_TRY(*watch, of(self).road_.status.watch(told, context));
                return {};
            });
        };
        proxy_.unwatch = [](void* self, plexus_proxy_watch* watch) { of(self).road_.status.unwatch(watch); };
        proxy_.configure = [](void* self, plexus_view address, plexus_error** failure) {
            return guard(failure, [&] { return of(self).road_.configure(text_of(address)); });
        };
        proxy_.renew = [](void* self, plexus_completion done) {
            return guard(nullptr, [&] { return of(self).renew(done); });
        };
    }

    result<void> init() override {
        PLEXUS_TRY(random_, host().require<plexus_random>(PLEXUS_RANDOM_ID));
        PLEXUS_CHECK(account_.open(host()));
        resolver_ = host().service<plexus_resolver>(PLEXUS_RESOLVER_ID);
        const auto config = host().config();
        timeout_ = config.duration("connect-timeout").value_or(std::chrono::seconds(60));
        keepalive_ = config.duration("keepalive").value_or(std::chrono::seconds(30));
        return configure(config);
    }
    task<result<void>> stop() override { return account_.drain(); }
    result<void> reload(const config_view& values) override { return configure(values); }

    const plexus_service* service(std::string_view id) noexcept override {
        if (id == PLEXUS_CARRIER_ID) return &carrier_.service;
        if (id == PLEXUS_PROXY_ID) return &proxy_.service;
        return nullptr;
    }

  private:
    static plugin& of(void* self) noexcept { return *static_cast<plugin*>(self); }

    /// What was chosen at run time stays until the file says something new.
    result<void> configure(const config_view& values) {
        const secret_bytes wanted(as_bytes(values.text("proxy").value_or(preset_proxy)));
        if (wanted == configured_) return {};
        auto taken = road_.configure(as_text(wanted));
        if (!taken) return make_error(status::invalid, "proxy: " + taken.error().message());
        configured_ = wanted;
        return {};
    }

    result<void> connect(const plexus_connect_options& given, net::connected_function done, void* context,
                         plexus_operation** operation) {
        const plexus_connect_options options = net::whole(given);
        auto road = road_.to(from_abi(options.isolation));
        plexus_operation* begun = nullptr;
        if (road) {
            road->timeout = timeout_;
            road->keepalive = keepalive_;
            PLEXUS_TRY(begun, net::socks_connector::start(account_, resolver_, std::move(*road), options,
                                                          done, context));
        } else {
            PLEXUS_CHECK(net::check_target(options));
            if (account_.stopping()) return make_error(status::stopping, "the carrier stops");
            begun = net::connecting::start(std::make_unique<refusal>(account_, options, done, context));
        }
        if (operation != nullptr) *operation = begun;
        return {};
    }

    result<void> renew(plexus_completion done) {
        const std::int32_t here = account_.loop.current_shard();
        if (here < 0 || account_.stopping()) return make_error(status::stopping, "the carrier stops");
        account_.loop.post(
            static_cast<std::uint32_t>(here),
            [done, outcome = road_.renew(random_), kept = net::hold(account_)] { complete(done, outcome); });
        return {};
    }

    net::account account_;
    road road_;
    const plexus_random* random_ = nullptr;
    const plexus_resolver* resolver_ = nullptr;
    net::nanoseconds timeout_{};
    net::nanoseconds keepalive_{};
    secret_bytes configured_;
    plexus_transport carrier_{};
    plexus_proxy proxy_{};
};

} // namespace

} // namespace plexus::transport_socks

PLEXUS_PLUGIN(plexus::transport_socks::plugin, plexus::transport_socks::info)
