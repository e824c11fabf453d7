// What travels in a queue around an agent message, from the inside out: the agent's envelope, the client
// message (private header), and the client message envelope (public header, encrypted for the queue).
#pragma once

#include "plexus/agent/link.hpp"
#include "plexus/crypto/box.hpp"

namespace plexus::agent {

/// Says who joins: connection info inside the ratchet.
struct confirmation_envelope {
    std::uint16_t agent_version = 0;
    std::optional<crypto::e2e_params> e2e; ///< of a joiner
    bytes encrypted_info;
    friend bool operator==(const confirmation_envelope&, const confirmation_envelope&) = default;
};
struct message_envelope {
    std::uint16_t agent_version = 0;
    bytes encrypted_message;
    friend bool operator==(const message_envelope&, const message_envelope&) = default;
};
/// Sent to a contact address, without a ratchet.
struct invitation_envelope {
    std::uint16_t agent_version = 0;
    connection_request request;
    bytes info;
    friend bool operator==(const invitation_envelope&, const invitation_envelope&) = default;
};
/// Asks for a new ratchet.
struct ratchet_key_envelope {
    std::uint16_t agent_version = 0;
    crypto::e2e_params e2e;
    bytes info;
    friend bool operator==(const ratchet_key_envelope&, const ratchet_key_envelope&) = default;
};
using agent_envelope =
    std::variant<confirmation_envelope, message_envelope, invitation_envelope, ratchet_key_envelope>;

bytes encode(const agent_envelope& envelope);
/// Error: failure::syntax.
result<agent_envelope> parse_agent_envelope(bytes_view data);

/// The private header carries the sender's key if the recipient has to secure the queue with it.
struct client_message {
    std::optional<crypto::public_key> sender_key;
    bytes body;
    friend bool operator==(const client_message&, const client_message&) = default;
};
bytes encode(const client_message& message);
result<client_message> parse_client_message(bytes_view data);

/// The body of SEND. The public header carries the sender's X25519 key in the first message.
struct client_envelope {
    std::uint16_t client_version = 0;
    std::optional<crypto::public_key> dh_key;
    crypto::nonce nonce{};
    bytes box; ///< of a padded client message
    friend bool operator==(const client_envelope&, const client_envelope&) = default;
};
bytes encode(const client_envelope& envelope);
result<client_envelope> parse_client_envelope(bytes_view data);

/// Seals a client message; padded_size is one of client_confirmation_padding and client_message_padding.
/// Error: crypto too_large.
result<client_envelope> seal_client_message(const crypto::box_key& key, const crypto::nonce& nonce,
                                            std::uint16_t client_version,
                                            const std::optional<crypto::public_key>& dh_key,
                                            const client_message& message, std::size_t padded_size);
/// Errors: crypto not_authentic and bad_padding, failure::syntax.
result<client_message> open_client_message(const crypto::box_key& key, const client_envelope& envelope);

} // namespace plexus::agent
