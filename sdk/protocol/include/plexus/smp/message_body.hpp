// The body of MSG: what the sender gave, with time and flags, encrypted from the server to the recipient
// (simplex-messaging.md, Deliver queue message); and the metadata of NMSG.
#pragma once

#include "plexus/crypto/box.hpp"
#include "plexus/smp/errors.hpp"
#include "plexus/smp/types.hpp"

namespace plexus::smp {

/// Every encrypted body has this size, whatever is inside.
inline constexpr std::size_t encrypted_body_size = 16'122;

/// What the recipient finds in it.
struct received_body {
    std::int64_t seconds = 0; ///< Unix time of arrival at the server
    bool quota = false; ///< no message: the queue was full, and senders wait for this to be acknowledged
    message_flags flags;
    bytes_view body;
};

/// Writes the encrypted body to `out`; the nonce is the message id. `out` and `value.body` may not overlap.
void seal_message_body(std::span<std::uint8_t, encrypted_body_size> out, const crypto::box_key& key,
                       bytes_view message_id, const received_body& value);
/// Decrypts in place; the result points into `encrypted`. Error: failure::body.
result<received_body> open_message_body(const crypto::box_key& key, bytes_view message_id,
                                        bytes_span encrypted);

/// The two forms inside, without encryption.
void write(encoding::writer& out, const received_body& value);
result<received_body> parse_received_body(bytes_view data);

/// Of a notification: which message, and when it came.
struct notification_metadata {
    bytes_view message_id;
    std::int64_t seconds = 0;
};
result<bytes> seal_notification(const crypto::box_key& key, const crypto::nonce& nonce,
                                const notification_metadata& value);
struct opened_notification {
    bytes message_id;
    std::int64_t seconds = 0;
};
result<opened_notification> open_notification(const crypto::box_key& key, const crypto::nonce& nonce,
                                              bytes_view encrypted);

} // namespace plexus::smp
