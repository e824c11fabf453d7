// The shapes of the parts that chat messages are made of (Simplex.Chat.Protocol, Types, Types.Preferences).
#pragma once

#include "leaves.hpp"

namespace plexus::chat::schema {

extern const shape text, boolean, integer, base64, time;
extern const shape role, acceptance, message_scope, message_ref, quoted_message, message_content, reaction;
extern const shape mentions, file_invitation, file_description, profile, preferences;
extern const shape group_profile, group_preferences, group_invitation, group_link_invitation,
    group_link_rejection;
extern const shape member_info, member_restrictions, member_introduction;
extern const shape call_invitation, call_offer, call_answer, call_extra;

/// The parameters of an event in canonical form; those of an unknown event as they are.
result<json::object> normalise_params(std::string_view event, const json::object& params);

} // namespace plexus::chat::schema
