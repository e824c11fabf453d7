#include "plexus/abi.hpp"
#include "sim_loop.hpp"
#include "sim_network.hpp"

namespace plexus::kernel::sim {

namespace {
constexpr std::uint64_t connect_timeout_ns = 25'000'000'000;
}

/// One connect under way. The operation is valid until the completion runs.
struct machine_service::call : plexus_operation {
    machine_service* service = nullptr;
    std::weak_ptr<call> self;
    connected done = nullptr;
    void* context = nullptr;
    std::uint32_t shard = 0;
    std::string name;
    bool settled = false;
};

machine_service::machine_service(network& net, sim_loop& loop, activity& owner)
    : network_(net), loop_(loop), owner_(owner) {
    sim_.service = {sizeof sim_, 0, this};
    sim_.crashed = [](void* self) -> std::uint32_t { return of(self).loop_.crashed() ? 1 : 0; };
    sim_.transport = &transport_;
    sim_.listener = &listener_;
    fill_transport();
    fill_listener();
}

machine_service::~machine_service() {
    for (const auto& one : calls_)
        if (const auto under_way = one.lock()) under_way->settled = true;
}

void machine_service::crash() {
    for (const auto& one : std::exchange(calls_, {}))
        if (const auto under_way = one.lock())
            finish(under_way, nullptr,
                   error("plexus", PLEXUS_E_IO, "the machine " + loop_.host() + " crashed"));
}

void machine_service::fill_transport() {
    transport_.service = {sizeof transport_, 0, this};
    transport_.connect = [](void* self, const plexus_connect_options* options, connected done, void* context,
                            plexus_operation** operation) {
        return guard(nullptr, [&] { return of(self).connect(*options, done, context, operation); });
    };
}

result<void> machine_service::connect(const plexus_connect_options& options, connected done, void* context,
                                      plexus_operation** operation) {
    if ((options.flags & PLEXUS_CONNECT_SECURE) != 0)
        return error("plexus", PLEXUS_E_UNSUPPORTED, "the simulated network has raw streams only");
    const std::int32_t shard = loop_.current_shard();
    if (shard < 0) return error("plexus", PLEXUS_E_INVALID, "connect is called on a shard");
    auto made = std::make_shared<call>();
    made->service = this;
    made->self = made;
    made->done = done;
    made->context = context;
    made->shard = static_cast<std::uint32_t>(shard);
    const std::string host(text_of(options.host));
    made->name = host + ":" + std::to_string(options.port);
    made->cancel = [](plexus_operation* raw) {
        auto* one = static_cast<call*>(raw);
        one->service->finish(one->self.lock(), nullptr, error("plexus", PLEXUS_E_CANCELLED, "cancelled"));
    };
    if (operation != nullptr) *operation = made.get();
    std::erase_if(calls_, [](const auto& one) { return one.expired(); });
    calls_.push_back(made);

    core& world = loop_.world();
    const std::uint64_t limit = options.timeout_ns == 0 ? connect_timeout_ns : options.timeout_ns;
    world.at(world.now() + limit, [this, made] {
        if (!made->settled)
            finish(made, nullptr,
                   error("plexus", PLEXUS_E_TIMEOUT, "cannot connect to " + made->name + ": nothing answered",
                         true));
    });
    if (loop_.crashed()) {
        finish(made, nullptr, error("plexus", PLEXUS_E_UNREACHABLE, "this machine has crashed"));
        return {};
    }
    const auto arrived = [this, made](std::shared_ptr<connection> pair, std::optional<error> why) {
        if (!made->settled) return finish(made, std::move(pair), std::move(why));
        // Given up meanwhile: the other end finds nobody.
        if (pair && pair->ends[1] != nullptr) pair->ends[1]->peer_ended();
    };
    network_.connect(loop_.host(), host, options.port, arrived);
    return {};
}

void machine_service::finish(const std::shared_ptr<call>& which, std::shared_ptr<connection> made,
                             std::optional<error> why) {
    if (which->settled) return;
    which->settled = true;
    if (loop_.crashed() || (made && made->dead)) {
        why =
            error("plexus", PLEXUS_E_IO, "cannot connect to " + which->name + ": the connection broke", true);
        if (made && made->ends[1] != nullptr) made->ends[1]->peer_ended();
        made = nullptr;
    }
    const auto end = std::make_shared<std::unique_ptr<sim_end>>();
    if (made) *end = std::make_unique<sim_end>(network_, made, 0, loop_, which->shard, owner_);
    loop_.push(which->shard, &owner_, [which, end, why = std::move(why)] {
        if (!why) return which->done(which->context, PLEXUS_OK, nullptr, end->release());
        const plexus_error lent = lend(*why);
        which->done(which->context, why->code(), &lent, nullptr);
    });
}

void machine_service::fill_listener() {
    listener_.service = {sizeof listener_, 0, this};
    listener_.listen = [](void* self, const plexus_listen_options* options, plexus_accept_function accepted,
                          void* context, plexus_listener_handle** handle, plexus_error** failure) {
        return guard(failure, [&]() -> result<void> {
            auto& own = of(self);
            if ((options->flags & PLEXUS_LISTEN_SECURE) != 0)
                return error("plexus", PLEXUS_E_UNSUPPORTED, "the simulated network has raw streams only");
            PLEXUS_TRY(auto made, own.network_.listen(own.loop_, own.owner_, *options, accepted, context));
            own.listeners_.push_back(
                std::make_unique<plexus_listener_handle>(plexus_listener_handle{std::move(made)}));
            *handle = own.listeners_.back().get();
            return {};
        });
    };
    listener_.port = [](void*, plexus_listener_handle* handle) { return handle->shared->port; };
    listener_.set_credentials = [](void*, plexus_listener_handle*, plexus_view, plexus_view,
                                   plexus_error**) -> std::int32_t { return PLEXUS_E_UNSUPPORTED; };
    listener_.close = [](void* self, plexus_listener_handle* handle, plexus_completion done) -> std::int32_t {
        auto& own = of(self);
        own.network_.close(*handle->shared);
        std::erase_if(own.listeners_, [&](const auto& one) { return one.get() == handle; });
        const std::int32_t shard = own.loop_.current_shard();
        own.loop_.push(shard < 0 ? 0 : static_cast<std::uint32_t>(shard), &own.owner_,
                       [done] { done.done(done.context, PLEXUS_OK, nullptr); });
        return PLEXUS_OK;
    };
}

} // namespace plexus::kernel::sim
