// What the parts of one transport-tls instance share: the account of what is under way, host services,
// settings, numbers.
#pragma once

#include "plexus/abi/transport.h"
#include "plexus/net/account.hpp"

namespace plexus::transport_tls {

using net::hold;
using net::member;
using net::member_list;
using std::chrono::nanoseconds;

struct settings {
    std::string group = "auto"; ///< of key exchange: "auto" takes what the client offers, or "x25519"
    nanoseconds connect_timeout{};
    nanoseconds handshake_timeout{};
    nanoseconds keepalive{}; ///< idle time before the first probe
    std::uint32_t pending_most = 0;
};

struct numbers {
    metric accepted;
    metric handshake_failures;
    metric connected;
};

class runtime : public net::account {
  public:
    explicit runtime(host_ref host) : host_(host) {}

    result<void> init();

    logger log;
    clock_view clock;
    const plexus_resolver* resolver = nullptr;
    const plexus_transport* road = nullptr; ///< plexus.carrier/1; dialed through when there is one
    settings config;
    numbers count;

  private:
    host_ref host_;
};

} // namespace plexus::transport_tls
