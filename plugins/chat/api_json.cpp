#include "api_json.hpp"

#include "plexus/abi.hpp"
#include "plexus/chat/markdown.hpp"
#include "plexus/encoding/base64.hpp"

#include <algorithm>

namespace plexus::chat_plugin::api {
namespace {

struct feature {
    std::string_view name;
    std::string_view allow; ///< where a profile does not say
};
constexpr feature features[] = {{"timedMessages", "yes"}, {"fullDelete", "no"}, {"reactions", "yes"},
                                {"voice", "yes"},         {"files", "always"},  {"calls", "yes"},
                                {"sessions", "no"}};

/// What a profile says about a feature, or the default.
json::object preference(const json::object& profile, const feature& which) {
    const auto& given = object_in(object_in(profile, "preferences"), which.name);
    if (!given.empty()) return given;
    return {{"allow", which.allow}};
}

json::object full_preferences(const json::object& profile) {
    json::object out;
    for (const auto& one : features) out.emplace(one.name, preference(profile, one));
    const auto* commands = object_in(profile, "preferences").if_contains("commands");
    out.emplace("commands", commands != nullptr ? *commands : json::value(json::array()));
    return out;
}

/// What both sides together allow (Simplex.Chat.Types.Preferences, prefEnabled).
json::object merged_preference(const json::object& own, const json::object& theirs, bool asymmetric) {
    const auto mine = text_in(own, "allow");
    const auto other = text_in(theirs, "allow");
    bool for_user = mine != "no" && other != "no";
    bool for_contact = for_user;
    if (asymmetric && mine == "always" && other == "no") for_contact = true;
    if (asymmetric && mine == "no" && other == "always") for_user = true;
    return {{"enabled", {{"forUser", for_user}, {"forContact", for_contact}}},
            {"userPreference", {{"type", "user"}, {"preference", own}}},
            {"contactPreference", theirs}};
}

json::object merged_preferences(const json::object& own_profile, const json::object& profile) {
    json::object out;
    for (const auto& one : features)
        out.emplace(one.name, merged_preference(preference(own_profile, one), preference(profile, one),
                                                one.name != "timedMessages"));
    out.emplace("commands", json::array());
    return out;
}

json::object local_profile(std::uint64_t id, const json::object& profile) {
    json::object out{{"profileId", id}};
    for (const auto& [key, value] : profile) out.emplace(key, value);
    out.emplace("localAlias", "");
    return out;
}

} // namespace

std::string connection_text(std::uint64_t connection) {
    return encoding::base64url_encode(as_bytes(std::to_string(connection)));
}

json::object tagged(std::string_view type) { return {{"type", type}}; }

json::object user(const json::object& profile) {
    return {{"userId", 1},
            {"agentUserId", "1"},
            {"userContactId", 1},
            {"localDisplayName", text_in(profile, "displayName")},
            {"profile", local_profile(1, profile)},
            {"fullPreferences", full_preferences(profile)},
            {"activeUser", true},
            {"activeOrder", 1},
            {"showNtfs", true},
            {"sendRcptsContacts", true},
            {"sendRcptsSmallGroups", true},
            {"autoAcceptMemberContacts", false}};
}

json::object contact(const chat_plugin::contact& value, const json::object& own_profile) {
    json::object out{{"contactId", value.id},
                     {"localDisplayName", value.local_name},
                     {"profile", local_profile(value.id, value.profile)}};
    if (value.connection != 0) {
        const auto peer = value.peer_versions;
        out.emplace("activeConn",
                    json::object{{"connId", value.connection},
                                 {"agentConnId", connection_text(value.connection)},
                                 {"connChatVersion", std::min(peer.max, chat::supported_versions.max)},
                                 {"peerChatVRange", {{"minVersion", peer.min}, {"maxVersion", peer.max}}},
                                 {"connLevel", 0},
                                 {"viaGroupLink", false},
                                 {"connType", "contact"},
                                 {"connStatus", value.connection_status},
                                 {"contactConnInitiated", value.initiated},
                                 {"localAlias", ""},
                                 {"entityId", value.id},
                                 {"pqSupport", false},
                                 {"pqEncryption", false},
                                 {"authErrCounter", 0},
                                 {"quotaErrCounter", 0},
                                 {"createdAt", time_text(value.created)}});
    }
    out.emplace("contactUsed", true);
    out.emplace("contactStatus", value.deleted_by_peer ? "deleted" : "active");
    out.emplace("chatSettings", json::object{{"enableNtfs", "all"}, {"favorite", false}});
    out.emplace("userPreferences", json::object());
    out.emplace("mergedPreferences", merged_preferences(own_profile, value.profile));
    out.emplace("createdAt", time_text(value.created));
    out.emplace("updatedAt", time_text(value.updated));
    if (value.last_message != 0) out.emplace("chatTs", time_text(value.last_message));
    out.emplace("contactGrpInvSent", false);
    out.emplace("chatTags", json::array());
    out.emplace("chatDeleted", false);
    return out;
}

json::object direct_chat(json::object contact) {
    return {{"type", "direct"}, {"contact", std::move(contact)}};
}

json::object created_link(const std::string& full, const std::string& short_) {
    json::object out{{"connFullLink", full}};
    if (!short_.empty()) out.emplace("connShortLink", short_);
    return out;
}

json::object pending_connection(const link_under_way& value) {
    json::object out{{"pccConnId", value.connection},
                     {"pccAgentConnId", connection_text(value.connection)},
                     {"pccConnStatus", value.status},
                     {"viaContactUri", false}};
    if (!value.full.empty()) out.emplace("connLinkInv", created_link(value.full, value.short_));
    out.emplace("localAlias", "");
    out.emplace("createdAt", time_text(value.created));
    out.emplace("updatedAt", time_text(value.created));
    return out;
}

json::object sent_content(const json::object& content) {
    return {{"type", "sndMsgContent"}, {"msgContent", content}};
}
json::object received_content(const json::object& content) {
    return {{"type", "rcvMsgContent"}, {"msgContent", content}};
}

/// Nobody can join a group here so far, so it has no number of its own.
json::object group_invitation_content(const chat::group_invitation& invitation) {
    return {{"type", "rcvGroupInvitation"},
            {"groupInvitation",
             {{"groupId", 0},
              {"groupMemberId", 0},
              {"localDisplayName", text_in(invitation.profile, "displayName")},
              {"groupProfile", invitation.profile},
              {"status", "pending"}}},
            {"memberRole", invitation.role}};
}
json::object missed_call_content() { return {{"type", "rcvCall"}, {"status", "missed"}, {"duration", 0}}; }

json::object stored_item(const new_item& value) {
    json::object meta{{"itemId", value.id},
                      {"itemTs", time_text(value.time)},
                      {"itemText", value.text},
                      {"itemStatus", value.status}};
    if (!value.shared_id.empty()) meta.emplace("itemSharedMsgId", value.shared_id);
    meta.emplace("itemEdited", false);
    if (value.ttl_seconds) meta.emplace("itemTimed", json::object{{"ttl", *value.ttl_seconds}});
    if (value.live) meta.emplace("itemLive", true);
    meta.emplace("userMention", false);
    meta.emplace("deletable", value.editable);
    meta.emplace("editable", value.editable);
    meta.emplace("showGroupAsSender", false);
    meta.emplace("createdAt", time_text(value.now));
    meta.emplace("updatedAt", time_text(value.now));
    json::object out{{"chatDir", tagged(value.sent ? "directSnd" : "directRcv")},
                     {"meta", std::move(meta)},
                     {"content", value.content},
                     {"mentions", json::object()}};
    if (value.quoted) out.emplace("quotedItem", *value.quoted);
    out.emplace("reactions", json::array());
    if (value.file)
        out.emplace("file", json::object{{"fileId", value.id},
                                         {"fileName", value.file->name},
                                         {"fileSize", value.file->size},
                                         {"fileStatus", tagged("rcvInvitation")},
                                         {"fileProtocol", "xftp"}});
    return out;
}

json::object shown_item(const json::object& stored) {
    json::object out;
    for (const auto& [key, value] : stored) {
        out.emplace(key, value);
        if (key == "reactions")
            for (auto& one : out["reactions"].get_array()) one.get_object().erase(peer_reacted);
        if (key != "mentions") continue;
        const auto& content = object_in(object_in(stored, "content"), "msgContent");
        if (auto formatted = chat::parse_markdown(text_in(content, "text")))
            out.emplace("formattedText", *formatted);
    }
    if (auto* quoted = out.if_contains("quotedItem")) {
        auto& object = quoted->get_object();
        if (auto formatted = chat::parse_markdown(text_in(object_in(object, "content"), "text")))
            object.emplace("formattedText", *formatted);
    }
    return out;
}

json::object item_in_chat(const json::object& chat_info, const json::object& stored) {
    return {{"chatInfo", chat_info}, {"chatItem", shown_item(stored)}};
}

namespace {
json::object wrap(json::object chat_error) {
    return {{"type", "chatCmdError"}, {"chatError", std::move(chat_error)}};
}
} // namespace

json::object error_type(json::object type) {
    return wrap({{"type", "error"}, {"errorType", std::move(type)}});
}
json::object store_error(json::object type) {
    return wrap({{"type", "errorStore"}, {"storeError", std::move(type)}});
}
json::object command_error(std::string_view message) {
    return error_type({{"type", "commandError"}, {"message", message}});
}

json::object agent_error(const error& failure) {
    json::object type;
    if (failure.is(status::not_found) || failure.is(status::denied))
        type = {{"type", "SMP"}, {"smpErr", {{"type", "AUTH"}}}};
    else if (failure.is(status::unreachable) || failure.is(status::refused) || failure.is(status::timeout) ||
             failure.is(status::closed) || failure.is(status::identity))
        type = {{"type", "BROKER"}, {"brokerErr", {{"type", "NETWORK"}}}};
    else if (failure.is(status::invalid))
        type = {{"type", "CMD"}, {"cmdErr", {{"type", "PROHIBITED"}}}};
    else
        type = {{"type", "INTERNAL"}, {"internalErr", failure.message()}};
    return wrap({{"type", "errorAgent"}, {"agentError", std::move(type)}, {"message", failure.message()}});
}

} // namespace plexus::chat_plugin::api
