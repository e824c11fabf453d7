// The other side played by OpenSSL itself, blocking, on a thread of its own: clients and servers that
// transport-tls would not be.
#pragma once

#include "test_chain.hpp"

#include <functional>
#include <string>
#include <thread>

typedef struct ssl_st SSL;

namespace plexus::test {

/// A blocking TCP connection to 127.0.0.1; closed at the end.
class raw_client {
  public:
    explicit raw_client(std::uint32_t port);
    ~raw_client();
    raw_client(const raw_client&) = delete;
    raw_client& operator=(const raw_client&) = delete;
    void send(bytes_view data) const;
    /// True if the other side closed or reset; what came before is dropped. Does not wait.
    bool closed() const;
    int get() const noexcept { return socket_; }

  private:
    int socket_;
};

/// A TCP server on 127.0.0.1 whose clients are left waiting unless `serve` runs on one.
class raw_server {
  public:
    raw_server();
    ~raw_server();
    raw_server(const raw_server&) = delete;
    raw_server& operator=(const raw_server&) = delete;
    std::uint32_t port() const noexcept { return port_; }
    /// Accepts one client and gives the socket to `serve`, on a thread.
    void serve(std::function<void(int socket)> step);

  private:
    int socket_;
    std::uint32_t port_ = 0;
    std::thread thread_;
};

struct tls_client_options {
    std::string groups = "X448:X25519";
    std::string alpn = {};
};
/// The group of a handshake with TLS 1.3; empty if it failed. `server_hellos` counts the server's hellos, so
/// that a second round shows.
std::string client_handshake(int socket, const tls_client_options& options, int& server_hellos);

/// A client that takes new keys so many times, then sends `last` and waits for the end. True if all was sent.
bool client_with_new_keys(int socket, int count, const std::string& last);

/// A server's handshake with any chain at all; the reason of its failure, empty if there was none.
std::string server_handshake(int socket, const test_chain& chain);

} // namespace plexus::test
