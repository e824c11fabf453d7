#include "acceptor.hpp"

#include <cerrno>
#include <sys/socket.h>
#include <system_error>

namespace plexus::transport_tls {

namespace {
constexpr int accepts_most = 64; // in one turn of the loop
constexpr nanoseconds first_delay = std::chrono::milliseconds(50);
constexpr nanoseconds last_delay = std::chrono::seconds(1);
} // namespace

acceptor::acceptor(listener& owner, net::descriptor socket) : owner_(owner), socket_(std::move(socket)) {
    const loop_ref loop = owner.owner().loop;
    resume_.emplace(loop, [this] { watch_->interest(PLEXUS_READABLE); });
    watch_.emplace(loop, socket_.get(), [this](std::uint32_t) { ready(); });
    watch_->interest(PLEXUS_READABLE);
    owner.owner().members().add(*this);
}

void acceptor::cut() {
    resume_.reset();
    watch_.reset();
    socket_.close();
}

void acceptor::ready() {
    for (int i = 0; i < accepts_most; ++i) {
        sockaddr_storage from{};
        socklen_t size = sizeof from;
        net::descriptor client(::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&from), &size,
                                         SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!client) {
            const int number = errno;
            if (number == EAGAIN || number == EWOULDBLOCK) return;
            if (number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM)
                return pause(number);
            continue; // a client that is gone already
        }
        delay_ = first_delay;
        auto place = owner_.take_place(source_of(from));
        if (place) owner_.deal(std::move(client), std::move(*place));
    }
}

void acceptor::pause(int number) {
    if (delay_ <= first_delay)
        owner_.owner().log.warning("no more clients can be accepted for now: raise the limit of open files",
                                   {{"reason", std::generic_category().message(number)}});
    watch_->interest(0);
    delay_ = std::clamp(delay_ * 2, first_delay, last_delay);
    resume_->arm(delay_);
}

} // namespace plexus::transport_tls
