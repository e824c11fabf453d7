#include "service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "thread.hpp"

namespace plexus::kernel {
namespace {

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

/// Of this process, or 0.
std::uint64_t watchdog_interval() {
    const std::string of = environment("WATCHDOG_PID");
    if (!of.empty() && of != std::to_string(getpid())) return 0;
    return std::strtoull(environment("WATCHDOG_USEC").c_str(), nullptr, 10);
}

} // namespace

service_manager::service_manager(loop_backend& loop, activity& owner)
    : loop_(loop), owner_(owner), socket_(environment("NOTIFY_SOCKET")), watchdog_us_(watchdog_interval()) {}

service_manager::~service_manager() {
    {
        const std::lock_guard lock(mutex_);
        ends_ = true;
    }
    wake_.notify_one();
    if (watchdog_.joinable()) watchdog_.join();
}

void service_manager::tell(std::string_view state) const {
    sockaddr_un address{};
    if (socket_.empty() || socket_.size() >= sizeof address.sun_path) return;
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket_.data(), socket_.size());
    if (address.sun_path[0] == '@') address.sun_path[0] = '\0'; // the abstract namespace
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
    const int to = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (to < 0) return;
    // A service manager that does not listen has no right to an answer.
    (void)!::sendto(to, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                    size);
    ::close(to);
}

void service_manager::ready() {
    tell("READY=1");
    if (socket_.empty() || watchdog_us_ == 0 || watchdog_.joinable()) return;
    watchdog_ = make_thread("plexus-alive", [this] { watch(); });
}

void service_manager::reloading() {
    tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(loop_.monotonic_ns() / 1000));
}

void service_manager::stopping() { tell("STOPPING=1"); }

void service_manager::watch() {
    struct round {
        std::atomic<std::uint32_t> left;
    };
    const auto pause = std::chrono::microseconds(watchdog_us_ / 3);
    std::shared_ptr<round> current;
    std::unique_lock lock(mutex_);
    do {
        if (current && current->left != 0) continue; // a shard is stuck: silence says so
        tell("WATCHDOG=1");
        current = std::make_shared<round>();
        current->left = loop_.shard_count();
        for (std::uint32_t i = 0; i < loop_.shard_count(); ++i) {
            auto own = std::make_unique<std::shared_ptr<round>>(current);
            const task answer{[](void* context) {
                                  const std::unique_ptr<std::shared_ptr<round>> mine(
                                      static_cast<std::shared_ptr<round>*>(context));
                                  --(*mine)->left;
                              },
                              own.get(), &owner_};
            if (loop_.post(i, answer)) (void)own.release(); // the task's now
        }
    } while (!wake_.wait_for(lock, pause, [this] { return ends_; }));
}

} // namespace plexus::kernel
