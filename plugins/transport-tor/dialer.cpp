#include "dialer.hpp"

#include "plexus/net/public_address.hpp"
#include "plexus/socks/proxy_address.hpp"

namespace plexus::transport_tor {

/// One connection: first it waits for tor, then a connector of SOCKS does the work.
class dialer::connection final : public net::connecting {
  public:
    connection(dialer& of, const plexus_connect_options& options, net::connected_function done, void* context)
        : connecting(of.account_, options, of.timeout_, done, context), dialer_(of),
          isolation_(to_bytes(from_abi(options.isolation))) {}

    /// Goes on, waits, or fails, as tor stands.
    void look() {
        const auto& now = dialer_.here().now;
        if (link_ != nullptr) return;
        switch (now.state) {
        case PLEXUS_PROXY_READY: return guarded([&] { dial(now); });
        case PLEXUS_PROXY_STARTING: return;
        case PLEXUS_PROXY_FAILED:
            if (!now.hopeless) return;
            break;
        default: break;
        }
        fail(make_error(status::unreachable, "cannot connect to " + name() + " through tor: " + now.summary,
                        true));
    }

  private:
    /// Between this and the connector, either of which may go first.
    struct link {
        connection* owner;
    };

    void begin() override {
        dialer_.here().waiting.push_back(this);
        look();
    }

    void dial(const condition& now) {
        plexus_connect_options options{};
        options.size = sizeof options;
        options.flags = has(PLEXUS_CONNECT_PUBLIC) ? static_cast<std::uint32_t>(PLEXUS_CONNECT_PUBLIC) : 0U;
        options.host = to_abi(std::string_view(host()));
        options.port = port();
        options.timeout_ns = static_cast<std::uint64_t>(timeout().count());
        const auto done = [](void* context, std::int32_t code, const plexus_error* failure,
                             plexus_stream* made) {
            const std::unique_ptr<link> mine(static_cast<link*>(context));
            stream kept(code == PLEXUS_OK ? made : nullptr);
            if (mine->owner == nullptr) return;
            mine->owner->link_ = nullptr;
            mine->owner->inner_ = nullptr;
            if (code == PLEXUS_OK)
                mine->owner->finish(kept.release());
            else
                mine->owner->fail(from_abi(code, failure));
        };
        auto made = std::make_unique<link>(link{this});
        auto started = net::socks_connector::start(owner(), nullptr, dialer_.road(now, isolation_), options,
                                                   done, made.get());
        if (!started) return fail(std::move(started).error());
        link_ = made.release();
        inner_ = *started;
        stage_ = "tor did not connect";
    }

    void release() noexcept override {
        auto& waiting = dialer_.here().waiting;
        waiting.erase(std::remove(waiting.begin(), waiting.end(), this), waiting.end());
        if (link_ == nullptr) return;
        std::exchange(link_, nullptr)->owner = nullptr;
        auto* const inner = std::exchange(inner_, nullptr);
        inner->cancel(inner);
    }
    void expired() override {
        if (link_ != nullptr) return;
        const auto& now = dialer_.here().now;
        stage_ = "tor was not ready (" + std::to_string(now.percent) + " %: " + now.summary + ")";
    }
    std::string_view stage() const noexcept override { return stage_; }

    dialer& dialer_;
    bytes isolation_;
    std::string stage_ = "tor was not ready";
    link* link_ = nullptr;
    plexus_operation* inner_ = nullptr;
};

void dialer::open() {
    gates_ = std::vector<gate>(account_.loop.shard_count());
    for (auto& each : gates_) each.now.state = PLEXUS_PROXY_STARTING;
}

result<plexus_operation*> dialer::connect(const plexus_connect_options& given, net::connected_function done,
                                          void* context) {
    const auto options = net::whole(given);
    PLEXUS_CHECK(net::check_target(options));
    const auto host = text_of(options.host);
    if ((options.flags & PLEXUS_CONNECT_SECURE) != 0)
        return make_error(status::unsupported,
                          "a carrier makes raw streams: TLS is for the transport above it");
    if ((options.flags & PLEXUS_CONNECT_PUBLIC) != 0 && net::is_private_number(std::string(host)))
        return make_error(status::denied, "cannot connect to " + net::shown(host, options.port) +
                                              ": its address is not one of the public internet");
    if (account_.stopping()) return make_error(status::stopping, "the carrier stops");
    return net::connecting::start(std::make_unique<connection>(*this, options, done, context));
}

net::socks_road dialer::road(const condition& now, bytes_view isolation) const {
    net::socks_road out;
    out.host = now.socks.host;
    out.port = now.socks.port;
    out.path = now.socks.path;
    out.timeout = timeout_;
    bytes generation;
    for (auto left = generation_.load(); left != 0; left >>= 8)
        generation.push_back(static_cast<std::uint8_t>(left));
    out.credentials = socks::credentials_for(socks::proxy_address(), isolation, generation);
    // The folder's path is good as long as somebody holds the folder.
    if (now.socks.folder) out.told = [kept = now.socks.folder](const error*) { static_cast<void>(kept); };
    return out;
}

void dialer::update(const condition& now) {
    for (std::uint32_t i = 0; i < account_.loop.shard_count(); ++i)
        account_.loop.post(i, [this, i, now, kept = net::hold(account_)] {
            gates_[i].now = now;
            auto& waiting = gates_[i].waiting; // those that end leave it, and may end others
            for (auto* each : std::vector<connection*>(waiting))
                if (std::find(waiting.begin(), waiting.end(), each) != waiting.end()) each->look();
        });
}

} // namespace plexus::transport_tor
