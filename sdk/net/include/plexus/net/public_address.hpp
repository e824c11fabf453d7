// Which addresses belong to the public internet: a server that dials where its clients say must not reach
// into the network that it stands in.
#pragma once

#include "plexus/abi/host.h"

#include <string_view>

namespace plexus::net {

/// False for private, shared, loopback, link-local, unspecified, multicast, reserved and documentation
/// addresses (IANA special-purpose registries), and for IPv6 forms that hold such an IPv4 address.
bool is_public(const plexus_address& address) noexcept;

/// True for a numeric host that is not public, in any form, and for this machine's own name; other names are
/// false. For those who leave names to a proxy.
bool is_private_number(std::string_view host);

} // namespace plexus::net
