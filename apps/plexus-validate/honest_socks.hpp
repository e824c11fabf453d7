// A SOCKS5 proxy that does as it is told, to loopback: what a carrier under test is configured with. Used by
// the suite of transports.
#pragma once

#include "socket_peer.hpp"

namespace plexus::validate {

class honest_socks {
  public:
    honest_socks() : server_([](int socket) { serve(socket); }) {}
    std::string address() const { return "127.0.0.1:" + std::to_string(server_.port()); }

  private:
    static void serve(int socket);
    socket_server server_;
};

} // namespace plexus::validate
