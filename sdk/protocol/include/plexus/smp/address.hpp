// The address of a server, `smp://fingerprint[:password]@host[,host][:port]`, as people exchange it and as
// links and PRXY carry it.
#pragma once

#include "plexus/encoding/text.hpp"
#include "plexus/smp/errors.hpp"
#include "plexus/smp/types.hpp"

namespace plexus::smp {

inline constexpr std::uint16_t default_port = 5223;

struct server_address {
    key_hash fingerprint{};
    std::vector<encoding::host> hosts; ///< one or more; clients choose by policy
    std::string port;                  ///< decimal, empty for the default
    secret_bytes password;             ///< for creating queues; empty: none

    std::uint16_t port_number() const noexcept;
    friend bool operator==(const server_address&, const server_address&) = default;
};

/// The whole text. Error: failure::address, with what is wrong and how an address looks.
result<server_address> parse_server_address(std::string_view text);
/// The address at the start of `text`; leaves what follows it.
result<server_address> take_server_address(std::string_view& text);
std::string to_text(const server_address& address);
/// Without the password: for links, logs and people.
std::string to_public_text(const server_address& address);

/// The binary form: hosts, port, fingerprint. The password is not part of it.
void write(encoding::writer& out, const server_address& address);
server_address read_server_address(encoding::reader& in);

/// Whether `text` can be the password of a server: printable, without spaces, '@', ':' and '/'.
bool is_password(bytes_view text) noexcept;

} // namespace plexus::smp
