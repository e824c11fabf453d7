#include "plexus/net/socks_connector.hpp"

#include "plexus/net/public_address.hpp"
#include "plexus/net/raw_stream.hpp"
#include "plexus/net/unix_socket.hpp"

namespace plexus::net {

namespace {

socks::target target_of(const plexus_connect_options& options) {
    const auto host = text_of(options.host);
    socks::target out;
    out.port = static_cast<std::uint16_t>(options.port);
    if (const auto address = numeric(host, options.port))
        out.address.assign(address->bytes, address->bytes + (address->family == 4 ? 4 : 16));
    else
        out.name = host;
    return out;
}

std::int32_t status_for(const error& failure) noexcept {
    if (failure.domain() != error_domain(socks::failure{})) return status_of(failure);
    switch (static_cast<socks::failure>(failure.code())) {
    case socks::failure::request:
    case socks::failure::address:
    case socks::failure::name: return PLEXUS_E_INVALID;
    case socks::failure::not_socks: return PLEXUS_E_PROTOCOL;
    case socks::failure::refused: return PLEXUS_E_REFUSED;
    case socks::failure::unreachable: return PLEXUS_E_UNREACHABLE;
    case socks::failure::unsupported: return PLEXUS_E_UNSUPPORTED;
    case socks::failure::method:
    case socks::failure::credentials:
    case socks::failure::denied: return PLEXUS_E_DENIED;
    }
    return PLEXUS_E_INTERNAL;
}

/// True for a failure of the proxy itself, and not of what it was asked for.
bool is_of_the_proxy(const error& failure) noexcept {
    return failure.is(socks::failure::not_socks) || failure.is(socks::failure::method) ||
           failure.is(socks::failure::credentials) || failure.domain() == "plexus";
}

} // namespace

result<plexus_operation*> socks_connector::start(account& owner, const plexus_resolver* resolver,
                                                 socks_road road, const plexus_connect_options& given,
                                                 connected_function done, void* context) {
    const plexus_connect_options options = whole(given);
    PLEXUS_CHECK(check_target(options));
    if ((options.flags & PLEXUS_CONNECT_SECURE) != 0)
        return make_error(status::unsupported,
                          "a carrier makes raw streams: TLS is for the transport above it");
    if ((options.flags & PLEXUS_CONNECT_PUBLIC) != 0 && is_private_number(text_of(options.host)))
        return make_error(status::denied, "cannot connect to " + shown(text_of(options.host), options.port) +
                                              ": its address is not one of the public internet");
    auto client = socks::client::make(target_of(options), road.credentials);
    if (!client) return error("plexus", status_for(client.error()), client.error().message(), false);
    if (owner.stopping()) return make_error(status::stopping, "the carrier stops");
    return connecting::start(std::make_unique<socks_connector>(owner, resolver, std::move(road),
                                                               std::move(*client), options, done, context));
}

socks_connector::socks_connector(account& owner, const plexus_resolver* resolver, socks_road road,
                                 socks::client client, const plexus_connect_options& options,
                                 connected_function done, void* context)
    : connecting(owner, options, road.timeout, done, context), resolver_(resolver), road_(std::move(road)),
      proxy_(road_.path.empty() ? shown(road_.host, road_.port) : road_.path), client_(std::move(client)) {
    road_.credentials.reset(); // the client has them
}

void socks_connector::begin() {
    if (road_.path.empty()) {
        tcp_dial::sink& waiting = *this;
        dial_.emplace(owner(), waiting,
                      tcp_target{road_.host, road_.port, "the proxy", false, road_.keepalive});
        auto begun = dial_->begin(resolver_);
        if (!begun) dial_failed(std::move(begun).error());
        return;
    }
    auto socket = begin_connect_unix(road_.path);
    if (!socket) return fail_proxy(PLEXUS_E_UNREACHABLE, socket.error().message(), true);
    connecting_ = true;
    socket_ = std::make_unique<socket_carrier>(owner().loop, std::move(*socket));
    socket_->set_sink(this);
    socket_->want(PLEXUS_WRITABLE);
}

void socks_connector::release() noexcept {
    dial_.reset();
    socket_.reset();
}

void socks_connector::dialed(std::unique_ptr<socket_carrier> socket) {
    guarded([&] {
        socket_ = std::move(socket);
        socket_->set_sink(this);
        step();
    });
}

void socks_connector::dial_failed(error reason) {
    // That the proxy's host refuses is not that the server does.
    fail_proxy(reason.is(status::memory) ? PLEXUS_E_MEMORY : PLEXUS_E_UNREACHABLE, reason.message(), true);
}

void socks_connector::ready(std::uint32_t) {
    guarded([this] {
        if (std::exchange(connecting_, false)) {
            const int number = outcome_of_connect(socket_->get());
            if (number != 0)
                return fail_proxy(PLEXUS_E_UNREACHABLE, connect_error(proxy_, number).message(), true);
        }
        step();
    });
}

void socks_connector::step() {
    auto through = handshake();
    if (!through) return fail_handshake(through.error());
    if (!*through) return;
    tell(nullptr);
    auto made = std::make_unique<raw_stream>(owner(), std::move(socket_), name());
    made->open();
    finish(made.release());
}

result<bool> socks_connector::handshake() {
    const auto broke = [this](std::int32_t code) {
        return code == PLEXUS_E_CLOSED
                   ? make_error(status::closed, "it closed the connection in the middle of its handshake",
                                true)
                   : make_error(status::io, socket_->reason(), true);
    };
    std::array<std::uint8_t, 260> block{};
    for (;;) {
        while (!client_.output().empty()) {
            std::size_t given = 0;
            const std::int32_t code = socket_->write(client_.output(), given);
            if (code == PLEXUS_E_WOULD_BLOCK) {
                socket_->want(PLEXUS_WRITABLE);
                return false;
            }
            if (code != PLEXUS_OK) return broke(code);
            client_.sent(given);
        }
        std::size_t taken = 0;
        const std::size_t most = std::min(client_.wanted(), block.size());
        const std::int32_t code = socket_->read(bytes_span(block).first(most), taken);
        if (code == PLEXUS_E_WOULD_BLOCK) {
            socket_->want(PLEXUS_READABLE);
            return false;
        }
        if (code != PLEXUS_OK) return broke(code);
        PLEXUS_TRY(const bool through, client_.received(bytes_view(block).first(taken)));
        answered_ = true;
        if (through) return true;
    }
}

// ---- ends

void socks_connector::tell(const error* trouble) {
    if (road_.told) std::exchange(road_.told, {})(trouble);
}

void socks_connector::fail_proxy(std::int32_t code, const std::string& why, bool retryable) {
    const error trouble("plexus", code, "the SOCKS proxy " + proxy_ + " cannot be used: " + why, retryable);
    tell(&trouble);
    fail(error("plexus", code, "cannot connect to " + name() + ": " + trouble.message(), retryable));
}

void socks_connector::fail_handshake(const error& why) {
    if (is_of_the_proxy(why)) {
        const bool broke = why.domain() == "plexus";
        return fail_proxy(broke ? PLEXUS_E_UNREACHABLE : status_for(why), why.message(), why.retryable());
    }
    tell(nullptr);
    fail(error("plexus", status_for(why),
               "cannot connect to " + name() + " through " + proxy_ + ": " + why.message(), why.retryable()));
}

void socks_connector::expired() {
    if (answered_) return;
    const error trouble =
        make_error(status::timeout, "the SOCKS proxy " + proxy_ + " does not answer in time", true);
    tell(&trouble);
}

std::string_view socks_connector::stage() const noexcept {
    if (socket_ && !connecting_) return "the SOCKS proxy did not connect";
    return dial_ && !dial_->resolved() ? "the name of the SOCKS proxy was not resolved"
                                       : "the SOCKS proxy did not answer";
}

} // namespace plexus::net
