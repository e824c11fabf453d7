#include "connector.hpp"

#include "plexus/net/public_address.hpp"
#include "plexus/net/raw_stream.hpp"

namespace plexus::transport_tls {

namespace {

constexpr std::size_t key_hash_size = 32;

} // namespace

/// What the carrier works on; it outlives a connector that gave up.
struct connector::call_below {
    connector* owner;
    hold kept;
    plexus_operation* operation = nullptr;
};

// ---- begin

result<plexus_operation*> connector::start(runtime& owner, const client_context& tls,
                                           const plexus_connect_options& given, net::connected_function done,
                                           void* context) {
    const plexus_connect_options options = net::whole(given);
    PLEXUS_CHECK(net::check_target(options));
    if ((options.flags & PLEXUS_CONNECT_SECURE) != 0 && options.key_hash.size != key_hash_size)
        return make_error(status::invalid,
                          "a secure connection needs the 32 bytes of the server's fingerprint, and " +
                              std::to_string(options.key_hash.size) + " were given");
    if (owner.stopping()) return make_error(status::stopping, "the transport stops");
    return connecting::start(std::make_unique<connector>(owner, tls, options, done, context));
}

connector::connector(runtime& owner, const client_context& tls, const plexus_connect_options& options,
                     net::connected_function done, void* context)
    : connecting(owner, options, owner.config.connect_timeout, done, context), runtime_(owner),
      tls_context_(tls), secure_(has(PLEXUS_CONNECT_SECURE)), isolation_(text_of(options.isolation)),
      server_name_(text_of(options.server_name)), client_chain_(to_bytes(from_abi(options.client_chain))),
      client_key_(from_abi(options.client_key)), expected_{to_bytes(from_abi(options.key_hash)), name(),
                                                           owner.clock, std::nullopt} {
    keepalive_.keepalive = options.keepalive;
    keepalive_.keepalive_idle = options.keepalive_idle;
    keepalive_.keepalive_interval = options.keepalive_interval;
    keepalive_.keepalive_count = options.keepalive_count;
    for (std::uint32_t i = 0; i < options.alpn_count; ++i)
        alpn_.push_back(to_bytes(from_abi(options.alpn[i])));
}

void connector::begin() {
    if (has(PLEXUS_CONNECT_CARRIED) && (runtime_.road == nullptr || has(PLEXUS_CONNECT_DIRECT)))
        return fail(
            make_error(status::denied, "cannot connect to " + name() +
                                           ": it is to go through a carrier, and there is none here"));
    const bool direct = runtime_.road == nullptr || has(PLEXUS_CONNECT_DIRECT);
    if (direct && net::is_onion(host()))
        return fail(make_error(status::denied, "cannot connect to " + name() +
                                                   ": a .onion name is reached through Tor alone, by "
                                                   "transport-tor or by transport-socks"));
    if (!direct) return begin_below();
    net::tcp_dial::sink& waiting = *this;
    dial_.emplace(
        owner(), waiting,
        net::tcp_target{host(), port(), name(), has(PLEXUS_CONNECT_PUBLIC), runtime_.config.keepalive});
    auto begun = dial_->begin(runtime_.resolver);
    if (!begun) fail(std::move(begun).error());
}

void connector::begin_below() {
    if (has(PLEXUS_CONNECT_PUBLIC) && net::is_private_number(host()))
        return fail(make_error(status::denied, "cannot connect to " + name() +
                                                   ": its address is not one of the public internet"));
    plexus_connect_options options{};
    options.size = sizeof options;
    options.flags = has(PLEXUS_CONNECT_PUBLIC) ? static_cast<std::uint32_t>(PLEXUS_CONNECT_PUBLIC) : 0U;
    options.host = to_abi(std::string_view(host()));
    options.port = port();
    options.timeout_ns = static_cast<std::uint64_t>(timeout().count());
    options.isolation = to_abi(std::string_view(isolation_));
    const auto done = [](void* context, std::int32_t status, const plexus_error* failure,
                         plexus_stream* made) {
        const std::unique_ptr<call_below> mine(static_cast<call_below*>(context));
        stream below(status == PLEXUS_OK ? made : nullptr);
        connector* const self = mine->owner;
        if (self == nullptr) return;
        self->below_ = nullptr;
        self->guarded([&] { self->below_connected(status, failure, std::move(below)); });
    };
    auto call = std::make_unique<call_below>(call_below{this, hold(owner())});
    const auto* road = runtime_.road;
    const std::int32_t code = road->connect(road->service.self, &options, done, call.get(), &call->operation);
    if (code != PLEXUS_OK)
        return fail(
            make_error(static_cast<status>(code),
                       "cannot connect to " + name() + ": the carrier refuses it (" + describe(code) + ")"));
    below_ = call.release();
}

void connector::release() noexcept {
    dial_.reset();
    handshaking_.reset();
    if (below_ == nullptr) return;
    call_below* const left = std::exchange(below_, nullptr);
    left->owner = nullptr;
    if (left->operation != nullptr) left->operation->cancel(left->operation);
}

// ---- the bytes below

void connector::dialed(std::unique_ptr<net::socket_carrier> socket) {
    guarded([&] {
        net::set_keepalive(socket->get(), keepalive_);
        connected(std::move(socket));
    });
}

void connector::dial_failed(error reason) { fail(std::move(reason)); }

void connector::below_connected(std::int32_t code, const plexus_error* failure, stream below) {
    if (code != PLEXUS_OK) return fail(from_abi(code, failure));
    if (!secure_) return made(below.release());
    std::int32_t socket = -1;
    if (below.raw()->api->release_descriptor(below.raw(), &socket) == PLEXUS_OK) {
        net::set_keepalive(socket, keepalive_);
        connected(std::make_unique<net::socket_carrier>(owner().loop, net::descriptor(socket)));
    } else {
        connected(std::make_unique<net::stream_carrier>(std::move(below)));
    }
}

// ---- TLS

void connector::connected(std::unique_ptr<net::carrier> below) {
    if (!secure_) {
        auto raw = std::make_unique<net::raw_stream>(owner(), std::move(below), name());
        raw->open();
        return made(raw.release());
    }
    auto ssl = tls_context_.make_ssl(alpn_, server_name_, client_chain_, client_key_, expected_);
    if (!ssl) return fail(std::move(ssl).error());
    below->set_sink(this);
    handshaking_ = std::make_unique<tls_stream>(runtime_, std::move(below), name(), slot(), std::move(*ssl));
    step();
}

void connector::ready(std::uint32_t) {
    guarded([this] { step(); });
}

void connector::step() {
    auto through = handshaking_->step();
    if (!through) return fail(expected_.refused ? *expected_.refused : std::move(through).error());
    if (!*through) return;
    handshaking_->handshake_over();
    handshaking_->open();
    made(handshaking_.release());
}

// ---- ends

void connector::made(plexus_stream* stream) {
    runtime_.count.connected.add(1);
    finish(stream);
}

std::string_view connector::stage() const noexcept {
    if (handshaking_) return "the TLS handshake did not end";
    return dial_ && !dial_->resolved() ? "its name was not resolved" : "nothing answered";
}

} // namespace plexus::transport_tls
