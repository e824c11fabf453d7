#include "records.hpp"

#include "plexus/encoding/text.hpp"

namespace plexus::chat_plugin {
namespace {

error damaged(const char* what) {
    return error("plexus.chat", 1,
                 std::string("a stored ") + what + " is damaged; restore the database from a backup");
}

} // namespace

std::string time_text(micros time) {
    return encoding::to_text(encoding::time_point(std::chrono::microseconds(time)));
}

std::string text_in(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(std::string_view(value->get_string()))
                                                  : std::string();
}
std::uint64_t number_in(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    if (value == nullptr) return 0;
    if (value->is_int64()) return static_cast<std::uint64_t>(value->get_int64());
    return value->is_uint64() ? value->get_uint64() : 0;
}
bool flag_in(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_bool() && value->get_bool();
}
const json::object& object_in(const json::object& object, std::string_view name) {
    static const json::object none;
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_object() ? value->get_object() : none;
}

json::object to_record(const contact& value) {
    return {{"id", value.id},
            {"connection", value.connection},
            {"localName", value.local_name},
            {"profile", value.profile},
            {"connectionStatus", value.connection_status},
            {"initiated", value.initiated},
            {"deletedByPeer", value.deleted_by_peer},
            {"peerVersions", encoding::to_text(value.peer_versions)},
            {"created", value.created},
            {"updated", value.updated},
            {"lastMessage", value.last_message}};
}

result<contact> contact_from_record(const json::object& record) {
    contact out;
    out.id = number_in(record, "id");
    out.connection = number_in(record, "connection");
    out.local_name = text_in(record, "localName");
    out.profile = object_in(record, "profile");
    out.connection_status = text_in(record, "connectionStatus");
    out.initiated = flag_in(record, "initiated");
    out.deleted_by_peer = flag_in(record, "deletedByPeer");
    const auto versions = encoding::parse_version_range(text_in(record, "peerVersions"));
    if (out.id == 0 || out.local_name.empty() || !versions) return damaged("contact");
    out.peer_versions = *versions;
    out.created = static_cast<micros>(number_in(record, "created"));
    out.updated = static_cast<micros>(number_in(record, "updated"));
    out.last_message = static_cast<micros>(number_in(record, "lastMessage"));
    return out;
}

json::object to_record(const link_under_way& value) {
    return {{"connection", value.connection}, {"initiated", value.initiated}, {"full", value.full},
            {"short", value.short_},          {"status", value.status},       {"created", value.created}};
}

result<link_under_way> link_from_record(const json::object& record) {
    link_under_way out{number_in(record, "connection"), flag_in(record, "initiated"),
                       text_in(record, "full"),         text_in(record, "short"),
                       text_in(record, "status"),       static_cast<micros>(number_in(record, "created"))};
    if (out.connection == 0) return damaged("link");
    return out;
}

} // namespace plexus::chat_plugin
