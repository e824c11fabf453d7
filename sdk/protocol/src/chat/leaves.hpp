// The scalar values of chat messages and what each accepts: texts, numbers, base64url, times, versions,
// links.
#pragma once

#include "schema.hpp"

namespace plexus::chat::schema {

result<json::value> check_text(const json::value&, const place&);
/// A text that is one word: it ends at no space.
result<json::value> check_one_word(const json::value&, const place&);
result<json::value> check_boolean(const json::value&, const place&);
/// An integer in any notation ("3600", "3.6e3") that fits into 64 bits.
result<json::value> check_integer(const json::value&, const place&);
/// base64url, never empty; padding is added.
result<json::value> check_base64(const json::value&, const place&);
/// ISO 8601 with any offset, to UTC.
result<json::value> check_time(const json::value&, const place&);
result<json::value> check_versions(const json::value&, const place&);
result<json::value> check_invitation_link(const json::value&, const place&);
result<json::value> check_contact_link(const json::value&, const place&);
result<json::value> check_short_invitation_link(const json::value&, const place&);
result<json::value> check_short_contact_link(const json::value&, const place&);
/// An X25519 key in DER, base64url.
result<json::value> check_x25519_key(const json::value&, const place&);
/// A whole message (x.grp.msg.forward).
result<json::value> check_message(const json::value&, const place&);

} // namespace plexus::chat::schema
