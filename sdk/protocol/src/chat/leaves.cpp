#include "leaves.hpp"

#include "iso_time.hpp"
#include "message_json.hpp"

#include "plexus/agent/link.hpp"
#include "plexus/encoding/base64.hpp"
#include "plexus/encoding/version.hpp"

#include <array>
#include <cmath>

namespace plexus::chat::schema {
namespace {

result<std::string_view> as_view(const json::value& value, const place& where) {
    const auto* text = value.if_string();
    if (text == nullptr) return refuse(where, "is not a text");
    return std::string_view(*text);
}

/// Links stay as they were written; `short_allowed` and `full_allowed` say which forms are taken.
result<json::value> check_link(const json::value& value, const place& where, agent::connection_mode mode,
                               bool full_allowed, bool short_allowed) {
    PLEXUS_TRY(const auto text, as_view(value, where));
    const auto link = agent::parse_link(text);
    if (!link) return refuse(where, "is not a SimpleX link: " + link.error().message());
    const bool full = std::holds_alternative<agent::connection_request>(*link);
    if (agent::mode_of(*link) != mode || !(full ? full_allowed : short_allowed))
        return refuse(where, "is another kind of link");
    return value;
}

} // namespace

result<json::value> check_text(const json::value& value, const place& where) {
    PLEXUS_CHECK(as_view(value, where));
    return value;
}

result<json::value> check_one_word(const json::value& value, const place& where) {
    PLEXUS_TRY(const auto text, as_view(value, where));
    if (text.find(' ') != std::string_view::npos) return refuse(where, "has a space");
    return value;
}

result<json::value> check_boolean(const json::value& value, const place& where) {
    if (!value.is_bool()) return refuse(where, "is neither true nor false");
    return value;
}

result<json::value> check_integer(const json::value& value, const place& where) {
    if (value.is_int64() || value.is_uint64()) return value;
    constexpr double limit = 9223372036854775808.0; // 2^63
    if (const auto* number = value.if_double();
        number != nullptr && *number == std::trunc(*number) && *number >= -limit && *number < limit)
        return json::value(static_cast<std::int64_t>(*number));
    return refuse(where, "is not an integer");
}

result<json::value> check_base64(const json::value& value, const place& where) {
    PLEXUS_TRY(const auto text, as_view(value, where));
    const auto data = encoding::base64url_decode(text);
    if (!data || data->empty()) return refuse(where, "is not base64url");
    return json::value(encoding::base64url_encode(*data));
}

result<json::value> check_time(const json::value& value, const place& where) {
    PLEXUS_TRY(const auto text, as_view(value, where));
    const auto normal = normal_time(text);
    if (!normal) return refuse(where, "is not a time such as 2025-07-01T10:20:30Z");
    return json::value(*normal);
}

result<json::value> check_versions(const json::value& value, const place& where) {
    PLEXUS_TRY(const auto text, as_view(value, where));
    const auto range = encoding::parse_version_range(text);
    if (!range) return refuse(where, "is not a version range such as 1-16");
    return json::value(encoding::to_text(*range));
}

result<json::value> check_invitation_link(const json::value& value, const place& where) {
    return check_link(value, where, agent::connection_mode::invitation, true, false);
}
result<json::value> check_contact_link(const json::value& value, const place& where) {
    return check_link(value, where, agent::connection_mode::contact, true, true);
}
result<json::value> check_short_invitation_link(const json::value& value, const place& where) {
    return check_link(value, where, agent::connection_mode::invitation, false, true);
}
result<json::value> check_short_contact_link(const json::value& value, const place& where) {
    return check_link(value, where, agent::connection_mode::contact, false, true);
}

result<json::value> check_x25519_key(const json::value& value, const place& where) {
    PLEXUS_TRY(const auto text, as_view(value, where));
    constexpr std::array<std::uint8_t, 12> prefix{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                                  0x2b, 0x65, 0x6e, 0x03, 0x21, 0};
    const auto der = encoding::base64url_decode(text);
    if (!der || der->size() != prefix.size() + 32 || !equal(bytes_view(*der).first(prefix.size()), prefix))
        return refuse(where, "is not an X25519 key");
    return json::value(encoding::base64url_encode(*der));
}

result<json::value> check_message(const json::value& value, const place& where) {
    auto inner = parse_message(value);
    if (!inner) return refuse(where, "is not a message: " + inner.error().message());
    return message_json(*inner);
}

} // namespace plexus::chat::schema
