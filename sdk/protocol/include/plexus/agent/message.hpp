// The messages that agents exchange inside the double ratchet (agent-protocol.md, "Messages between SMP
// agents"): connection info of confirmations, and numbered messages chained by hash.
#pragma once

#include "plexus/agent/queue.hpp"
#include "plexus/crypto/hash.hpp"

#include <variant>

namespace plexus::agent {

/// A queue as messages name it.
struct queue_reference {
    server_address server;
    bytes sender_id;

    friend bool operator==(const queue_reference&, const queue_reference&) = default;
};

// The first part of a name is the tag of the protocol.
struct hello {
    friend bool operator==(const hello&, const hello&) = default;
};
struct user_message { ///< A_MSG
    bytes body;
    friend bool operator==(const user_message&, const user_message&) = default;
};
struct receipt {
    std::int64_t message = 0; ///< the number that its sender gave it
    bytes hash;
    bytes info;
    friend bool operator==(const receipt&, const receipt&) = default;
};
struct receipts { ///< A_RCVD
    std::vector<receipt> list;
    friend bool operator==(const receipts&, const receipts&) = default;
};
struct queue_continue { ///< A_QCONT: the queue has room again
    queue_reference queue;
    friend bool operator==(const queue_continue&, const queue_continue&) = default;
};
struct queue_add { ///< QADD: the receiver moves to a new queue
    struct item {
        queue_uri queue;
        std::optional<queue_reference> replaces;
        friend bool operator==(const item&, const item&) = default;
    };
    std::vector<item> list;
    friend bool operator==(const queue_add&, const queue_add&) = default;
};
struct queue_key { ///< QKEY: the sender's keys for the new queue
    struct item {
        queue_info queue;
        crypto::public_key sender_key;
        friend bool operator==(const item&, const item&) = default;
    };
    std::vector<item> list;
    friend bool operator==(const queue_key&, const queue_key&) = default;
};
struct queue_use { ///< QUSE: the new queue is secured
    struct item {
        queue_reference queue;
        bool primary = false;
        friend bool operator==(const item&, const item&) = default;
    };
    std::vector<item> list;
    friend bool operator==(const queue_use&, const queue_use&) = default;
};
struct queue_test { ///< QTEST: the first message in the new queue
    std::vector<queue_reference> list;
    friend bool operator==(const queue_test&, const queue_test&) = default;
};
struct ratchet_ready { ///< EREADY: a new ratchet is agreed
    std::int64_t last_message = 0;
    friend bool operator==(const ratchet_ready&, const ratchet_ready&) = default;
};

using message_content = std::variant<hello, user_message, receipts, queue_continue, queue_add, queue_key,
                                     queue_use, queue_test, ratchet_ready>;

/// A message with its place in the sender's chain.
struct numbered_message {
    std::int64_t number = 0;
    bytes previous_hash; ///< SHA-256 of the plaintext of the message before, empty for none
    message_content content;

    friend bool operator==(const numbered_message&, const numbered_message&) = default;
};
/// The connection info of a creator.
struct connection_info {
    bytes info;
    friend bool operator==(const connection_info&, const connection_info&) = default;
};
/// The connection info of a joiner, with the queues to answer to.
struct connection_info_reply {
    std::vector<queue_info> queues;
    bytes info;
    friend bool operator==(const connection_info_reply&, const connection_info_reply&) = default;
};
struct ratchet_info {
    bytes info;
    friend bool operator==(const ratchet_info&, const ratchet_info&) = default;
};

using agent_message = std::variant<connection_info, connection_info_reply, ratchet_info, numbered_message>;

bytes encode(const agent_message& message);
/// Error: failure::syntax.
result<agent_message> parse_agent_message(bytes_view data);

/// One direction of a connection's chain of messages: the number and hash of the last one. A confirmation is
/// message 1.
struct message_chain {
    std::int64_t last = 0;
    bytes last_hash;

    /// Counts a message whose plaintext is `encoded`.
    void add(std::int64_t number, bytes_view encoded) {
        const auto hash = crypto::sha256(encoded);
        last = number;
        last_hash.assign(hash.begin(), hash.end());
    }

    friend bool operator==(const message_chain&, const message_chain&) = default;
};

enum class integrity : std::uint8_t { ok = 0, skipped = 1, bad_hash = 2, bad_id = 3, duplicate = 4 };
/// How a received message continues the chain.
integrity check(const message_chain& chain, const numbered_message& message) noexcept;

} // namespace plexus::agent
