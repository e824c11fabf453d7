// What an agent stores: connections, their progress (what changes with every message), the outbox, and events
// that its user has not acknowledged. The engine reads them once when it starts and writes them in batches.
#pragma once

#include "plexus/agent/envelope.hpp"
#include "plexus/agent/message.hpp"
#include "plexus/crypto/ratchet.hpp"

namespace plexus::agent {

/// From 1, never reused.
using connection_id = std::uint64_t;

/// Tables of the store. Keys are numbers, big-endian: a connection's, for the outbox followed by the place in
/// its queue, an event's sequence.
enum class table : std::uint8_t { connections, progress, outbox, events, counters };
inline constexpr table all_tables[] = {table::connections, table::progress, table::outbox, table::events,
                                       table::counters};
/// The name of a table in the store.
const char* name(table value) noexcept;

enum class stage : std::uint8_t {
    resolving = 1,             ///< joiner: the data of the short link is to be fetched
    creating_queue = 2,        ///< joiner: a queue for the answer is to be created
    awaiting_confirmation = 3, ///< creator: nobody has joined
    awaiting_allow = 4,        ///< creator: the user has not allowed the joiner
    connecting = 5,            ///< confirmations or HELLOs are on their way
    connected = 6,
    failed = 7, ///< it will never stand
    deleting = 8,
};

/// An agreed X25519 secret and the box key that comes of it.
struct queue_secret {
    secret_array<32> shared;
    crypto::box_key key;

    queue_secret() = default;
    explicit queue_secret(const secret_array<32>& agreed) : shared(agreed), key(agreed) {}
    static result<queue_secret> agree(const crypto::private_key& own, const crypto::public_key& peer);
};

/// A queue of ours, where the peer sends to.
struct receive_queue {
    server_address server; ///< without password
    bytes recipient_id;
    bytes sender_id;
    crypto::private_key key;            ///< authorizes our commands
    queue_secret body;                  ///< of message bodies, between the server and us
    crypto::private_key dh;             ///< X25519: the peer's first message agrees with it
    std::optional<queue_secret> secret; ///< of the peer's messages, once there is a peer
    std::optional<queue_mode> mode;
    std::uint16_t client_version = 0;
    std::optional<crypto::public_key> secure_with; ///< the peer's key, while the server does not know it

    queue_address address() const;
};

/// The peer's queue, where we send to.
struct send_queue {
    server_address server;
    bytes sender_id;
    crypto::private_key key; ///< authorizes our commands
    crypto::private_key dh;  ///< X25519: its public part goes out with the confirmation
    queue_secret secret;
    std::optional<queue_mode> mode;
    std::uint16_t client_version = 0;
    bool secured = false; ///< the server knows our key

    bool can_secure() const noexcept { return mode == queue_mode::messaging; }
    /// Fresh keys for the queue of `info`; `key` is used if it is not empty.
    static result<send_queue> make(const queue_info& info, crypto::private_key key,
                                   crypto::random_source& random);
};

struct connection {
    connection_id id = 0;
    bool creator = false;
    stage at = stage::connecting;
    bool wait_sent = false; ///< deleting: the outbox goes out first
    bool hello_sent = false;
    bool hello_received = false;
    std::uint16_t agent_version = 0;
    std::optional<crypto::x3dh_keys> x3dh;             ///< creator, until somebody joins
    bytes own_info;                                    ///< joiner, until its confirmation is made
    std::string link;                                  ///< joiner, until resolved: the short link
    crypto::private_key link_key;                      ///< joiner, until resolved: secures the peer's queue
    std::optional<connection_request> request;         ///< joiner, until its confirmation is made
    std::optional<queue_info> reply_queue;             ///< creator, until allowed
    std::optional<crypto::public_key> peer_sender_key; ///< creator, until allowed
    std::optional<receive_queue> receive;
    std::optional<send_queue> send;
};

struct progress {
    std::optional<crypto::ratchet> ratchet;
    message_chain sent;
    message_chain received;
    bytes last_message_id;      ///< the server's id of the last message that was processed
    std::uint64_t last_tag = 0; ///< the highest of the messages that the user gave
};

enum class outbox_kind : std::uint8_t { confirmation = 1, hello = 2, user_message = 3, control = 4 };

/// One SEND to come.
struct outbox_entry {
    outbox_kind kind = outbox_kind::control;
    std::int64_t number = 0; ///< in the chain of sent messages
    bool notify = false;
    std::uint64_t tag = 0; ///< of the user, 0 for none
    bytes body;
};

enum class event_kind : std::uint8_t {
    confirmation = 1,
    info = 2,
    connected = 3,
    message = 4,
    sent = 5,
    send_failed = 6,
    receipt = 7,
    deleted = 8,
    server_up = 9,
    server_down = 10,
    error = 11,
    quota = 12,
    joined = 13,
    failed = 14,
};

/// Something for the agent's user (abi/draft/agent.h has the same numbers).
struct event {
    event_kind kind = event_kind::error;
    connection_id connection = 0;
    std::int64_t id = 0;
    /// Of agent::failure, 0 for none.
    std::int32_t status = 0;
    integrity order = integrity::ok;
    std::int64_t seconds = 0; ///< Unix time at the server
    bytes body;
    std::string text;
    std::string text2;
    /// Of messages: the server's id, to acknowledge.
    bytes server_message_id;
    std::uint64_t sequence = 0; ///< 0: not stored
    std::uint64_t tag = 0;      ///< sent, send_failed, an early receipt: the message's
};

// Stored forms. Each begins with a version; reading fails with failure::corrupt.
secret_bytes encode(const connection& value);
result<connection> decode_connection(connection_id id, bytes_view stored);
secret_bytes encode(const progress& value);
result<progress> decode_progress(bytes_view stored);
secret_bytes encode(const outbox_entry& value);
result<outbox_entry> decode_outbox_entry(bytes_view stored);
secret_bytes encode(const event& value);
result<event> decode_event(std::uint64_t sequence, bytes_view stored);

/// Keys of the tables.
bytes number_key(std::uint64_t number);
bytes outbox_key(connection_id connection, std::uint64_t place);

} // namespace plexus::agent
