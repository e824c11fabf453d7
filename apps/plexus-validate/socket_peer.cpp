#include "socket_peer.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace plexus::validate {
namespace {

constexpr int backlog = 128;
constexpr int connect_milliseconds = 1500;

[[noreturn]] void no_socket(const char* what) {
    throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    out.sin_port = htons(port);
    return out;
}

int listen_tcp(std::uint32_t& port, int queue) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket < 0) no_socket("socket");
    sockaddr_in where = loopback(0);
    socklen_t size = sizeof where;
    if (::bind(socket, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0) no_socket("bind");
    if (queue > 0 && ::listen(socket, queue) != 0) no_socket("listen");
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&where), &size);
    port = ntohs(where.sin_port);
    return socket;
}

int listen_unix(const std::string& path) {
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    if (path.size() >= sizeof where.sun_path) throw std::runtime_error(path + " is too long for a socket");
    std::memcpy(where.sun_path, path.data(), path.size());
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket < 0) no_socket("socket");
    if (::bind(socket, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0) no_socket(path.c_str());
    if (::listen(socket, backlog) != 0) no_socket("listen");
    return socket;
}

} // namespace

socket_server::socket_server(std::function<void(int)> serve, const std::string& path)
    : serve_(std::move(serve)) {
    listening_ = listen_tcp(port_, path.empty() ? backlog : 0);
    if (!path.empty()) {
        // The TCP socket keeps the number from being given to others.
        std::string filled = path;
        if (const auto at = filled.find("{port}"); at != std::string::npos)
            filled.replace(at, 6, std::to_string(port_));
        path_ = filled;
        ::close(std::exchange(listening_, listen_unix(filled)));
    }
    acceptor_ = std::thread([this] { accept_all(); });
}

void socket_server::accept_all() {
    while (!ending_) {
        pollfd waiting{listening_, POLLIN, 0};
        if (::poll(&waiting, 1, 50) <= 0) continue;
        const int socket = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
        if (socket < 0) continue;
        const std::scoped_lock lock(mutex_);
        sockets_.push_back(socket);
        ++accepted_;
        threads_.emplace_back([this, socket] {
            serve_(socket);
            const std::scoped_lock ended(mutex_);
            if (std::erase(sockets_, socket) != 0) ::close(socket);
        });
    }
}

socket_server::~socket_server() {
    ending_ = true;
    acceptor_.join();
    ::close(listening_);
    {
        const std::scoped_lock lock(mutex_);
        for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
    }
    for (auto& thread : threads_) thread.join();
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove(path_, ignored);
}

std::uint32_t free_port() {
    std::uint32_t port = 0;
    ::close(listen_tcp(port, 0));
    return port;
}

deaf_port::deaf_port() {
    sockets_.push_back(listen_tcp(port_, 1));
    // Until connections hang: nobody accepts them.
    for (int i = 0; i < 16; ++i) {
        const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        const sockaddr_in where = loopback(static_cast<std::uint16_t>(port_));
        (void)::connect(socket, reinterpret_cast<const sockaddr*>(&where), sizeof where);
        sockets_.push_back(socket);
        pollfd waiting{socket, POLLOUT, 0};
        if (::poll(&waiting, 1, 200) == 0) break;
    }
}

deaf_port::~deaf_port() {
    for (const int socket : sockets_) ::close(socket);
}

bool read_some(int socket, std::vector<std::uint8_t>& into) {
    into.resize(65536);
    ssize_t count = 0;
    do {
        count = ::recv(socket, into.data(), into.size(), 0);
    } while (count < 0 && errno == EINTR);
    into.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return count > 0;
}

bool write_all(int socket, const std::uint8_t* data, std::size_t size) {
    while (size > 0) {
        const ssize_t count = ::send(socket, data, size, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        data += count;
        size -= static_cast<std::size_t>(count);
    }
    return true;
}

int connect_to(const std::uint8_t (&address)[4], std::uint16_t port) {
    sockaddr_in where = loopback(port);
    std::memcpy(&where.sin_addr, address, 4);
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int number = 0;
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) number = errno;
    if (number == EINPROGRESS) {
        pollfd waiting{socket, POLLOUT, 0};
        socklen_t size = sizeof number;
        if (::poll(&waiting, 1, connect_milliseconds) == 1)
            ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &number, &size);
        else
            number = ETIMEDOUT;
    }
    if (number == 0) {
        ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) & ~O_NONBLOCK);
        return socket;
    }
    ::close(socket);
    errno = number;
    return -1;
}

} // namespace plexus::validate
