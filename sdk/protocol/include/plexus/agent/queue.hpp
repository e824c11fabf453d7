// Addresses of message queues as peers give them to each other: in links (queue_uri, with a range of client
// versions) and inside messages (queue_info, with one version). simplex-messaging.md, "Out-of-band messages".
#pragma once

#include "plexus/agent/error.hpp"
#include "plexus/agent/version.hpp"
#include "plexus/crypto/keys.hpp"
#include "plexus/smp/address.hpp"

#include <optional>

namespace plexus::agent {

using smp::queue_mode;
using smp::server_address;

struct queue_address {
    server_address server;
    bytes sender_id;
    crypto::public_key dh_key;      ///< X25519
    std::optional<queue_mode> mode; ///< absent in older addresses

    bool sender_can_secure() const noexcept { return mode == queue_mode::messaging; }

    friend bool operator==(const queue_address&, const queue_address&) = default;
};

struct queue_info {
    std::uint16_t client_version = 0;
    queue_address address;

    friend bool operator==(const queue_info&, const queue_info&) = default;
};

struct queue_uri {
    version_range client_versions;
    queue_address address;

    /// The address at the highest client version that both know.
    std::optional<queue_info> agree(version_range supported) const;

    friend bool operator==(const queue_uri&, const queue_uri&) = default;
};

// Binary forms. Reading fails the reader on anything malformed.
queue_uri read_queue_uri(encoding::reader& in);
void write(encoding::writer& out, const queue_uri& queue);
queue_info read_queue_info(encoding::reader& in);
void write(encoding::writer& out, const queue_info& queue);

/// "smp://FINGERPRINT@HOST/ID#/?v=1-4&dh=KEY&q=m".
std::string to_text(const queue_uri& queue);
/// Also the older forms, with the key before the parameters or without a version. Error: failure::link.
result<queue_uri> parse_queue_uri(std::string_view text);

} // namespace plexus::agent
