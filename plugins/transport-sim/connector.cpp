#include "connector.hpp"

#include "plexus/net/connecting.hpp"
#include "plexus/net/public_address.hpp"

namespace plexus::transport_sim {

namespace {

class connector final : public work {
  public:
    connector(runtime& owner, const plexus_connect_options& options, connected_function done, void* context)
        : work(owner), done_(done), context_(context) {
        to_.host = std::string(text_of(options.host));
        to_.port = static_cast<std::uint16_t>(options.port);
        to_.secure = false;
        secure_ = (options.flags & PLEXUS_CONNECT_SECURE) != 0;
        hello_.server = to_.host + ":" + std::to_string(to_.port);
        hello_.nonce = owner.nonce();
        hello_.server_name = std::string(text_of(options.server_name));
        hello_.key_hash = to_bytes(from_abi(options.key_hash));
        for (std::uint32_t i = 0; i < options.alpn_count; ++i)
            hello_.alpn.emplace_back(text_of(options.alpn[i]));
        operation_.owner = this;
        operation_.cancel = [](plexus_operation* raw) { static_cast<handle*>(raw)->owner->cancel(); };
    }
    plexus_operation* operation() noexcept { return &operation_; }
    void show(certificates chain) { hello_.chain = std::move(chain); }

  private:
    struct handle : plexus_operation {
        connector* owner = nullptr;
    };

    task<void> run() override {
        to_.timeout = std::chrono::hours(1); // the deadline is over all of it
        auto raw = co_await connect(owner_.sim->transport, to_);
        if (!raw) {
            failure_ = std::move(raw).error();
            co_return;
        }
        if (!secure_) {
            raw->set_handler(nullptr, nullptr);
            made_ = raw->release();
            co_return;
        }
        auto agreed = co_await shake_as_client(*raw, hello_);
        if (!agreed) {
            failure_ = std::move(agreed).error();
            co_return;
        }
        raw->set_handler(nullptr, nullptr);
        made_ = new sim_stream(raw->release(), std::move(*agreed));
    }

    void finished() override {
        if (made_ != nullptr) return done_(context_, PLEXUS_OK, nullptr, made_);
        if (timed_out())
            failure_ = make_error(status::timeout,
                                  "cannot connect to " + hello_.server + ": nothing answered", true);
        if (failure_->is(status::closed))
            failure_ = make_error(status::io,
                                  "cannot connect to " + hello_.server + ": it closed the connection", true);
        const plexus_error lent = lend(*failure_);
        done_(context_, status_of(*failure_), &lent, nullptr);
    }

    handle operation_;
    connected_function done_;
    void* context_;
    connect_options to_;
    bool secure_ = false;
    client_hello hello_;
    plexus_stream* made_ = nullptr;
    std::optional<error> failure_;
};

} // namespace

result<plexus_operation*> start_connect(runtime& owner, const plexus_connect_options& given,
                                        connected_function done, void* context) {
    if (owner.stopping) return make_error(status::stopping, "the transport stops");
    const plexus_connect_options options = net::whole(given);
    PLEXUS_CHECK(net::check_target(options));
    if ((options.flags & PLEXUS_CONNECT_CARRIED) != 0)
        return make_error(status::denied, "the simulated network has no carrier");
    if ((options.flags & PLEXUS_CONNECT_PUBLIC) != 0 && net::is_private_number(text_of(options.host)))
        return make_error(status::denied, "the address is not one of the public internet");
    if ((options.flags & PLEXUS_CONNECT_SECURE) != 0 && options.key_hash.size != 32)
        return make_error(status::invalid, "a secure connection needs a fingerprint of 32 bytes");
    certificates shown;
    if (options.client_chain.size != 0) {
        PLEXUS_TRY(shown, read_chain(text_of(options.client_chain), 1));
    }
    auto* made = new connector(owner, options, done, context);
    made->show(std::move(shown));
    made->begin(options.timeout_ns == 0
                    ? owner.connect_timeout
                    : std::chrono::nanoseconds(static_cast<std::int64_t>(options.timeout_ns)));
    return made->operation();
}

} // namespace plexus::transport_sim
