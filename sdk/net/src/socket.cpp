#include "plexus/net/socket.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <system_error>

#include <algorithm>
#include <array>
#include <cstring>

namespace plexus::net {

namespace {

constexpr int backlog = 1024;

struct socket_address {
    sockaddr_storage storage{};
    socklen_t size = sizeof(sockaddr_storage);
    sockaddr* raw() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
};

socket_address to_socket_address(const plexus_address& from) {
    socket_address out;
    if (from.family == 4) {
        auto& in = reinterpret_cast<sockaddr_in&>(out.storage);
        in.sin_family = AF_INET;
        in.sin_port = htons(static_cast<std::uint16_t>(from.port));
        std::memcpy(&in.sin_addr, from.bytes, 4);
        out.size = sizeof in;
    } else {
        auto& in = reinterpret_cast<sockaddr_in6&>(out.storage);
        in.sin6_family = AF_INET6;
        in.sin6_port = htons(static_cast<std::uint16_t>(from.port));
        std::memcpy(&in.sin6_addr, from.bytes, 16);
        out.size = sizeof in;
    }
    return out;
}

plexus_address from_socket_address(const sockaddr_storage& from) {
    plexus_address out{};
    if (from.ss_family == AF_INET) {
        const auto& in = reinterpret_cast<const sockaddr_in&>(from);
        out.family = 4;
        out.port = ntohs(in.sin_port);
        std::memcpy(out.bytes, &in.sin_addr, 4);
        return out;
    }
    const auto& in = reinterpret_cast<const sockaddr_in6&>(from);
    out.port = ntohs(in.sin6_port);
    out.family = IN6_IS_ADDR_V4MAPPED(&in.sin6_addr) ? 4 : 6;
    if (out.family == 4)
        std::memcpy(out.bytes, &in.sin6_addr.s6_addr[12], 4);
    else
        std::memcpy(out.bytes, &in.sin6_addr, 16);
    return out;
}

descriptor make_socket(int family) {
    return descriptor(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

void set_option(int socket, int level, int name, int value) {
    ::setsockopt(socket, level, name, &value, sizeof value);
}

std::string system_message(int number) { return std::generic_category().message(number); }

result<descriptor> listen_once(const plexus_address& address, std::uint32_t& port) {
    socket_address where = to_socket_address(address);
    descriptor socket = make_socket(where.storage.ss_family);
    const auto failed = [&](int number) {
        std::string hint;
        if (number == EADDRINUSE) hint = ": another program listens there; stop it or choose another port";
        if (number == EACCES) hint = ": ports below 1024 need the capability CAP_NET_BIND_SERVICE";
        if (number == EADDRNOTAVAIL) hint = ": this machine does not have the address";
        const auto kind = number == EADDRINUSE ? status::busy
                          : number == EACCES   ? status::denied
                                               : status::io;
        return make_error(kind, "cannot listen on " + shown(address) + ": " + system_message(number) + hint);
    };
    if (!socket) return failed(errno);
    set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (address.family == 6) set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (::bind(socket.get(), where.raw(), where.size) != 0) return failed(errno);
    if (::listen(socket.get(), backlog) != 0) return failed(errno);
    socket_address own;
    ::getsockname(socket.get(), own.raw(), &own.size);
    port = from_socket_address(own.storage).port;
    return socket;
}

} // namespace

std::string shown(std::string_view host, std::uint32_t port) {
    const bool six = host.find(':') != std::string_view::npos;
    return (six ? "[" : "") + std::string(host) + (six ? "]:" : ":") + std::to_string(port);
}

std::string shown(const plexus_address& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(address.family == 4 ? AF_INET : AF_INET6, address.bytes, text.data(), text.size());
    return shown(text.data(), address.port);
}

std::string peer_of(int socket) {
    socket_address peer;
    if (::getpeername(socket, peer.raw(), &peer.size) != 0) return "a peer that is gone";
    return shown(from_socket_address(peer.storage));
}

void set_stream_options(int socket, nanoseconds keepalive) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(keepalive).count();
    const int idle = static_cast<int>(std::max<std::int64_t>(1, seconds));
    set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, idle);
    set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, std::max(1, idle / 2));
    set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, 4);
}

