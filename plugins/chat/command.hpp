// The text of commands, as people type them in the official terminal app and as bots send them.
#pragma once

#include "plexus/chat/message.hpp"

#include <variant>

namespace plexus::chat_plugin {

namespace json = boost::json;

namespace commands {

struct show_user {};
struct list_users {};
struct create_user {
    json::object profile;
};
struct start_chat {};
struct version {};
struct help {};
struct create_link {};
struct connect {
    std::string link;
};
struct list_contacts {};
struct list_chats {};
/// A contact by name, or by number where the name is empty.
struct chat_ref {
    std::string name;
    std::uint64_t id = 0;
};
struct send {
    chat_ref to;
    std::vector<json::object> contents; ///< at least one
};
struct tail {
    std::optional<chat_ref> from;
    std::uint64_t count = 10;
};
struct get_chat {
    chat_ref from;
    std::uint64_t count = 100;
    std::string search;
};
struct remove_contact {
    chat_ref which;
    bool notify = true;
};
struct security_code {
    chat_ref of;
};

struct show_network {};
struct set_network {
    json::object change; ///< as plexus.network/0 takes it
};
struct renew_network {};

} // namespace commands

using command =
    std::variant<commands::show_user, commands::list_users, commands::create_user, commands::start_chat,
                 commands::version, commands::help, commands::create_link, commands::connect,
                 commands::list_contacts, commands::list_chats, commands::send, commands::tail,
                 commands::get_chat, commands::remove_contact, commands::security_code,
                 commands::show_network, commands::set_network, commands::renew_network>;

/// Errors are sentences that say how the command is written.
result<command> parse_command(std::string_view text);

} // namespace plexus::chat_plugin
