// What the messenger remembers of its user, contacts and links under way, and how that is written down.
#pragma once

#include "plexus/chat/event.hpp"
#include "plexus/result.hpp"

#include <cstdint>
#include <string>

namespace plexus::chat_plugin {

namespace json = boost::json;

/// Microseconds since 1970 UTC, as official clients show times.
using micros = std::int64_t;
std::string time_text(micros time);

struct contact {
    std::uint64_t id = 0;
    std::uint64_t connection = 0;
    std::string local_name;        ///< unique: the display name, or "name_1"
    json::object profile;          ///< as the peer sent it
    std::string connection_status; ///< "requested", "accepted", "snd-ready", "ready", "deleted"
    bool initiated = false;        ///< our link
    bool deleted_by_peer = false;
    encoding::version_range peer_versions{1, 1};
    micros created = 0;
    micros updated = 0;
    micros last_message = 0;

    bool is_ready() const { return connection_status == "ready" && !deleted_by_peer; }
};

/// A connection that is no contact yet.
struct link_under_way {
    std::uint64_t connection = 0;
    bool initiated = false;
    std::string full;
    std::string short_; ///< empty: none
    std::string status; ///< "new", "joined"
    micros created = 0;
};

json::object to_record(const contact& value);
json::object to_record(const link_under_way& value);
result<contact> contact_from_record(const json::object& record);
result<link_under_way> link_from_record(const json::object& record);

// Members of JSON objects; the empty value where there is none of that type.
std::string text_in(const json::object& object, std::string_view name);
std::uint64_t number_in(const json::object& object, std::string_view name);
bool flag_in(const json::object& object, std::string_view name);
const json::object& object_in(const json::object& object, std::string_view name);

} // namespace plexus::chat_plugin
