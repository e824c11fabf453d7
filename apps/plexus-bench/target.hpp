// The server under load: where it is, how it is spoken to, and its process. Every connection of a run and
// every workload refers to one.
#pragma once

#include "process_stats.hpp"
#include "tls_peer.hpp"

#include "plexus/smp/address.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <optional>

namespace plexus::bench {

inline error failed(std::string message) { return error("plexus.bench", 1, std::move(message)); }

/// What official servers in use speak.
inline constexpr smp::version default_version = 17;

struct target_options {
    std::string address;
    std::string process; ///< number or name; empty: whoever listens on the port
    smp::version version = default_version;
    key_group group = key_group::x448;
    bool remote = false; ///< whether it may be on another machine
};

struct target {
    smp::server_address address;
    boost::asio::ip::tcp::endpoint endpoint;
    std::optional<pid_t> pid;
    smp::version version = default_version; ///< the highest that is offered
    key_group group = key_group::x448;
    context_pointer tls;

    /// Seconds. Both give zeros of a process that is not known.
    double cpu() const;
    memory_use memory() const;
};

/// Resolves the name. Errors: an address that does not parse or resolve, a server elsewhere without
/// `remote`, a process that was named and is not there.
result<target> make_target(const target_options& from);

} // namespace plexus::bench
