#include "terminal.hpp"

#include "plexus/abi.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace plexus::ui_terminal {
namespace {

bool is_regular(int descriptor) {
    struct stat about {};
    return ::fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode);
}

/// A file, /dev/null and the like are always ready, and no loop can watch them.
bool can_wait(int descriptor) {
    struct stat about {};
    if (::fstat(descriptor, &about) != 0) return false;
    return S_ISFIFO(about.st_mode) || S_ISSOCK(about.st_mode) || ::isatty(descriptor) == 1;
}

/// A description of our own, so that O_NONBLOCK does not reach the shell that shares the old one. A file is
/// shared as it is: whoever writes to it too goes on where we end.
int reopen(int descriptor, int mode) {
    if (!is_regular(descriptor)) {
        const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
        const int opened = ::open(path.c_str(), mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (opened >= 0) return opened;
    }
    const int copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    // A socket cannot be opened.
    if (copy >= 0 && !is_regular(copy)) ::fcntl(copy, F_SETFL, ::fcntl(copy, F_GETFL) | O_NONBLOCK);
    return copy;
}

constexpr std::size_t most_waiting = 8U << 20; // a stopped terminal must not eat the memory

} // namespace

terminal::terminal(loop_ref loop, bool reads, callbacks calls)
    : loop_(loop), reads_(reads), calls_(std::move(calls)) {}

result<void> terminal::open() {
    output_ = reopen(STDOUT_FILENO, O_WRONLY);
    if (output_ < 0)
        return make_error(status::io, std::string("standard output cannot be used: ") + std::strerror(errno));
    output_is_terminal_ = ::isatty(STDOUT_FILENO) == 1;
    if (can_wait(output_)) output_watch_.emplace(loop_, output_, [this](std::uint32_t) { write_some(); });
    if (!reads_) return {};
    input_ = reopen(STDIN_FILENO, O_RDONLY);
    if (input_ < 0)
        return make_error(status::io, std::string("standard input cannot be used: ") + std::strerror(errno));
    if (::isatty(STDIN_FILENO) == 1 && output_is_terminal_ && ::tcgetattr(input_, &before_) == 0) {
        termios changed = before_;
        changed.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG | IEXTEN);
        changed.c_iflag &= ~static_cast<tcflag_t>(IXON | ICRNL | INLCR);
        changed.c_cc[VMIN] = 1;
        changed.c_cc[VTIME] = 0;
        raw_ = ::tcsetattr(input_, TCSADRAIN, &changed) == 0;
    }
    if (!can_wait(input_)) {
        file_reader_.emplace(loop_, [this] { read_some(); });
        file_reader_->arm(std::chrono::nanoseconds(0));
    } else {
        input_watch_.emplace(loop_, input_, [this](std::uint32_t) { read_some(); });
        input_watch_->interest(PLEXUS_READABLE);
    }
    return {};
}

terminal::~terminal() {
    write_some();
    if (raw_) ::tcsetattr(input_, TCSADRAIN, &before_);
    input_watch_.reset();
    output_watch_.reset();
    if (input_ >= 0) ::close(input_);
    if (output_ >= 0) ::close(output_);
}

std::size_t terminal::width() const noexcept {
    winsize size{};
    if (::ioctl(output_, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
    return size.ws_col;
}

void terminal::read_some() {
    char buffer[4096];
    const auto got = ::read(input_, buffer, sizeof buffer);
    if (got > 0) {
        if (file_reader_) file_reader_->arm(std::chrono::nanoseconds(0));
        calls_.input(std::string_view(buffer, static_cast<std::size_t>(got)));
        return;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (input_watch_) input_watch_->interest(0);
    calls_.ended();
}

void terminal::write(std::string_view bytes) {
    if (waiting_.size() + bytes.size() > most_waiting) return;
    waiting_ += bytes;
    write_some();
}

void terminal::write_some() {
    while (!waiting_.empty()) {
        const auto put = ::write(output_, waiting_.data(), waiting_.size());
        if (put > 0) {
            waiting_.erase(0, static_cast<std::size_t>(put));
            continue;
        }
        if (put < 0 && errno == EINTR) continue;
        if (put < 0 && errno == EAGAIN) break;
        waiting_.clear(); // nobody reads any more
    }
    if (output_watch_) output_watch_->interest(waiting_.empty() ? 0 : PLEXUS_WRITABLE);
}

} // namespace plexus::ui_terminal
