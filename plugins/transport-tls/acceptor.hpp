// Takes clients off a listening socket and deals them out; waits a little when the system has no more
// descriptors. Belongs to a listener.
#pragma once

#include "listener.hpp"

namespace plexus::transport_tls {

class acceptor final : public member {
  public:
    acceptor(listener& owner, net::descriptor socket);
    void cut() override;

  private:
    void ready();
    void pause(int number);

    listener& owner_;
    net::descriptor socket_;
    std::optional<watch> watch_;
    std::optional<timer> resume_;
    nanoseconds delay_{};
};

} // namespace plexus::transport_tls
