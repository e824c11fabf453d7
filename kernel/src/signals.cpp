#include "signals.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "thread.hpp"

namespace plexus::kernel {

termination_signals::termination_signals(std::function<void()> first, std::function<void()> hangup) {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGHUP, SIG_IGN); // blocked below it is read all the same, and harms nobody afterwards
    sigset_t taken;
    sigemptyset(&taken);
    sigaddset(&taken, SIGINT);
    sigaddset(&taken, SIGTERM);
    sigaddset(&taken, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &taken, &before_);
    signals_ = signalfd(-1, &taken, SFD_CLOEXEC);
    end_ = eventfd(0, EFD_CLOEXEC);
    if (signals_ < 0 || end_ < 0) throw std::system_error(errno, std::generic_category(), "signalfd");
    thread_ = make_thread("plexus-signals", [this, first = std::move(first), hangup = std::move(hangup)] {
        wait(first, hangup);
    });
}

termination_signals::~termination_signals() {
    const std::uint64_t one = 1;
    while (write(end_, &one, sizeof one) < 0 && errno == EINTR) continue;
    thread_.join();
    close(signals_);
    close(end_);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void termination_signals::wait(const std::function<void()>& first,
                               const std::function<void()>& hangup) const {
    constexpr int signalled = 128; // an exit status above it names the signal
    bool stopping = false;
    while (true) {
        pollfd watched[2] = {{signals_, POLLIN, 0}, {end_, POLLIN, 0}};
        if (poll(watched, 2, -1) < 0) continue;
        if (watched[1].revents != 0) return;
        signalfd_siginfo info{};
        if (read(signals_, &info, sizeof info) != sizeof info) continue;
        if (info.ssi_signo == SIGHUP) {
            if (!stopping) hangup();
            continue;
        }
        if (stopping) _exit(signalled + static_cast<int>(info.ssi_signo));
        stopping = true;
        first();
    }
}

} // namespace plexus::kernel
