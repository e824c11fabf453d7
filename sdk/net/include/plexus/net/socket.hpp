// Sockets: addresses as text, making, connecting and binding them with the options that every stream has.
// Used by plugins that dial or listen themselves.
#pragma once

#include "plexus/abi.hpp"
#include "plexus/abi/host.h"
#include "plexus/abi/transport.h"
#include "plexus/net/descriptor.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace plexus::net {

using std::chrono::nanoseconds;

/// "1.2.3.4:5223" or "[::1]:5223".
std::string shown(const plexus_address& address);
/// The other side of a connected socket.
std::string peer_of(int socket);
/// "host:5223", with brackets around an IPv6 address.
std::string shown(std::string_view host, std::uint32_t port);

/// TCP_NODELAY and keepalive.
void set_stream_options(int socket, nanoseconds keepalive);

/// What the options of a connection say of keepalive, on its socket.
void set_keepalive(int socket, const plexus_connect_options& options);

/// A connection under way, or made already. The error names the address.
result<descriptor> begin_connect(const plexus_address& address, nanoseconds keepalive);
/// 0, or the errno with which a connection under way ended.
int outcome_of_connect(int socket);
error connect_error(std::string_view where, int number);

/// A numeric IPv4 or IPv6 address; nothing if `host` is a name.
std::optional<plexus_address> numeric(std::string_view host, std::uint32_t port);
/// True for a name of the onion network, in any case, with a final dot or without.
bool is_onion(std::string_view host) noexcept;

/// A listening socket of a numeric address, empty for all; `port` gets the one it has. Errors say who has it.
result<descriptor> listen_on(std::string_view address, std::uint32_t& port);

} // namespace plexus::net
