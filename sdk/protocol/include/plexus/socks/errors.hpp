// What can go wrong between a client and its SOCKS5 proxy.
#pragma once

#include <cstdint>

namespace plexus::socks {

enum class failure : std::int32_t {
    request = 1,     ///< a host, port or credentials that the protocol cannot carry
    address = 2,     ///< a proxy address that does not parse
    not_socks = 3,   ///< what answers does not speak SOCKS5
    method = 4,      ///< the proxy takes none of the ways to authenticate that were offered
    credentials = 5, ///< the proxy refuses the user name and password
    refused = 6,     ///< the host refused the connection
    unreachable = 7, ///< no road from the proxy to the host, now
    denied = 8,      ///< not for this client: a rule of the proxy, or a missing key of an onion service
    unsupported = 9, ///< the proxy does not do that
    name = 10        ///< a .onion name that is none
};
constexpr const char* error_domain(failure) noexcept { return "socks"; }

} // namespace plexus::socks
