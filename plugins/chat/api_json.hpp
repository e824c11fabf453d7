// The shapes of the official bot API: users, contacts, chat items, errors (bots/api/TYPES.md). Everything
// that user interfaces read is made here.
#pragma once

#include "records.hpp"

#include "plexus/chat/event.hpp"

namespace plexus::chat_plugin::api {

/// The one user; `profile` as it is sent to contacts.
json::object user(const json::object& profile);
json::object contact(const chat_plugin::contact& value, const json::object& own_profile);
/// "chatInfo" of a direct chat.
json::object direct_chat(json::object contact);
json::object pending_connection(const link_under_way& value);
/// "agentConnId"
std::string connection_text(std::uint64_t connection);
json::object created_link(const std::string& full, const std::string& short_);

/// A chat item as it is stored; `shown_item` adds what is worked out for display.
struct new_item {
    std::uint64_t id = 0;
    bool sent = false;
    micros time = 0; ///< of the sender
    micros now = 0;
    std::string shared_id; ///< empty: none
    std::string text;
    json::object content;
    json::object status;
    std::optional<json::object> quoted;
    std::optional<chat::offered_file> file;
    std::optional<std::int64_t> ttl_seconds;
    bool live = false;
    bool editable = false;
};
/// In a stored reaction: the contact is one of those who reacted. Not shown.
inline constexpr const char* peer_reacted = "peerReacted";
json::object stored_item(const new_item& value);
json::object shown_item(const json::object& stored);
/// {"chatInfo", "chatItem"}
json::object item_in_chat(const json::object& chat_info, const json::object& stored);

json::object sent_content(const json::object& content);
json::object received_content(const json::object& content);
json::object group_invitation_content(const chat::group_invitation& invitation);
json::object missed_call_content();

/// {"type": type}
json::object tagged(std::string_view type);
/// Errors of commands: {"type":"chatCmdError","chatError":{...}}.
json::object command_error(std::string_view message);
json::object error_type(json::object type);
json::object store_error(json::object type);
/// What the agent or the store said, with its sentence for people in "message".
json::object agent_error(const error& failure);

} // namespace plexus::chat_plugin::api
