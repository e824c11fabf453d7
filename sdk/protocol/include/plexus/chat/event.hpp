// The events of chat messages that a messenger acts on, as structs; and the messages that it sends, made of
// values. Used by the chat plugin; what is not here arrives as other_event and is kept as JSON.
#pragma once

#include "plexus/chat/message.hpp"

namespace plexus::chat {

/// Content and profile objects are in canonical form (see `message`).
struct quote {
    std::string message_id; ///< empty if the quoted message had none
    std::string sent_at;
    bool sent = false; ///< by the author of the reply
    json::object content;
};
struct offered_file {
    std::string name;
    std::int64_t size = 0; ///< in bytes, as the sender says
};
struct new_message {
    json::object content;
    std::optional<offered_file> file;
    std::optional<quote> quoted;
    std::optional<std::int64_t> ttl_seconds;
    bool live = false;
    bool forwarded = false;
};
struct message_update {
    std::string message_id;
    json::object content;
    std::optional<std::int64_t> ttl_seconds;
    bool live = false;
};
struct message_delete {
    std::string message_id;
};
struct message_reaction {
    std::string message_id;
    json::object reaction;
    bool add = false;
};
struct peer_info {
    json::object profile;
};
/// Connection info of somebody who joins by an address; also understood from a one-time link's joiner.
struct contact_info {
    json::object profile;
    std::string message_id;
    std::optional<json::object> content;
};
struct direct_delete {};
/// A peer asks whether it knows us under another contact: `value` is the probe, or its hash, or our answer.
struct info_probe {
    enum class stage : std::uint8_t { probe, check, ok };
    stage step = stage::probe;
    std::string value;
};
/// Somebody asks us into a group.
struct group_invitation {
    json::object profile; ///< of the group
    std::string role;
};
struct call_invitation {};
struct ok_event {};
struct other_event {};

using event =
    std::variant<other_event, new_message, message_update, message_delete, message_reaction, peer_info,
                 contact_info, direct_delete, info_probe, group_invitation, call_invitation, ok_event>;
/// Reads a message that parse_messages or one of the functions below made.
event read_event(const message& value);

/// What a person is shown for a content: its text, with a word about what it is where the text says too
/// little.
std::string shown_text(const json::object& content);
json::object text_content(std::string_view text);

message make_info(json::object profile);
message make_new_message(std::string_view message_id, json::object content);
message make_direct_delete();
message make_probe(info_probe::stage step, std::string_view value);

/// A profile in canonical form; an error says which member is wrong.
result<json::object> read_profile(const json::value& value);

} // namespace plexus::chat
