// transport-unix: a carrier that reaches HOST:PORT at a Unix socket, for servers on this machine or behind a
// forwarder. transport-tls puts TLS on top, so the server is still who its address says.
#include "plexus/net/connecting.hpp"
#include "plexus/net/public_address.hpp"
#include "plexus/net/raw_stream.hpp"
#include "plexus/net/unix_socket.hpp"
#include "plexus/plugin.hpp"

namespace {

namespace net = plexus::net;
using plexus::error;
using plexus::make_error;
using plexus::result;
using plexus::status;

/// One connection in the making. What it inherits sees to the completion, the deadline, cancelling and stop.
class connector final : public net::connecting, net::carrier::sink {
  public:
    connector(net::account& owner, const plexus_connect_options& options, std::string path,
              net::connected_function done, void* context)
        : connecting(owner, options, std::chrono::seconds(10), done, context), path_(std::move(path)) {}

  private:
    void begin() override {
        auto socket = net::begin_connect_unix(path_);
        if (!socket) return refuse(socket.error());
        socket_ = std::make_unique<net::socket_carrier>(owner().loop, std::move(*socket));
        socket_->set_sink(this);
        socket_->want(PLEXUS_WRITABLE);
    }

    void ready(std::uint32_t) override {
        guarded([this] {
            const int number = net::outcome_of_connect(socket_->get());
            if (number != 0) return refuse(net::connect_error(path_, number));
            auto made = std::make_unique<net::raw_stream>(owner(), std::move(socket_), name());
            made->open();
            finish(made.release());
        });
    }

    void refuse(const error& why) {
        fail(error("plexus", why.code(), "cannot connect to " + name() + ": " + why.message(),
                   why.retryable()));
    }
    void release() noexcept override { socket_.reset(); }
    std::string_view stage() const noexcept override { return "nobody accepted it"; }

    std::string path_;
    std::unique_ptr<net::socket_carrier> socket_;
};

class plugin final : public plexus::plugin_base {
  public:
    explicit plugin(plexus::host_ref host) : plugin_base(host) {
        carrier_.service = {sizeof carrier_, 0, this};
        carrier_.connect = [](void* self, const plexus_connect_options* options, net::connected_function done,
                              void* context, plexus_operation** operation) {
            return plexus::guard(nullptr, [&]() -> result<void> {
                PLEXUS_TRY(auto* begun, static_cast<plugin*>(self)->connect(*options, done, context));
                if (operation != nullptr) *operation = begun;
                return {};
            });
        };
    }

    result<void> init() override {
        template_ = host().config().text("path").value_or("");
        if (!template_.starts_with('/'))
            return make_error(status::invalid, "path = \"" + template_ +
                                                   "\" is no absolute path: give one, such as "
                                                   "\"/run/plexus/%h-%p.sock\"");
        return account_.open(host());
    }
    plexus::task<result<void>> stop() override { return account_.drain(); }

    const plexus_service* service(std::string_view id) noexcept override {
        return id == PLEXUS_CARRIER_ID ? &carrier_.service : nullptr;
    }

  private:
    result<plexus_operation*> connect(const plexus_connect_options& given, net::connected_function done,
                                      void* context) {
        const plexus_connect_options options = net::whole(given);
        PLEXUS_CHECK(net::check_target(options));
        const auto host = plexus::text_of(options.host);
        if ((options.flags & PLEXUS_CONNECT_SECURE) != 0)
            return make_error(status::unsupported, "transport-unix makes raw streams");
        if ((options.flags & PLEXUS_CONNECT_PUBLIC) != 0 && net::is_private_number(host))
            return make_error(status::denied, "the address is not one of the public internet");
        if (host.find('/') != host.npos) return make_error(status::invalid, "a host name has no \"/\"");
        if (account_.stopping()) return make_error(status::stopping, "transport-unix stops");
        return connector::start(
            std::make_unique<connector>(account_, options, path_of(host, options.port), done, context));
    }

    std::string path_of(std::string_view host, std::uint32_t port) const {
        std::string out;
        for (std::size_t i = 0; i < template_.size(); ++i) {
            const auto part = std::string_view(template_).substr(i, 2);
            if (part == "%h")
                out += host;
            else if (part == "%p")
                out += std::to_string(port);
            else
                out += template_[i];
            if (part == "%h" || part == "%p") ++i;
        }
        return out;
    }

    net::account account_;
    std::string template_;
    plexus_transport carrier_{};
};

constexpr const char* capabilities[] = {PLEXUS_CAP_NET_OUTBOUND, nullptr};
constexpr const char* provides[] = {PLEXUS_CARRIER_ID, nullptr};
constexpr plexus_key keys[] = {
    {"path", PLEXUS_KEY_TEXT, PLEXUS_KEY_REQUIRED, nullptr, nullptr, 0, 0,
     "the socket of a server; %h stands for its host, %p for its port"},
};
constexpr plexus::plugin_info info{
    .id = "com.example.transport-unix",
    .version = "1.0.0",
    .summary = "Reaches servers at Unix sockets",
    .vendor = "Example",
    .capabilities = capabilities,
    .provides = provides,
    .keys = keys,
};

} // namespace

PLEXUS_PLUGIN(plugin, info)
