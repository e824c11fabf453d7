// Connection links: full ones hold the whole connection request, short ones a server and the key of the data
// that is stored there (agent-protocol.md, "Connection link"). Used to invite, to join, and inside messages.
#pragma once

#include "plexus/agent/queue.hpp"
#include "plexus/crypto/x3dh.hpp"

#include <variant>

namespace plexus::agent {

/// One-time invitation or contact address.
enum class connection_mode : char { invitation = 'I', contact = 'C' };

/// What a link asks a joiner to do. An invitation has the parameters of the ratchet, an address has none.
struct connection_request {
    version_range agent_versions;
    std::vector<queue_uri> queues; ///< at least one
    std::optional<std::string> client_data;
    std::optional<crypto::e2e_params_range> e2e;

    connection_mode mode() const noexcept {
        return e2e ? connection_mode::invitation : connection_mode::contact;
    }

    friend bool operator==(const connection_request&, const connection_request&) = default;
};

enum class contact_kind : char { contact = 'A', channel = 'C', group = 'G', relay = 'R' };

struct short_link {
    enum class scheme : std::uint8_t { simplex, server };

    scheme form = scheme::server;
    connection_mode mode = connection_mode::invitation;
    contact_kind kind = contact_kind::contact; ///< of addresses
    server_address server; ///< where the host is well known the fingerprint may be zeros: none
    bytes link_id;         ///< of invitations
    bytes link_key;        ///< 32 bytes when it can be used

    friend bool operator==(const short_link&, const short_link&) = default;
};

using connection_link = std::variant<connection_request, short_link>;
connection_mode mode_of(const connection_link& link) noexcept;

/// `scheme` is "simplex:" or "https://HOST".
std::string to_text(const connection_request& request, std::string_view scheme = "simplex:");
std::string to_text(const short_link& link);
std::string to_text(const connection_link& link);

// Errors are failure::link with a sentence for a person.
result<connection_request> parse_connection_request(std::string_view text);
result<short_link> parse_short_link(std::string_view text);
/// A full or a short link.
result<connection_link> parse_link(std::string_view text);

// Binary forms; the link's form is not in them and reads as `server`.
connection_request read_connection_request(encoding::reader& in);
void write(encoding::writer& out, const connection_request& request);
short_link read_short_link(encoding::reader& in);
void write(encoding::writer& out, const short_link& link);

/// Leaves the host alone in the link if its server is one of the presets, and puts the rest back.
short_link shorten(short_link link, const std::vector<server_address>& presets);
short_link restore(short_link link, const std::vector<server_address>& presets);

} // namespace plexus::agent
