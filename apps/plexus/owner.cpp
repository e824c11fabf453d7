#include "owner.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace plexus::messenger_app {
namespace {

namespace json = boost::json;

class descriptor {
  public:
    explicit descriptor(int value) : value_(value) {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() {
        if (value_ >= 0) ::close(value_);
    }
    int get() const { return value_; }

  private:
    int value_;
};

/// Sockets have short names: this one is taken through its folder.
bool reach(const descriptor& socket, const std::filesystem::path& path) {
    const descriptor folder(::open(path.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (folder.get() < 0) return false;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string through =
        "/proc/self/fd/" + std::to_string(folder.get()) + "/" + path.filename().string();
    if (through.size() >= sizeof address.sun_path) return false;
    std::memcpy(address.sun_path, through.c_str(), through.size() + 1);
    return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

bool send_all(const descriptor& socket, std::string_view text) {
    while (!text.empty()) {
        const auto put = ::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
}

json::object request_of(const options& given) {
    constexpr std::int64_t preset_patience = 30'000;
    constexpr std::int64_t for_ever = 86'400'000;
    std::int64_t patience = preset_patience;
    std::int64_t linger = 0;
    if (given.seconds) {
        patience = *given.seconds == 0 ? for_ever : std::int64_t{*given.seconds} * 1000;
        linger = patience;
    }
    const char* no_color = std::getenv("NO_COLOR");
    const bool colours = ::isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || *no_color == '\0');
    return {{"command", *given.command}, {"patience", patience}, {"linger", linger}, {"colours", colours}};
}

} // namespace

std::optional<int> ask_owner(const options& given) {
    const descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (socket.get() < 0 || !reach(socket, given.socket())) return std::nullopt;
    if (!send_all(socket, json::serialize(request_of(given)) + "\n")) return std::nullopt;
    std::string waiting;
    for (;;) {
        char buffer[4096];
        const auto got = ::recv(socket.get(), buffer, sizeof buffer, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            std::fputs("plexus: the program that holds the database ended before the command did\n", stderr);
            return 1;
        }
        waiting.append(buffer, static_cast<std::size_t>(got));
        for (auto end = waiting.find('\n'); end != std::string::npos; end = waiting.find('\n')) {
            json::error_code failure;
            const auto line = json::parse(std::string_view(waiting).substr(0, end), failure);
            waiting.erase(0, end + 1);
            if (failure || !line.is_object()) continue;
            if (const auto* text = line.get_object().if_contains("print");
                text != nullptr && text->is_string()) {
                const std::string_view shown = text->get_string();
                std::fwrite(shown.data(), 1, shown.size(), stdout);
                std::fflush(stdout);
            }
            if (const auto* code = line.get_object().if_contains("exit"); code != nullptr && code->is_int64())
                return static_cast<int>(code->get_int64());
        }
    }
}

} // namespace plexus::messenger_app
