#include "lookup_pool.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>

#include "thread.hpp"

namespace plexus::kernel {
namespace {

constexpr unsigned threads_most = 4;
constexpr auto idle_most = std::chrono::seconds(10);

struct job {
    std::string host;
    std::uint32_t port;
    std::function<void(lookup_result)> done;
};

/// What a system without /etc/hosts may not know (RFC 6761, 6.3).
lookup_result own_machine(std::uint32_t port) {
    lookup_result out;
    plexus_address four{};
    four.port = port;
    four.family = 4;
    std::memcpy(four.bytes, "\x7f\0\0\1", 4);
    plexus_address six{};
    six.port = port;
    six.family = 6;
    std::memcpy(six.bytes, &in6addr_loopback, sizeof in6addr_loopback);
    out.addresses = {four, six};
    return out;
}

lookup_result resolve(const std::string& host, std::uint32_t port) {
    lookup_result out;
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* found = nullptr;
    const int code = getaddrinfo(host.c_str(), nullptr, &hints, &found);
    if (code != 0 && (host == "localhost" || host == "localhost.")) return own_machine(port);
    if (code != 0) {
        out.status = code == EAI_NONAME || code == EAI_NODATA ? PLEXUS_E_NOT_FOUND : PLEXUS_E_IO;
        out.message = "cannot resolve " + host + ": " + gai_strerror(code);
        return out;
    }
    for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
        plexus_address address{};
        address.port = port;
        if (entry->ai_family == AF_INET) {
            address.family = 4;
            sockaddr_in from{};
            std::memcpy(&from, entry->ai_addr, sizeof from);
            std::memcpy(address.bytes, &from.sin_addr, 4);
        } else if (entry->ai_family == AF_INET6) {
            address.family = 6;
            sockaddr_in6 from{};
            std::memcpy(&from, entry->ai_addr, sizeof from);
            std::memcpy(address.bytes, &from.sin6_addr, 16);
        } else {
            continue;
        }
        out.addresses.push_back(address);
    }
    freeaddrinfo(found);
    if (out.addresses.empty()) {
        out.status = PLEXUS_E_NOT_FOUND;
        out.message = "cannot resolve " + host + ": it has no address";
    }
    return out;
}

} // namespace

struct lookup_pool::state {
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<job> jobs;
    unsigned threads = 0;
    unsigned idle = 0;
    bool closed = false;

    static void work(const std::shared_ptr<state>& self) {
        std::unique_lock lock(self->mutex);
        while (!self->closed) {
            if (self->jobs.empty()) {
                ++self->idle;
                const auto woken = self->wake.wait_for(lock, idle_most);
                --self->idle;
                if (woken == std::cv_status::timeout && self->jobs.empty()) break;
                continue;
            }
            job next = std::move(self->jobs.front());
            self->jobs.pop_front();
            lock.unlock();
            lookup_result answer = resolve(next.host, next.port);
            lock.lock();
            if (!self->closed) next.done(std::move(answer));
        }
        --self->threads;
    }
};

lookup_pool::lookup_pool() : state_(std::make_shared<state>()) {}

lookup_pool::~lookup_pool() { close(); }

void lookup_pool::lookup(std::string host, std::uint32_t port, std::function<void(lookup_result)> done) {
    const std::lock_guard lock(state_->mutex);
    if (state_->closed) return;
    state_->jobs.push_back({std::move(host), port, std::move(done)});
    if (state_->jobs.size() > state_->idle && state_->threads < threads_most) {
        ++state_->threads;
        make_thread("plexus-lookup", [self = state_] { state::work(self); }).detach();
    }
    state_->wake.notify_one();
}

void lookup_pool::close() {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
    state_->jobs.clear();
    state_->wake.notify_all();
}

} // namespace plexus::kernel
