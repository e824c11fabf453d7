// Commands of clients to a server (simplex-messaging.md, SMP commands), typed, with their encoding for each
// version. Byte fields are views: into the block that was parsed, or into what the caller lends for encoding.
#pragma once

#include "plexus/smp/address.hpp"

#include <variant>

namespace plexus::smp {

struct notifier_credentials {
    crypto::public_key key;
    crypto::public_key dh_key;
};

/// The command's word is in the comment where it differs from the name.
namespace cmd {
/// NEW. Below version 15 only `mode` goes out; below 17 no `notifier`.
struct create {
    crypto::public_key key;    ///< authorizes the recipient's commands
    crypto::public_key dh_key; ///< X25519, for the bodies of messages
    std::optional<bytes_view> password;
    bool subscribe = true;
    std::optional<queue_mode> mode;
    /// Of a queue with link data: the sender id (see crypto::id_from_correlation_id) and the data; a contact
    /// queue has its link id with them.
    struct link {
        bytes_view link_id; ///< empty for a messaging queue
        bytes_view sender_id;
        link_data data;
    };
    std::optional<link> data;
    std::optional<notifier_credentials> notifier;
};
struct sub {};
/// What the service believes it has; -1 and zeros below version 19.
struct subs {
    service_queues expected{-1, {}};
};
struct key {
    crypto::public_key sender_key;
};
struct rkey {
    std::vector<crypto::public_key> keys;
};
struct lset {
    bytes_view link_id;
    link_data data;
};
struct ldel {};
struct nkey {
    notifier_credentials credentials;
};
struct ndel {};
struct get {};
struct ack {
    bytes_view message_id;
};
struct off {};
struct del {};
struct que {};
struct skey {
    crypto::public_key sender_key;
};
struct send {
    message_flags flags;
    bytes_view body;
};
struct ping {};
struct lkey {
    crypto::public_key sender_key;
};
struct lget {};
struct nsub {};
struct nsubs {
    service_queues expected{-1, {}};
};
struct prxy {
    server_address server;
    std::optional<bytes_view> password;
};
struct pfwd {
    version relay_version = 0;
    crypto::public_key key;
    bytes_view transmission;
};
struct rfwd {
    bytes_view transmission;
};
/// RSLV: whose address a name is.
struct rslv {
    bytes_view name; ///< two labels or more, see is_resolvable_name
};
} // namespace cmd

using command =
    std::variant<cmd::create, cmd::sub, cmd::subs, cmd::key, cmd::rkey, cmd::lset, cmd::ldel, cmd::nkey,
                 cmd::ndel, cmd::get, cmd::ack, cmd::off, cmd::del, cmd::que, cmd::skey, cmd::send, cmd::ping,
                 cmd::lkey, cmd::lget, cmd::nsub, cmd::nsubs, cmd::prxy, cmd::pfwd, cmd::rfwd, cmd::rslv>;

/// All of `data`. Errors: failure::unknown_tag, failure::syntax.
result<command> parse_command(bytes_view data, version v);
void write(encoding::writer& out, const command& value, version v);
/// The word of a command, for logs and metrics.
std::string_view name(const command& value) noexcept;

/// Labels of letters, digits and single inner hyphens, 63 bytes at most, with dots between; 253 in all.
bool is_resolvable_name(std::string_view name) noexcept;

/// What the server refuses before it looks at the queue: authorization or entity id that the command must
/// have, or must not have.
std::optional<command_error> check_credentials(const command& value, bool authorized,
                                               bool has_entity) noexcept;
/// Whether a client service signs this command with its own key as well (NEW, SUB, NSUB).
bool has_service_signature(const command& value) noexcept;
/// Whether the service itself sends it, for all of its queues (SUBS, NSUBS): its key alone signs.
bool is_of_service(const command& value) noexcept;
/// The role that a connection of a service must have for it; nothing: any.
std::optional<service_role> role_of(const command& value) noexcept;
/// Whether a proxy may forward it.
bool may_be_forwarded(const command& value) noexcept;

} // namespace plexus::smp
