// transport-sim: streams between the machines of a simulation, with what TLS would tell of them.
#include "plexus/plugin.hpp"

#include "connector.hpp"
#include "listener.hpp"

struct plexus_listener_handle {
    std::shared_ptr<plexus::transport_sim::listener> shared;
};

namespace plexus::transport_sim {

namespace {

constexpr plexus_key keys[] = {
    {"connect-timeout", PLEXUS_KEY_DURATION, 0, "25s", nullptr, 1'000'000, 600'000'000'000,
     "until a connection stands, its handshake included"},
    {"handshake-timeout", PLEXUS_KEY_DURATION, 0, "15s", nullptr, 1'000'000, 600'000'000'000,
     "for the handshake of an accepted client"},
};
constexpr const char* capabilities[] = {PLEXUS_CAP_NET_OUTBOUND, PLEXUS_CAP_NET_LISTEN, nullptr};
constexpr const char* provides[] = {PLEXUS_TRANSPORT_ID, PLEXUS_LISTENER_ID, nullptr};

constexpr plugin_info info = {
    .id = "transport-sim",
    .version = "0.1.0",
    .summary = "Streams between the machines of a simulation, for tests",
    .capabilities = capabilities,
    .provides = provides,
    .keys = keys,
};

class plugin final : public plugin_base {
  public:
    explicit plugin(host_ref host) : plugin_base(host) {
        transport_.service = {sizeof transport_, 0, this};
        transport_.connect = [](void* self, const plexus_connect_options* options, connected_function done,
                                void* context, plexus_operation** operation) {
            return guard(nullptr, [&]() -> result<void> {
                PLEXUS_TRY(auto* begun, start_connect(of(self).runtime_, *options, done, context));
                if (operation != nullptr) *operation = begun;
                return {};
            });
        };
        listener_.service = {sizeof listener_, 0, this};
        listener_.listen = [](void* self, const plexus_listen_options* options,
                              plexus_accept_function accepted, void* context, plexus_listener_handle** handle,
                              plexus_error** failure) {
            return guard(failure, [&]() -> result<void> {
                auto made = std::make_unique<plexus_listener_handle>();
                PLEXUS_TRY(made->shared, listener::open(of(self).runtime_, *options, accepted, context));
                *handle = made.release();
                return {};
            });
        };
        listener_.port = [](void*, plexus_listener_handle* handle) { return handle->shared->port(); };
        listener_.set_credentials = [](void*, plexus_listener_handle* handle, plexus_view chain, plexus_view,
                                       plexus_error** failure) {
            return guard(failure, [&] { return handle->shared->set_credentials(text_of(chain)); });
        };
        listener_.close = [](void*, plexus_listener_handle* handle, plexus_completion done) {
            const std::unique_ptr<plexus_listener_handle> ended(handle);
            return ended->shared->close(done);
        };
    }

    result<void> init() override {
        PLEXUS_TRY(const auto* loop, host().require<plexus_loop>(PLEXUS_LOOP_ID));
        PLEXUS_TRY(const auto* config, host().require<plexus_config>(PLEXUS_CONFIG_ID));
        PLEXUS_TRY(runtime_.random, host().require<plexus_random>(PLEXUS_RANDOM_ID));
        runtime_.sim = host().service<plexus_sim>(PLEXUS_SIM_ID);
        if (runtime_.sim == nullptr)
            return make_error(status::unsupported,
                              "transport-sim works in a simulation only: use transport-tls in programs");
        runtime_.loop = loop_ref(loop);
        const config_view values(config);
        runtime_.connect_timeout = values.duration("connect-timeout").value_or(std::chrono::seconds(25));
        runtime_.handshake_timeout = values.duration("handshake-timeout").value_or(std::chrono::seconds(15));
        return {};
    }

    task<result<void>> stop() override {
        runtime_.stopping = true;
        if (runtime_.under_way.empty()) co_return result<void>();
        for (std::uint32_t shard = 0; shard < runtime_.loop.shard_count(); ++shard)
            runtime_.loop.post(shard, [this, shard] {
                for (work* one : std::list<work*>(runtime_.under_way))
                    if (one->shard() == shard) one->cancel();
            });
        co_return co_await runtime_.drained.wait();
    }

    const plexus_service* service(std::string_view id) noexcept override {
        if (id == PLEXUS_TRANSPORT_ID) return &transport_.service;
        if (id == PLEXUS_LISTENER_ID) return &listener_.service;
        return nullptr;
    }

  private:
    static plugin& of(void* self) noexcept { return *static_cast<plugin*>(self); }

    runtime runtime_;
    plexus_transport transport_{};
    plexus_listener listener_{};
};

} // namespace

} // namespace plexus::transport_sim

PLEXUS_PLUGIN(plexus::transport_sim::plugin, plexus::transport_sim::info)
