#include "types.hpp"

#include <algorithm>
#include <string>

namespace plexus::chat::schema {
namespace {

constexpr bool optional = false;
constexpr shape invitation_link = leaf(check_invitation_link);
constexpr shape any_message = leaf(check_message);

constexpr field content_fields[] = {{"content", message_content},     {"file", file_invitation, optional},
                                    {"ttl", integer, optional},       {"live", boolean, optional},
                                    {"mentions", mentions, optional}, {"scope", message_scope, optional}};
constexpr field update_fields[] = {
    {"msgId", base64},          {"content", message_content}, {"mentions", mentions, optional},
    {"ttl", integer, optional}, {"live", boolean, optional},  {"scope", message_scope, optional}};
constexpr field file_description_fields[] = {{"msgId", base64}, {"fileDescr", file_description}};
constexpr field delete_fields[] = {
    {"msgId", base64}, {"memberId", base64, optional}, {"scope", message_scope, optional}};
constexpr field react_fields[] = {{"msgId", base64},
                                  {"memberId", base64, optional},
                                  {"scope", message_scope, optional},
                                  {"reaction", reaction},
                                  {"add", boolean}};
constexpr field file_fields[] = {{"file", file_invitation}};
constexpr field file_accept_fields[] = {{"fileName", text}};
constexpr field file_accept_invitation_fields[] = {
    {"msgId", base64}, {"fileConnReq", invitation_link, optional}, {"fileName", text}};
constexpr field message_id_fields[] = {{"msgId", base64}};
constexpr field profile_fields[] = {{"profile", profile}};
constexpr field contact_fields[] = {{"profile", profile},
                                    {"contactReqId", base64, optional},
                                    {"welcomeMsgId", base64, optional},
                                    {"msgId", base64, optional},
                                    {"content", message_content, optional}};
constexpr field group_invitation_fields[] = {{"groupInvitation", group_invitation}};
constexpr field member_id_fields[] = {{"memberId", base64}};
constexpr field group_link_invitation_fields[] = {{"groupLinkInvitation", group_link_invitation}};
constexpr field group_link_rejection_fields[] = {{"groupLinkRejection", group_link_rejection}};
constexpr field group_link_accept_fields[] = {
    {"acceptance", acceptance}, {"role", role}, {"memberId", base64}};
constexpr field member_new_fields[] = {{"memberInfo", member_info}, {"scope", message_scope, optional}};
constexpr field member_intro_fields[] = {{"memberInfo", member_info},
                                         {"memberRestrictions", member_restrictions, optional}};
constexpr field member_invitation_fields[] = {{"memberId", base64}, {"memberIntro", member_introduction}};
constexpr field member_forward_fields[] = {{"memberInfo", member_info}, {"memberIntro", member_introduction}};
constexpr field member_profile_fields[] = {{"memberId", base64}, {"profile", profile}};
constexpr field member_role_fields[] = {{"memberId", base64}, {"role", role}};
constexpr field member_restrict_fields[] = {{"memberId", base64},
                                            {"memberRestrictions", member_restrictions}};
constexpr field group_info_fields[] = {{"groupProfile", group_profile}};
constexpr field group_preferences_fields[] = {{"groupPreferences", group_preferences}};
constexpr field direct_invitation_fields[] = {
    {"connReq", invitation_link}, {"content", message_content, optional}, {"scope", message_scope, optional}};
constexpr field forward_fields[] = {
    {"memberId", base64}, {"memberName", text, optional}, {"msg", any_message}, {"msgTs", time}};
constexpr field probe_fields[] = {{"probe", base64}};
constexpr field probe_check_fields[] = {{"probeHash", base64}};
constexpr field call_invitation_fields[] = {{"callId", base64}, {"invitation", call_invitation}};
constexpr field call_offer_fields[] = {{"callId", base64}, {"offer", call_offer}};
constexpr field call_answer_fields[] = {{"callId", base64}, {"answer", call_answer}};
constexpr field call_extra_fields[] = {{"callId", base64}, {"extra", call_extra}};
constexpr field call_end_fields[] = {{"callId", base64}};

struct event_shape {
    std::string_view name;
    std::span<const field> fields;
};
constexpr event_shape events[] = {
    {"x.msg.new", content_fields},
    {"x.msg.file.descr", file_description_fields},
    {"x.msg.update", update_fields},
    {"x.msg.del", delete_fields},
    {"x.msg.deleted", {}},
    {"x.msg.react", react_fields},
    {"x.file", file_fields},
    {"x.file.acpt", file_accept_fields},
    {"x.file.acpt.inv", file_accept_invitation_fields},
    {"x.file.cancel", message_id_fields},
    {"x.info", profile_fields},
    {"x.contact", contact_fields},
    {"x.direct.del", {}},
    {"x.grp.inv", group_invitation_fields},
    {"x.grp.acpt", member_id_fields},
    {"x.grp.link.inv", group_link_invitation_fields},
    {"x.grp.link.reject", group_link_rejection_fields},
    {"x.grp.link.mem", profile_fields},
    {"x.grp.link.acpt", group_link_accept_fields},
    {"x.grp.mem.new", member_new_fields},
    {"x.grp.mem.intro", member_intro_fields},
    {"x.grp.mem.inv", member_invitation_fields},
    {"x.grp.mem.fwd", member_forward_fields},
    {"x.grp.mem.info", member_profile_fields},
    {"x.grp.mem.role", member_role_fields},
    {"x.grp.mem.restrict", member_restrict_fields},
    {"x.grp.mem.con", member_id_fields},
    {"x.grp.mem.con.all", member_id_fields},
    {"x.grp.mem.del", member_id_fields},
    {"x.grp.leave", {}},
    {"x.grp.del", {}},
    {"x.grp.info", group_info_fields},
    {"x.grp.prefs", group_preferences_fields},
    {"x.grp.direct.inv", direct_invitation_fields},
    {"x.grp.msg.forward", forward_fields},
    {"x.info.probe", probe_fields},
    {"x.info.probe.check", probe_check_fields},
    {"x.info.probe.ok", probe_fields},
    {"x.call.inv", call_invitation_fields},
    {"x.call.offer", call_offer_fields},
    {"x.call.answer", call_answer_fields},
    {"x.call.extra", call_extra_fields},
    {"x.call.end", call_end_fields},
    {"x.ok", {}},
};

void drop_empty_mentions(json::object& out) {
    if (const auto* mentioned = out.if_contains("mentions");
        mentioned != nullptr && mentioned->get_object().empty())
        out.erase("mentions");
}

/// A message is a reply, a comment, a forwarded one or a simple one: the first of these that parses.
void add_container(const json::object& params, json::object& out, const place& where) {
    constexpr std::pair<std::string_view, const shape*> references[] = {{"quote", &quoted_message},
                                                                        {"parent", &message_ref}};
    for (const auto& [name, type] : references) {
        if (const auto* reference = params.if_contains(name); reference != nullptr) {
            if (auto good = normalise(*type, *reference, where)) {
                out.emplace(name, std::move(*good));
                return;
            }
        }
    }
    const auto* forward = params.if_contains("forward");
    if (forward != nullptr && (forward->is_object() || (forward->is_bool() && forward->get_bool())))
        out.emplace("forward", true);
}

} // namespace

result<json::object> normalise_params(std::string_view event, const json::object& params) {
    const auto known = std::ranges::find(events, event, &event_shape::name);
    if (known == std::end(events)) return params;
    const place where{nullptr, event};
    PLEXUS_TRY(auto out, normalise(known->fields, params, where));
    drop_empty_mentions(out);
    if (event == "x.msg.new") add_container(params, out, where);
    if (event == "x.contact" && out.contains("msgId") != out.contains("content")) {
        out.erase("msgId");
        out.erase("content");
    }
    if (event == "x.grp.mem.del") {
        const auto* messages = params.if_contains("messages");
        if (messages != nullptr && messages->is_bool() && messages->get_bool()) out.emplace("messages", true);
    }
    return out;
}

} // namespace plexus::chat::schema
