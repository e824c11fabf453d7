// Sockets: addresses as text, making, connecting and binding them with the options that every stream has.
#pragma once

#include "carrier.hpp"
#include "runtime.hpp"

namespace plexus::transport_tls {

/// "1.2.3.4:5223" or "[::1]:5223".
std::string shown(const plexus_address& address);
/// The other side of a connected socket.
std::string peer_of(int socket);
/// "host:5223", with brackets around an IPv6 address.
std::string shown(std::string_view host, std::uint32_t port);

/// TCP_NODELAY and keepalive.
void set_stream_options(int socket, nanoseconds keepalive);

/// A connection under way, or made already. The error names the address.
result<descriptor> begin_connect(const plexus_address& address, nanoseconds keepalive);
/// 0, or the errno with which a connection under way ended.
int outcome_of_connect(int socket);
error connect_error(const plexus_address& address, int number);

/// A listening socket of a numeric address, empty for all; `port` gets the one it has. Errors say who has it.
result<descriptor> listen_on(std::string_view address, std::uint32_t& port);

} // namespace plexus::transport_tls
