#include "plexus/chat/event.hpp"

#include "types.hpp"

namespace plexus::chat {
namespace {

std::string text_of(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(std::string_view(value->get_string()))
                                                  : std::string();
}
bool flag_of(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_bool() && value->get_bool();
}
std::optional<std::int64_t> number_of(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    if (value == nullptr || !value->is_int64()) return std::nullopt;
    return value->get_int64();
}
json::object object_of(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_object() ? value->get_object() : json::object();
}

std::optional<offered_file> read_file(const json::object& params) {
    if (!params.contains("file")) return std::nullopt;
    const auto file = object_of(params, "file");
    return offered_file{text_of(file, "fileName"), number_of(file, "fileSize").value_or(0)};
}

new_message read_new(const json::object& params) {
    new_message out;
    out.content = object_of(params, "content");
    out.file = read_file(params);
    out.ttl_seconds = number_of(params, "ttl");
    out.live = flag_of(params, "live");
    out.forwarded = flag_of(params, "forward");
    if (params.contains("quote")) {
        const auto quoted = object_of(params, "quote");
        const auto reference = object_of(quoted, "msgRef");
        out.quoted = quote{text_of(reference, "msgId"), text_of(reference, "sentAt"),
                           flag_of(reference, "sent"), object_of(quoted, "content")};
    }
    return out;
}

std::string duration_text(std::int64_t seconds) {
    auto two_digits = [](std::int64_t value) { return (value <= 9 ? "0" : "") + std::to_string(value); };
    return "(" + two_digits(seconds / 60) + ":" + two_digits(seconds % 60) + ")";
}

} // namespace

event read_event(const message& value) {
    const auto& name = value.event;
    const auto& params = value.params;
    if (name == "x.msg.new") return read_new(params);
    if (name == "x.msg.update")
        return message_update{text_of(params, "msgId"), object_of(params, "content"),
                              number_of(params, "ttl"), flag_of(params, "live")};
    if (name == "x.msg.del") return message_delete{text_of(params, "msgId")};
    if (name == "x.msg.react")
        return message_reaction{text_of(params, "msgId"), object_of(params, "reaction"),
                                flag_of(params, "add")};
    if (name == "x.info") return peer_info{object_of(params, "profile")};
    if (name == "x.contact") {
        contact_info out{object_of(params, "profile"), text_of(params, "msgId"), std::nullopt};
        if (params.contains("content")) out.content = object_of(params, "content");
        return out;
    }
    if (name == "x.direct.del") return direct_delete{};
    if (name == "x.info.probe") return info_probe{info_probe::stage::probe, text_of(params, "probe")};
    if (name == "x.info.probe.check")
        return info_probe{info_probe::stage::check, text_of(params, "probeHash")};
    if (name == "x.info.probe.ok") return info_probe{info_probe::stage::ok, text_of(params, "probe")};
    if (name == "x.grp.inv") {
        const auto invitation = object_of(params, "groupInvitation");
        return group_invitation{object_of(invitation, "groupProfile"),
                                text_of(object_of(invitation, "invitedMember"), "memberRole")};
    }
    if (name == "x.call.inv") return call_invitation{};
    if (name == "x.ok") return ok_event{};
    return other_event{};
}

std::string shown_text(const json::object& content) {
    const auto type = text_of(content, "type");
    auto text = text_of(content, "text");
    if (type == "voice") {
        const auto voice = "voice message " + duration_text(number_of(content, "duration").value_or(0));
        return text.empty() ? voice : voice + "; " + text;
    }
    if (type == "report") {
        const auto report = "report " + text_of(content, "reason");
        return text.empty() ? report : report + ": " + text;
    }
    if (!content.contains("text")) return "unknown message type";
    return text;
}

json::object text_content(std::string_view text) { return {{"type", "text"}, {"text", text}}; }

message make_info(json::object profile) {
    message out;
    out.event = "x.info";
    out.params.emplace("profile", std::move(profile));
    return out;
}
message make_new_message(std::string_view message_id, json::object content) {
    message out;
    out.message_id = message_id;
    out.event = "x.msg.new";
    out.params.emplace("content", std::move(content));
    return out;
}
message make_direct_delete() {
    message out;
    out.event = "x.direct.del";
    return out;
}
message make_probe(info_probe::stage step, std::string_view value) {
    message out;
    switch (step) {
    case info_probe::stage::probe: out.event = "x.info.probe"; break;
    case info_probe::stage::check: out.event = "x.info.probe.check"; break;
    case info_probe::stage::ok: out.event = "x.info.probe.ok"; break;
    }
    out.params.emplace(step == info_probe::stage::check ? "probeHash" : "probe", value);
    return out;
}

result<json::object> read_profile(const json::value& value) {
    PLEXUS_TRY(auto profile, schema::normalise(schema::profile, value, {nullptr, "profile"}));
    return std::move(profile.get_object());
}

} // namespace plexus::chat
