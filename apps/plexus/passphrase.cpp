#include "passphrase.hpp"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace plexus::messenger_app {
namespace {

constexpr std::size_t most_bytes = 4096;

error wrong(const std::string& message) { return error("plexus.app", 3, message); }

secret_bytes take(char* text) {
    const std::size_t size = std::strlen(text);
    secret_bytes out(as_bytes({text, size}));
    std::memset(text, '*', size);
    return out;
}

/// What was read so far; it never moves, and is wiped in the end.
class answer {
  public:
    bool add(char c) {
        if (size_ == buffer_.size()) return false;
        buffer_.data()[size_++] = static_cast<std::uint8_t>(c);
        return true;
    }
    /// A character of UTF-8.
    void remove_last() {
        while (size_ > 0)
            if ((buffer_.data()[--size_] & 0xC0) != 0x80) return;
    }
    void remove_all() { size_ = 0; }
    bool ends_with(char c) const { return size_ > 0 && buffer_.data()[size_ - 1] == c; }
    secret_bytes take() const { return secret_bytes(bytes_view(buffer_).first(size_)); }

  private:
    secret_array<most_bytes> buffer_;
    std::size_t size_ = 0;
};

/// One byte: true; the end: false.
result<bool> read_byte(int from, char& to) {
    for (;;) {
        const auto got = ::read(from, &to, 1);
        if (got == 1) return true;
        if (got == 0) return false;
        if (errno != EINTR) return wrong(std::strerror(errno));
    }
}

class terminal {
  public:
    terminal() : file_(::open("/dev/tty", O_RDWR | O_CLOEXEC)) {
        if (file_ < 0 || ::tcgetattr(file_, &before_) != 0) return;
        termios silent = before_;
        // Signals of keys as well: one that ended the program would leave the terminal silent.
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | ISIG);
        silent.c_cc[VMIN] = 1;
        silent.c_cc[VTIME] = 0;
        changed_ = ::tcsetattr(file_, TCSAFLUSH, &silent) == 0;
    }
    terminal(const terminal&) = delete;
    terminal& operator=(const terminal&) = delete;
    ~terminal() {
        if (changed_) ::tcsetattr(file_, TCSAFLUSH, &before_);
        if (file_ >= 0) ::close(file_);
    }
    bool is_silent() const { return changed_; }
    int file() const { return file_; }
    void write(std::string_view text) const {
        if (::write(file_, text.data(), text.size()) < 0) return; // the answer matters, not the question
    }

  private:
    int file_;
    termios before_{};
    bool changed_ = false;
};

} // namespace

std::optional<secret_bytes> take_key_word(int argc, char** argv) {
    std::optional<secret_bytes> out;
    for (int i = 1; i < argc; ++i) {
        constexpr std::string_view long_name = "--key=";
        const std::string_view word = argv[i];
        if (word == "-k" || word == "--key") {
            if (i + 1 < argc) out = take(argv[++i]);
        } else if (word.starts_with(long_name)) {
            out = take(argv[i] + long_name.size());
        } else if (word.starts_with("-k")) {
            out = take(argv[i] + 2);
        }
    }
    return out;
}

std::optional<secret_bytes> take_key_variable() {
    char* text = std::getenv("PLEXUS_PASSPHRASE");
    if (text == nullptr) return std::nullopt;
    return take(text);
}

result<secret_bytes> read_key_file(const std::filesystem::path& file) {
    const bool standard = file == "-";
    const int from = standard ? STDIN_FILENO : ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    const auto failed = [&](const std::string& why) {
        return wrong("the passphrase cannot be read from " + (standard ? "standard input" : file.string()) +
                     ": " + why);
    };
    if (from < 0) return failed(std::strerror(errno));
    answer read;
    std::string why;
    for (char c = 0; why.empty();) {
        const auto more = read_byte(from, c);
        if (!more)
            why = more.error().message();
        else if (!*more)
            break;
        else if (!read.add(c))
            why = "it is longer than " + std::to_string(most_bytes) + " bytes";
    }
    if (!standard) ::close(from);
    if (!why.empty()) return failed(why);
    if (read.ends_with('\n')) read.remove_last();
    auto out = read.take();
    if (out.empty()) return failed("it is empty");
    return out;
}

result<secret_bytes> ask_passphrase(const std::string& question) {
    const terminal at;
    if (!at.is_silent()) return wrong("there is no terminal to ask for the passphrase at");
    at.write(question);
    answer typed;
    for (char c = 0;;) {
        const auto more = read_byte(at.file(), c);
        constexpr char end_of_text = 3; // Ctrl-C
        constexpr char end_of_input = 4;
        constexpr char kill_line = 21; // Ctrl-U
        if (!more || !*more || c == end_of_text || c == end_of_input) {
            at.write("\n");
            return wrong("no passphrase was typed");
        }
        if (c == '\n' || c == '\r') break;
        if (c == '\b' || c == 0x7F)
            typed.remove_last();
        else if (c == kill_line)
            typed.remove_all();
        else if (!typed.add(c))
            return wrong("a passphrase has at most " + std::to_string(most_bytes) + " bytes");
    }
    at.write("\n");
    return typed.take();
}

} // namespace plexus::messenger_app
