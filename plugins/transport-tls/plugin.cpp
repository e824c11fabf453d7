// transport-tls: TCP streams, and TLS streams with the parameters of SimpleX, as client and listener.
#include "plexus/plugin.hpp"

#include "connector.hpp"
#include "listener.hpp"

struct plexus_listener_handle {
    std::shared_ptr<plexus::transport_tls::listener> shared;
};

namespace plexus::transport_tls {

namespace {

constexpr std::array keys = {
    plexus_key{
        "group", PLEXUS_KEY_TEXT, 0, "auto", "auto|x25519", 0, 0,
        "key exchange of servers: \"auto\" takes what the client offers (X25519 or X448), \"x25519\" costs "
        "half the CPU and official clients one more round"},
    plexus_key{"connect-timeout", PLEXUS_KEY_DURATION, 0, "25s", nullptr, 1'000'000, 600'000'000'000,
               "until a connection stands, its TLS handshake included"},
    plexus_key{"handshake-timeout", PLEXUS_KEY_DURATION, 0, "15s", nullptr, 1'000'000, 600'000'000'000,
               "for the TLS handshake of an accepted client"},
    plexus_key{"keepalive", PLEXUS_KEY_DURATION, 0, "30s", nullptr, 1'000'000'000, 7'200'000'000'000,
               "idle time before TCP asks whether the other side is there"},
    plexus_key{"pending-most", PLEXUS_KEY_INTEGER, 0, "1024", nullptr, 1, 1'000'000,
               "TLS handshakes of accepted clients under way at once"},
};
constexpr const char* capabilities[] = {PLEXUS_CAP_NET_OUTBOUND, PLEXUS_CAP_NET_LISTEN, nullptr};
constexpr const char* provides[] = {PLEXUS_TRANSPORT_ID, PLEXUS_LISTENER_ID, nullptr};
constexpr const char* uses[] = {PLEXUS_CARRIER_ID, nullptr};

constexpr plugin_info info = {
    .id = "transport-tls",
    .version = "0.1.0",
    .summary = "TCP and TLS 1.3 streams, client and listener",
    .capabilities = capabilities,
    .provides = provides,
    .uses = uses,
    .keys = keys,
};

class plugin final : public plugin_base {
  public:
    explicit plugin(host_ref host) : plugin_base(host), runtime_(host) {
        transport_.service = {sizeof transport_, 0, this};
        transport_.connect = [](void* self, const plexus_connect_options* options,
                                net::connected_function done, void* context, plexus_operation** operation) {
            return guard(nullptr, [&] { return of(self).connect(*options, done, context, operation); });
        };
        listener_.service = {sizeof listener_, 0, this};
        listener_.listen = [](void* self, const plexus_listen_options* options,
                              plexus_accept_function accepted, void* context, plexus_listener_handle** handle,
                              plexus_error** failure) {
            return guard(failure, [&] { return of(self).listen(*options, accepted, context, handle); });
        };
        listener_.port = [](void*, plexus_listener_handle* handle) { return handle->shared->port(); };
        listener_.set_credentials = [](void*, plexus_listener_handle* handle, plexus_view chain,
                                       plexus_view key, plexus_error** failure) {
            return guard(failure,
                         [&] { return handle->shared->set_credentials(from_abi(chain), from_abi(key)); });
        };
        listener_.set_named_credentials = [](void*, plexus_listener_handle* handle, plexus_view chain,
                                             plexus_view key, plexus_error** failure) {
            return guard(failure, [&] {
                return handle->shared->set_named_credentials(from_abi(chain), from_abi(key));
            });
        };
        listener_.close = [](void*, plexus_listener_handle* handle, plexus_completion done) {
            return guard(nullptr, [&]() -> result<void> {
                PLEXUS_CHECK(handle->shared->close(done));
                delete handle;
                return {};
            });
        };
    }

    result<void> init() override {
        PLEXUS_CHECK(runtime_.init());
        PLEXUS_TRY(auto made, client_context::make(runtime_.config));
        client_.emplace(std::move(made));
        return {};
    }
    task<result<void>> stop() override { return runtime_.drain(); }

    const plexus_service* service(std::string_view id) noexcept override {
        if (id == PLEXUS_TRANSPORT_ID) return &transport_.service;
        if (id == PLEXUS_LISTENER_ID) return &listener_.service;
        return nullptr;
    }

  private:
    static plugin& of(void* self) noexcept { return *static_cast<plugin*>(self); }

    result<void> connect(const plexus_connect_options& options, net::connected_function done, void* context,
                         plexus_operation** operation) {
        PLEXUS_TRY(auto* begun, connector::start(runtime_, *client_, options, done, context));
        if (operation != nullptr) *operation = begun;
        return {};
    }
    result<void> listen(const plexus_listen_options& options, plexus_accept_function accepted, void* context,
                        plexus_listener_handle** handle) {
        auto made = std::make_unique<plexus_listener_handle>();
        const bool counted = PLEXUS_HAS(&options, counted_with) && options.counted_with != nullptr;
        const auto* with = counted ? options.counted_with->shared.get() : nullptr;
        PLEXUS_TRY(made->shared, listener::open(runtime_, options, with, accepted, context));
        *handle = made.release();
        return {};
    }

    runtime runtime_;
    std::optional<client_context> client_;
    plexus_transport transport_{};
    plexus_listener listener_{};
};

} // namespace

} // namespace plexus::transport_tls

PLEXUS_PLUGIN(plexus::transport_tls::plugin, plexus::transport_tls::info)
