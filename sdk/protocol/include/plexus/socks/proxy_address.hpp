// The address of a SOCKS5 proxy as people write it, in the forms of the official programs, and what it says
// about the credentials of each connection.
#pragma once

#include "plexus/socks/client.hpp"

namespace plexus::socks {

enum class authentication : std::uint8_t {
    isolate, ///< credentials made of the connection's isolation
    none,
    password ///< the credentials of the address
};

struct proxy_address {
    authentication how = authentication::isolate;
    credentials given;
    std::string host = "127.0.0.1"; ///< numeric or a name; empty if there is a path
    std::uint16_t port = 9050;
    std::string path; ///< of a Unix socket
};

/// "USER:PASSWORD@HOST:PORT", "@HOST:PORT", "HOST:PORT", HOST or :PORT or both left out, "unix:/PATH" for
/// HOST:PORT, and "on", which is all that can be left out. "off" is nothing.
result<std::optional<proxy_address>> parse_proxy_address(std::string_view text);

/// The same without credentials: "127.0.0.1:9050", "@[::1]:9050", "***@unix:/run/tor/socks".
std::string to_text(const proxy_address& address);

/// What a connection sends: for `isolate` a user name made of `isolation` and `generation`, so that a new
/// generation shares no circuit with those before.
std::optional<credentials> credentials_for(const proxy_address& proxy, bytes_view isolation,
                                           bytes_view generation);

} // namespace plexus::socks
