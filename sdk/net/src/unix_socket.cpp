#include "plexus/net/unix_socket.hpp"

#include "plexus/net/socket.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace plexus::net {
namespace {

error failed(std::string_view what, const std::string& path, int number) {
    return make_error(status::io, std::string(what) + " " + path + ": " + std::strerror(number));
}

/// The address of a path, as long as it lives.
class place {
  public:
    static result<place> of(const std::string& path) {
        place out;
        out.address_.sun_family = AF_UNIX;
        auto name = path;
        if (name.size() >= sizeof out.address_.sun_path) {
            const auto slash = path.rfind('/');
            const auto folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
            out.folder_ = descriptor(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
            if (!out.folder_) return failed("there is no folder for the socket", path, errno);
            name = "/proc/self/fd/" + std::to_string(out.folder_.get()) + "/" + path.substr(slash + 1);
            if (name.size() >= sizeof out.address_.sun_path)
                return make_error(status::invalid, "the name of the socket " + path + " is too long");
        }
        name.copy(out.address_.sun_path, name.size());
        return out;
    }
    const sockaddr* address() const noexcept { return reinterpret_cast<const sockaddr*>(&address_); }
    static constexpr socklen_t size() noexcept { return sizeof(sockaddr_un); }

  private:
    descriptor folder_;
    sockaddr_un address_{};
};

/// All of it, on a socket that blocks.
bool send_all(int socket, std::string_view text) {
    while (!text.empty()) {
        const auto put = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
}

} // namespace

result<descriptor> begin_connect_unix(const std::string& path) {
    PLEXUS_TRY(const auto where, place::of(path));
    descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) return connect_error(path, errno);
    if (::connect(socket.get(), where.address(), place::size()) != 0 && errno != EINPROGRESS)
        return connect_error(path, errno);
    return socket;
}

result<descriptor> listen_unix(const std::string& path, int backlog) {
    PLEXUS_TRY(const auto where, place::of(path));
    descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) return failed("no socket can be made for", path, errno);
    ::unlink(path.c_str());
    const auto mask = ::umask(0177);
    const int bound = ::bind(socket.get(), where.address(), place::size());
    const int why = errno;
    ::umask(mask);
    if (bound != 0) return failed("the socket cannot be opened at", path, why);
    if (::listen(socket.get(), backlog) != 0) return failed("the socket cannot be opened at", path, errno);
    return socket;
}

bool is_own_or_root(int socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == 0 || peer.uid == ::geteuid());
}

result<void> ask_lines(const std::string& path, std::string line,
                       const std::function<bool(std::string_view line)>& take) {
    PLEXUS_TRY(const auto where, place::of(path));
    const descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket || ::connect(socket.get(), where.address(), place::size()) != 0)
        return connect_error(path, errno);
    line += '\n';
    if (!send_all(socket.get(), line)) return {}; // whoever listened has gone: there is no answer
    std::string waiting;
    char buffer[4096];
    while (true) {
        const auto got = ::recv(socket.get(), buffer, sizeof buffer, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return {};
        waiting.append(buffer, static_cast<std::size_t>(got));
        std::size_t begin = 0;
        for (auto end = waiting.find('\n'); end != std::string::npos; end = waiting.find('\n', begin)) {
            if (!take(std::string_view(waiting).substr(begin, end - begin))) return {};
            begin = end + 1;
        }
        waiting.erase(0, begin);
    }
}

} // namespace plexus::net
