#include "plexus/net/line_service.hpp"

#include "plexus/net/unix_socket.hpp"

#include <cerrno>
#include <sys/socket.h>

namespace plexus::net {
namespace {

constexpr int backlog = 64; // those above the limit are told so

} // namespace

// ---- one connection

void line_service::caller::begin() {
    readiness_.emplace(owner_->loop_, socket_.get(), [this](std::uint32_t events) {
        const auto kept = shared_from_this();
        if ((events & PLEXUS_WRITABLE) != 0) write_some();
        if (owner_ != nullptr && (events & (PLEXUS_READABLE | PLEXUS_HANGUP)) != 0) read_some();
    });
    readiness_->interest(PLEXUS_READABLE);
}

void line_service::caller::read_some() {
    char buffer[4096];
    const auto got = ::read(socket_.get(), buffer, sizeof buffer);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return shut();
    if (asked_) return; // nothing more is expected
    question_.append(buffer, static_cast<std::size_t>(got));
    const auto end = question_.find('\n');
    if (end == std::string::npos) {
        if (question_.size() > owner_->most_.question) shut();
        return;
    }
    asked_ = true;
    question_.resize(end);
    owner_->take_(question_, shared_from_this());
}

void line_service::caller::say(std::string_view line) {
    if (owner_ == nullptr || finished_) return;
    waiting_ += line;
    waiting_ += '\n';
    write_some();
}

void line_service::caller::finish() {
    if (owner_ == nullptr || finished_) return;
    finished_ = true;
    gone_ = nullptr;
    write_some();
}

void line_service::caller::write_some() {
    std::size_t given = 0;
    while (given < waiting_.size()) {
        const auto put =
            ::send(socket_.get(), waiting_.data() + given, waiting_.size() - given, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0 && errno == EAGAIN) break;
        if (put <= 0) return shut();
        given += static_cast<std::size_t>(put);
    }
    waiting_.erase(0, given);
    if (waiting_.empty() ? finished_ : waiting_.size() > owner_->most_.answer) return shut();
    readiness_->interest(waiting_.empty() ? PLEXUS_READABLE : PLEXUS_READABLE | PLEXUS_WRITABLE);
}

void line_service::caller::shut() {
    if (owner_ == nullptr) return;
    const auto kept = shared_from_this();
    std::exchange(owner_, nullptr)->callers_.remove(kept);
    readiness_.reset();
    socket_.close();
    if (const auto call = std::exchange(gone_, nullptr)) call();
}

// ---- the service

line_service::line_service(loop_ref loop, limits most, taker take)
    : loop_(loop), most_(most), take_(std::move(take)) {}

line_service::~line_service() {
    watch_.reset();
    while (!callers_.empty()) callers_.front()->shut();
    if (listener_) ::unlink(path_.c_str());
}

result<void> line_service::listen(const std::string& path) {
    PLEXUS_TRY(listener_, listen_unix(path, backlog));
    path_ = path;
    watch_.emplace(loop_, listener_.get(), [this](std::uint32_t) { accept_some(); });
    watch_->interest(PLEXUS_READABLE);
    return {};
}

void line_service::accept_some() {
    while (true) {
        descriptor taken(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!taken) return;
        if (callers_.size() >= most_.connections || !is_own_or_root(taken.get())) continue;
        callers_.push_back(std::make_shared<caller>(*this, std::move(taken)));
        callers_.back()->begin();
    }
}

} // namespace plexus::net
