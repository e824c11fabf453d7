// The other end of a transport under test, outside the kernel: a listening socket on loopback, TCP or Unix,
// whose connections have a thread each. Used by the suite of transports.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace plexus::validate {

/// A listening socket and the threads of what it accepted. Its destructor ends them all.
class socket_server {
  public:
    /// `serve` has the connected, blocking socket until it returns; it is shut down when the server ends.
    /// With a `path`, in which "{port}" stands for a number of its own, it is a Unix socket.
    explicit socket_server(std::function<void(int)> serve, const std::string& path = {});
    socket_server(const socket_server&) = delete;
    socket_server& operator=(const socket_server&) = delete;
    ~socket_server();

    std::uint32_t port() const noexcept { return port_; }
    std::size_t accepted() const noexcept { return accepted_; }

  private:
    void accept_all();

    std::function<void(int)> serve_;
    int listening_ = -1;
    std::uint32_t port_ = 0;
    std::filesystem::path path_;
    std::atomic<bool> ending_{false};
    std::atomic<std::size_t> accepted_{0};
    std::mutex mutex_; ///< of what follows
    std::vector<int> sockets_;
    std::vector<std::thread> threads_;
    std::thread acceptor_;
};

/// A TCP port of loopback, or a path, where nobody listens, and one that answers nothing: its queue is full.
std::uint32_t free_port();
class deaf_port {
  public:
    deaf_port();
    deaf_port(const deaf_port&) = delete;
    deaf_port& operator=(const deaf_port&) = delete;
    ~deaf_port();
    std::uint32_t port() const noexcept { return port_; }

  private:
    std::uint32_t port_ = 0;
    std::vector<int> sockets_;
};

/// Reads once, or writes all; false at the end of the connection.
bool read_some(int socket, std::vector<std::uint8_t>& into);
bool write_all(int socket, const std::uint8_t* data, std::size_t size);
/// A blocking connection to a numeric IPv4 address; -1 if there is none.
int connect_to(const std::uint8_t (&address)[4], std::uint16_t port);

} // namespace plexus::validate
