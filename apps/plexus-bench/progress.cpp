#include "progress.hpp"

#include "report.hpp"

#include <cstdio>
#include <unistd.h>

namespace plexus::bench {

progress::progress() : terminal_(isatty(STDERR_FILENO) == 1) {}

void progress::show(const char* what, std::uint64_t done, std::uint64_t of) {
    if (!terminal_) return;
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    next_ = now + std::chrono::milliseconds(100);
    std::fprintf(stderr, "\r\x1b[K%s %s of %s", what, shown(static_cast<double>(done), unit::count).c_str(),
                 shown(static_cast<double>(of), unit::count).c_str());
    std::fflush(stderr);
    shown_ = true;
}

void progress::clear() {
    if (!shown_) return;
    std::fputs("\r\x1b[K", stderr);
    shown_ = false;
}

} // namespace plexus::bench