void set_keepalive(int socket, const plexus_connect_options& options) {
    if (options.keepalive == PLEXUS_KEEPALIVE_PRESET) return;
    const bool on = options.keepalive == PLEXUS_KEEPALIVE_ON;
    set_option(socket, SOL_SOCKET, SO_KEEPALIVE, on ? 1 : 0);
    if (!on) return;
    const auto number = [](std::uint32_t given) {
        constexpr std::uint32_t most = 32'767; // of the system
        return static_cast<int>(std::clamp<std::uint32_t>(given, 1, most));
    };
    set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, number(options.keepalive_idle));
    set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, number(options.keepalive_interval));
    set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, number(std::min(options.keepalive_count, 127U)));
}

error connect_error(std::string_view where, int number) {
    const bool no_road = number == ENETUNREACH || number == EHOSTUNREACH || number == EAFNOSUPPORT ||
                         number == ENOENT || number == EAGAIN;
    const auto kind = number == ECONNREFUSED ? status::refused
                      : no_road              ? status::unreachable
                      : number == ETIMEDOUT  ? status::timeout
                      : number == EACCES     ? status::denied
                                             : status::io;
    return make_error(kind, std::string(where) + ": " + system_message(number), true);
}

result<descriptor> begin_connect(const plexus_address& address, nanoseconds keepalive) {
    socket_address where = to_socket_address(address);
    descriptor socket = make_socket(where.storage.ss_family);
    if (!socket) return connect_error(shown(address), errno);
    set_stream_options(socket.get(), keepalive);
    if (::connect(socket.get(), where.raw(), where.size) != 0 && errno != EINPROGRESS)
        return connect_error(shown(address), errno);
    return socket;
}

std::optional<plexus_address> numeric(std::string_view host, std::uint32_t port) {
    if (host.find('\0') != std::string_view::npos) return std::nullopt;
    plexus_address out{};
    const std::string zero_ended(host);
    out.port = port;
    if (::inet_pton(AF_INET, zero_ended.c_str(), out.bytes) == 1)
        out.family = 4;
    else if (::inet_pton(AF_INET6, zero_ended.c_str(), out.bytes) == 1)
        out.family = 6;
    else
        return std::nullopt;
    return out;
}

bool is_onion(std::string_view host) noexcept {
    constexpr std::string_view suffix = ".onion";
    if (host.ends_with('.')) host.remove_suffix(1);
    if (host.size() < suffix.size()) return false;
    const auto tail = host.substr(host.size() - suffix.size());
    return std::equal(tail.begin(), tail.end(), suffix.begin(), [](char one, char small) {
        return (one >= 'A' && one <= 'Z' ? one + 32 : one) == small;
    });
}

int outcome_of_connect(int socket) {
    int number = 0;
    socklen_t size = sizeof number;
    if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &number, &size) != 0) return errno;
    return number;
}

result<descriptor> listen_on(std::string_view address, std::uint32_t& port) {
    if (!address.empty()) {
        const auto parsed = numeric(address, port);
        if (!parsed)
            return make_error(status::invalid,
                              "\"" + std::string(address) +
                                  "\" is no address to listen on: give a numeric one, such as "
                                  "\"127.0.0.1\" or \"::\", or none for all");
        return listen_once(*parsed, port);
    }
    plexus_address all{};
    all.port = port;
    all.family = 6;
    auto six = listen_once(all, port);
    if (six || six.error().is(status::busy) || six.error().is(status::denied)) return six;
    all.family = 4; // this machine has no IPv6
    return listen_once(all, port);
}

} // namespace plexus::net
