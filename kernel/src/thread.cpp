#include "thread.hpp"

#include <pthread.h>

namespace plexus::kernel {

std::thread make_thread(std::string name, std::function<void()> body) {
    sigset_t blocked;
    sigset_t before;
    sigfillset(&blocked);
    for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGPROF})
        sigdelset(&blocked, own);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    std::thread thread(std::move(body));
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    name.resize(std::min<std::size_t>(name.size(), 15));
    pthread_setname_np(thread.native_handle(), name.c_str());
    return thread;
}

} // namespace plexus::kernel
