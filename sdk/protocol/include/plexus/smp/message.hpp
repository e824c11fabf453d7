// Messages of a server to its clients: responses, and events that nobody asked for (simplex-messaging.md).
// Byte fields are views, as in command.hpp.
#pragma once

#include "plexus/smp/errors.hpp"
#include "plexus/smp/types.hpp"

#include <variant>

namespace plexus::smp {

/// A chain of certificates in DER, the leaf first, and a session key signed by the leaf (certificates.hpp).
struct certified_key {
    std::vector<bytes_view> chain;
    bytes_view signed_key;
};

namespace msg {
struct ids {
    bytes_view recipient_id;
    bytes_view sender_id;
    crypto::public_key dh_key;
    std::optional<queue_mode> mode;
    std::optional<bytes_view> link_id;
    std::optional<bytes_view> service_id;
    struct notifier_ids {
        bytes_view notifier_id;
        crypto::public_key dh_key;
    };
    std::optional<notifier_ids> notifier;
};
struct lnk {
    bytes_view sender_id;
    link_data data;
};
struct sok {
    std::optional<bytes_view> service_id;
};
/// The hash of a count goes out from version 19 on, here and in ENDS.
struct soks {
    service_queues queues;
};
/// MSG: a message waiting in a queue; message_body.hpp opens its body.
struct message {
    bytes_view message_id;
    bytes_view body;
};
struct nid {
    bytes_view notifier_id;
    crypto::public_key dh_key;
};
struct nmsg {
    bytes_view nonce;
    bytes_view metadata;
};
struct pkey {
    bytes_view session_id;
    version_range versions;
    certified_key key;
};
struct rres {
    bytes_view response;
};
struct pres {
    bytes_view response;
};
struct end {};
struct ends {
    service_queues queues;
};
struct deld {};
/// ALLS: a service that subscribed has now been sent what was waiting in its queues.
struct alls {};
/// RNAME: what a name leads to, JSON.
struct rname {
    bytes_view json;
};
/// INFO: JSON, see queue_info.
struct info {
    bytes_view json;
};
struct ok {};
struct err {
    server_error error;
};
struct pong {};
} // namespace msg

using message = std::variant<msg::ids, msg::lnk, msg::sok, msg::soks, msg::message, msg::nid, msg::nmsg,
                             msg::pkey, msg::rres, msg::pres, msg::end, msg::ends, msg::deld, msg::info,
                             msg::ok, msg::err, msg::pong, msg::alls, msg::rname>;

/// All of `data`. Errors: failure::unknown_tag, failure::syntax.
result<message> parse_message(bytes_view data, version v);
void write(encoding::writer& out, const message& value, version v);
std::string_view name(const message& value) noexcept;

/// The first message of a queue, as QUE tells about it.
struct waiting_message {
    bytes id;
    std::int64_t seconds = 0; ///< Unix time
    bool quota = false;
};

/// What QUE tells the recipient.
struct queue_info {
    bool has_sender_key = false;
    bool has_notifier = false;
    struct subscription {
        /// "noSub", "subPending", "subThread" or "prohibitSub"
        std::string state;
        std::optional<std::string> delivered; ///< a message id, base64url
    };
    std::optional<subscription> own;
    std::uint64_t size = 0;
    std::optional<waiting_message> first;
};
std::string to_json(const queue_info& value);
/// Error: failure::syntax.
result<queue_info> parse_queue_info(std::string_view json);

} // namespace plexus::smp
