#include "plexus/net/carrier.hpp"

#include <cerrno>
#include <sys/socket.h>
#include <system_error>

namespace plexus::net {

// ---- socket

socket_carrier::socket_carrier(loop_ref loop, descriptor socket)
    : loop_(loop.table()), socket_(std::move(socket)) {
    const auto ready = [](void* context, std::uint32_t events) {
        auto* self = static_cast<socket_carrier*>(context);
        self->drained_ = false;
        // An error or a hang-up without the wanted event still has to be found by a read or a write.
        if ((events & self->wanted_) == 0) events |= self->wanted_;
        if (self->sink_ != nullptr) self->sink_->ready(events & self->wanted_);
    };
    if (loop_->watch_create(loop_->service.self, socket_.get(), ready, this, &watch_) != PLEXUS_OK)
        throw std::bad_alloc();
}

socket_carrier::~socket_carrier() {
    if (watch_ != nullptr) loop_->watch_destroy(loop_->service.self, watch_);
}

std::int32_t socket_carrier::failed(int number) noexcept {
    if (number == EAGAIN || number == EWOULDBLOCK) return PLEXUS_E_WOULD_BLOCK;
    error_ = number;
    return note(PLEXUS_E_IO);
}

std::int32_t socket_carrier::read(bytes_span out, std::size_t& taken) {
    // Readiness is level-triggered: what came since is told, and the system need not be asked twice a block.
    if (drained_ && (wanted_ & PLEXUS_READABLE) != 0) return PLEXUS_E_WOULD_BLOCK;
    ssize_t count = 0;
    do {
        count = ::recv(socket_.get(), out.data(), out.size(), 0);
    } while (count < 0 && errno == EINTR);
    if (count < 0) return failed(errno);
    if (count == 0) return note(PLEXUS_E_CLOSED);
    taken = static_cast<std::size_t>(count);
    drained_ = taken < out.size();
    return PLEXUS_OK;
}

std::int32_t socket_carrier::write(bytes_view in, std::size_t& given) {
    ssize_t count = 0;
    do {
        count = ::send(socket_.get(), in.data(), in.size(), MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    if (count < 0) return failed(errno);
    given = static_cast<std::size_t>(count);
    return PLEXUS_OK;
}

void socket_carrier::want(std::uint32_t events) {
    if (events == wanted_) return;
    wanted_ = events;
    if (watch_ != nullptr) loop_->watch_interest(loop_->service.self, watch_, events);
}

void socket_carrier::shutdown() { ::shutdown(socket_.get(), SHUT_WR); }

int socket_carrier::release() {
    if (watch_ != nullptr) loop_->watch_destroy(loop_->service.self, std::exchange(watch_, nullptr));
    return socket_.release();
}

std::string socket_carrier::reason() const {
    return error_ == 0 ? std::string(describe(broken_)) : std::generic_category().message(error_);
}

// ---- stream of the transport below

stream_carrier::stream_carrier(stream below) : below_(std::move(below)) {
    static constexpr plexus_stream_handler handler{
        [](void* context) { static_cast<stream_carrier*>(context)->arrived(PLEXUS_READABLE); },
        [](void* context) { static_cast<stream_carrier*>(context)->arrived(PLEXUS_WRITABLE); }};
    below_.set_handler(&handler, this);
}

void stream_carrier::arrived(std::uint32_t event) {
    if ((wanted_ & event) != 0 && sink_ != nullptr) sink_->ready(event);
}

std::int32_t stream_carrier::read(bytes_span out, std::size_t& taken) {
    std::uint64_t count = 0;
    const auto* api = below_.raw()->api;
    const std::int32_t code = api->try_read(below_.raw(), plexus_span{out.data(), out.size()}, &count);
    if (code == PLEXUS_OK) taken = static_cast<std::size_t>(count);
    return note(code);
}

std::int32_t stream_carrier::write(bytes_view in, std::size_t& given) {
    std::uint64_t count = 0;
    const auto* api = below_.raw()->api;
    const std::int32_t code = api->try_write(below_.raw(), to_abi(in), &count);
    if (code == PLEXUS_OK) given = static_cast<std::size_t>(count);
    return note(code);
}

void stream_carrier::want(std::uint32_t events) { wanted_ = events; }

void stream_carrier::shutdown() { below_.shutdown(); }

std::string stream_carrier::reason() const {
    const plexus_error* failure = below_.raw()->api->get_error(below_.raw());
    return failure != nullptr ? std::string(text_of(failure->message)) : std::string(describe(broken_));
}

} // namespace plexus::net
