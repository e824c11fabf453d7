// Which addresses belong to the public internet: a server that dials where its clients say must not reach
// into the network that it stands in.
#pragma once

#include "plexus/abi/host.h"

#include <string>

namespace plexus::transport_tls {

/// False for private, shared, loopback, link-local, unspecified, multicast, reserved and documentation
/// addresses (IANA special-purpose registries), and for IPv6 forms that hold such an IPv4 address.
bool is_public(const plexus_address& address) noexcept;

/// True for a numeric host that is not public; names are false.
bool is_private_number(const std::string& host);

} // namespace plexus::transport_tls
