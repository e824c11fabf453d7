#include "types.hpp"

namespace plexus::chat::schema {
namespace {

constexpr bool optional = false;

constexpr std::string_view allowed_words[] = {"always", "yes", "no"};
constexpr std::string_view enabled_words[] = {"on", "off"};
constexpr std::string_view role_words[] = {"observer", "author", "member", "moderator", "admin", "owner"};
constexpr std::string_view acceptance_words[] = {"accepted", "pending", "pending_review"};
constexpr std::string_view peer_words[] = {"human", "bot"};
constexpr std::string_view inline_words[] = {"offer", "sent"};
constexpr std::string_view criteria_words[] = {"all"};
constexpr std::string_view business_words[] = {"business", "customer"};
constexpr std::string_view media_words[] = {"audio", "video"};

constexpr shape one_word = leaf(check_one_word);
constexpr shape versions = leaf(check_versions);
constexpr shape invitation_link = leaf(check_invitation_link);
constexpr shape contact_link = leaf(check_contact_link);
constexpr shape short_invitation_link = leaf(check_short_invitation_link);
constexpr shape short_contact_link = leaf(check_short_contact_link);
constexpr shape x25519_key = leaf(check_x25519_key);
constexpr shape allowed = word(allowed_words);
constexpr shape enabled = word(enabled_words);
constexpr shape peer_type = word(peer_words);
constexpr shape inline_mode = word(inline_words);
constexpr shape criteria = word(criteria_words);
constexpr shape business_type = word(business_words);
constexpr shape media = word(media_words);

// Content of messages.
constexpr field video_link_fields[] = {{"duration", integer, optional}};
constexpr alternative link_choices[] = {{"page", {}}, {"image", {}}, {"video", video_link_fields}};
constexpr shape link_content{
    .what = kind::tagged, .choices = link_choices, .keep_unknown = true, .keep_invalid = true};
constexpr field preview_fields[] = {{"uri", text},
                                    {"title", text},
                                    {"description", text},
                                    {"image", text},
                                    {"content", link_content, optional}};
constexpr shape link_preview = record(preview_fields);

constexpr field contact_link_fields[] = {
    {"connLink", short_contact_link}, {"profile", profile}, {"business", boolean}};
constexpr field invitation_link_fields[] = {{"invLink", short_invitation_link}, {"profile", profile}};
constexpr field group_link_fields[] = {{"connLink", short_contact_link}, {"groupProfile", group_profile}};
constexpr alternative chat_link_choices[] = {
    {"contact", contact_link_fields}, {"invitation", invitation_link_fields}, {"group", group_link_fields}};
constexpr shape chat_link{.what = kind::tagged, .choices = chat_link_choices};

constexpr field text_fields[] = {{"text", text}};
constexpr field link_fields[] = {{"text", text}, {"preview", link_preview}};
constexpr field image_fields[] = {{"text", text}, {"image", text}};
constexpr field video_fields[] = {{"text", text}, {"image", text}, {"duration", integer}};
constexpr field voice_fields[] = {{"text", text}, {"duration", integer}};
constexpr field report_fields[] = {{"text", text}, {"reason", one_word}};
constexpr field chat_fields[] = {{"text", text}, {"chatLink", chat_link}};
constexpr alternative content_choices[] = {
    {"text", text_fields},   {"link", link_fields}, {"image", image_fields},   {"video", video_fields},
    {"voice", voice_fields}, {"file", text_fields}, {"report", report_fields}, {"chat", chat_fields}};
constexpr shape known_content{.what = kind::tagged, .choices = content_choices, .keep_unknown = true};

result<json::value> check_content(const json::value& value, const place& where) {
    PLEXUS_TRY(auto content, normalise(known_content, value, where));
    const auto& object = content.get_object();
    if (const auto* shown = object.if_contains("text");
        shown != nullptr && !shown->is_string() && !shown->is_null())
        return refuse({&where, "text"}, "is not a text");
    if (std::string_view(object.at("type").get_string()).find(' ') != std::string_view::npos)
        return refuse({&where, "type"}, "has a space");
    return content;
}

// A scope and an unknown kind of emoji are kept as they came.
constexpr std::string_view emoji_words[] = {"👍", "👎", "😀", "😂", "😢", "❤", "🚀", "✅"};
constexpr shape emoji = word(emoji_words);
constexpr field emoji_fields[] = {{"emoji", emoji}};
constexpr alternative reaction_choices[] = {{"emoji", emoji_fields}};

constexpr field member_scope_fields[] = {{"memberId", base64}};
constexpr alternative scope_choices[] = {{"member", member_scope_fields}};
constexpr field message_ref_fields[] = {
    {"msgId", base64, optional}, {"sentAt", time}, {"sent", boolean}, {"memberId", base64, optional}};
constexpr field quoted_fields[] = {{"msgRef", message_ref}, {"content", message_content}};
constexpr field mention_fields[] = {{"memberId", base64}};
constexpr shape mention = record(mention_fields);

// Files.
constexpr field file_description_fields[] = {
    {"fileDescrText", text}, {"fileDescrPartNo", integer}, {"fileDescrComplete", boolean}};
constexpr field file_fields[] = {{"fileName", text},
                                 {"fileSize", integer},
                                 {"fileDigest", base64, optional},
                                 {"fileConnReq", invitation_link, optional},
                                 {"fileInline", inline_mode, optional},
                                 {"fileDescr", file_description, optional}};

// Profiles and preferences.
extern const shape bot_command;
constexpr shape bot_commands = list(bot_command);
constexpr field command_fields[] = {{"keyword", text}, {"label", text}, {"params", text, optional}};
constexpr field menu_fields[] = {{"label", text}, {"commands", bot_commands}};
constexpr alternative command_choices[] = {{"command", command_fields}, {"menu", menu_fields}};
const shape bot_command{.what = kind::tagged, .choices = command_choices};

constexpr field allow_fields[] = {{"allow", allowed}};
constexpr field timed_allow_fields[] = {{"allow", allowed}, {"ttl", integer, optional}};
constexpr shape allow = record(allow_fields);
constexpr shape timed_allow = record(timed_allow_fields);
constexpr field preferences_fields[] = {{"timedMessages", timed_allow, optional},
                                        {"fullDelete", allow, optional},
                                        {"reactions", allow, optional},
                                        {"voice", allow, optional},
                                        {"files", allow, optional},
                                        {"calls", allow, optional},
                                        {"sessions", allow, optional},
                                        {"commands", bot_commands, optional}};
constexpr field profile_fields[] = {{"displayName", text},
                                    {"fullName", text},
                                    {"shortDescr", text, optional},
                                    {"image", text, optional},
                                    {"contactLink", contact_link, optional},
                                    {"preferences", preferences, optional},
                                    {"peerType", peer_type, optional}};

constexpr field enable_fields[] = {{"enable", enabled}};
constexpr field timed_enable_fields[] = {{"enable", enabled}, {"ttl", integer, optional}};
constexpr field role_enable_fields[] = {{"enable", enabled}, {"role", role, optional}};
constexpr shape enable = record(enable_fields);
constexpr shape timed_enable = record(timed_enable_fields);
constexpr shape role_enable = record(role_enable_fields);
constexpr field group_preferences_fields[] = {{"timedMessages", timed_enable, optional},
                                              {"directMessages", role_enable, optional},
                                              {"fullDelete", role_enable, optional},
                                              {"reactions", enable, optional},
                                              {"voice", role_enable, optional},
                                              {"files", role_enable, optional},
                                              {"simplexLinks", role_enable, optional},
                                              {"reports", enable, optional},
                                              {"history", enable, optional},
                                              {"sessions", role_enable, optional},
                                              {"commands", bot_commands, optional}};
constexpr field admission_fields[] = {{"review", criteria, optional}};
constexpr shape admission = record(admission_fields);
constexpr field group_profile_fields[] = {{"displayName", text},
                                          {"fullName", text},
                                          {"shortDescr", text, optional},
                                          {"description", text, optional},
                                          {"image", text, optional},
                                          {"groupPreferences", group_preferences, optional},
                                          {"memberAdmission", admission, optional}};

// Groups.
constexpr field member_role_fields[] = {{"memberId", base64}, {"memberRole", role}};
constexpr shape member_role = record(member_role_fields);
constexpr field business_fields[] = {
    {"chatType", business_type}, {"businessId", base64}, {"customerId", base64}};
constexpr shape business = record(business_fields);
constexpr field group_invitation_fields[] = {
    {"fromMember", member_role},     {"invitedMember", member_role},   {"connRequest", invitation_link},
    {"groupProfile", group_profile}, {"business", business, optional}, {"groupLinkId", base64, optional},
    {"groupSize", integer, optional}};
constexpr field group_link_invitation_fields[] = {
    {"fromMember", member_role},     {"fromMemberName", text},           {"invitedMember", member_role},
    {"groupProfile", group_profile}, {"accepted", acceptance, optional}, {"business", business, optional},
    {"groupSize", integer, optional}};
constexpr field group_link_rejection_fields[] = {{"fromMember", member_role},
                                                 {"invitedMember", member_role},
                                                 {"groupProfile", group_profile},
                                                 {"rejectionReason", text}};
constexpr field member_info_fields[] = {
    {"memberId", base64}, {"memberRole", role}, {"v", versions, optional}, {"profile", profile}};
constexpr field restrictions_fields[] = {{"restriction", text}};
constexpr field introduction_fields[] = {{"groupConnReq", invitation_link},
                                         {"directConnReq", invitation_link, optional}};

// Calls.
constexpr field capabilities_fields[] = {{"encryption", boolean}};
constexpr shape capabilities = record(capabilities_fields);
constexpr field call_type_fields[] = {{"media", media}, {"capabilities", capabilities}};
constexpr shape call_type = record(call_type_fields);
constexpr field rtc_session_fields[] = {{"rtcSession", text}, {"rtcIceCandidates", text}};
constexpr shape rtc_session = record(rtc_session_fields);
constexpr field rtc_extra_fields[] = {{"rtcIceCandidates", text}};
constexpr shape rtc_extra = record(rtc_extra_fields);
constexpr field call_invitation_fields[] = {{"callType", call_type}, {"callDhPubKey", x25519_key, optional}};
constexpr field call_offer_fields[] = {
    {"callType", call_type}, {"rtcSession", rtc_session}, {"callDhPubKey", x25519_key, optional}};
constexpr field call_answer_fields[] = {{"rtcSession", rtc_session}};
constexpr field call_extra_fields[] = {{"rtcExtraInfo", rtc_extra}};

} // namespace

constexpr shape text = leaf(check_text);
constexpr shape boolean = leaf(check_boolean);
constexpr shape integer = leaf(check_integer);
constexpr shape base64 = leaf(check_base64);
constexpr shape time = leaf(check_time);
constexpr shape role = word(role_words);
constexpr shape acceptance = word(acceptance_words);
constexpr shape message_scope{.what = kind::tagged, .choices = scope_choices};
constexpr shape message_ref = record(message_ref_fields);
constexpr shape quoted_message = record(quoted_fields);
constexpr shape message_content = leaf(check_content);
constexpr shape reaction{
    .what = kind::tagged, .choices = reaction_choices, .keep_unknown = true, .keep_invalid = true};
constexpr shape mentions = map(mention);
constexpr shape file_invitation = record(file_fields);
constexpr shape file_description = record(file_description_fields);
constexpr shape profile = record(profile_fields);
constexpr shape preferences = record(preferences_fields);
constexpr shape group_profile = record(group_profile_fields);
constexpr shape group_preferences = record(group_preferences_fields);
constexpr shape group_invitation = record(group_invitation_fields);
constexpr shape group_link_invitation = record(group_link_invitation_fields);
constexpr shape group_link_rejection = record(group_link_rejection_fields);
constexpr shape member_info = record(member_info_fields);
constexpr shape member_restrictions = record(restrictions_fields);
constexpr shape member_introduction = record(introduction_fields);
constexpr shape call_invitation = record(call_invitation_fields);
constexpr shape call_offer = record(call_offer_fields);
constexpr shape call_answer = record(call_answer_fields);
constexpr shape call_extra = record(call_extra_fields);

} // namespace plexus::chat::schema
