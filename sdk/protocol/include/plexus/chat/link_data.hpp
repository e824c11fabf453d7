// What the owner of a short link shows before anybody joins: the user data of the link, as JSON. Used by the
// chat plugin when it makes and looks at links.
#pragma once

#include "plexus/chat/message.hpp"

namespace plexus::chat {

/// Of invitations and addresses.
struct contact_link_data {
    json::object profile;
    std::optional<json::object> message; ///< content of a greeting
    bool business = false;
};
struct group_link_data {
    json::object profile;
};

/// User data over this many bytes is "X" and a zstd frame.
inline constexpr std::size_t plain_link_data_length = 10240;

bytes encode(const contact_link_data& data);
bytes encode(const group_link_data& data);
result<contact_link_data> parse_contact_link_data(bytes_view data);
result<group_link_data> parse_group_link_data(bytes_view data);

} // namespace plexus::chat
