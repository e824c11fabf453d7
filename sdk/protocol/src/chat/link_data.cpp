#include "plexus/chat/link_data.hpp"

#include "types.hpp"
#include "zstd_frame.hpp"

#include <boost/json/parse.hpp>

namespace plexus::chat {
namespace {

constexpr schema::field contact_fields[] = {{"profile", schema::profile},
                                            {"message", schema::message_content, false},
                                            {"business", schema::boolean, false}};
constexpr schema::field group_fields[] = {{"groupProfile", schema::group_profile}};

bytes encode_text(const json::value& value) {
    const auto text = ordered_json(value);
    if (text.size() <= plain_link_data_length) return to_bytes(text);
    const auto frame = compress(as_bytes(text));
    return concat({as_bytes("X"), frame});
}

result<json::object> parse_text(std::span<const schema::field> fields, bytes_view data) {
    bytes plain;
    if (!data.empty() && data.front() == 'X') {
        PLEXUS_TRY(plain, decompress(data.subspan(1), max_decompressed_length));
        data = plain;
    }
    json::error_code failure;
    const auto value = json::parse(as_text(data), failure);
    if (failure) return make_error(chat_error::syntax, "the link's data is not JSON: " + failure.message());
    if (!value.is_object()) return make_error(chat_error::invalid, "the link's data is not a JSON object");
    return schema::normalise(fields, value.get_object(), {nullptr, "link data"});
}

} // namespace

bytes encode(const contact_link_data& data) {
    json::object out;
    out.emplace("profile", data.profile);
    if (data.message) out.emplace("message", *data.message);
    out.emplace("business", data.business);
    return encode_text(std::move(out));
}

bytes encode(const group_link_data& data) {
    json::object out;
    out.emplace("groupProfile", data.profile);
    return encode_text(std::move(out));
}

result<contact_link_data> parse_contact_link_data(bytes_view data) {
    PLEXUS_TRY(auto fields, parse_text(contact_fields, data));
    contact_link_data out;
    out.profile = std::move(fields.at("profile").get_object());
    if (auto* message = fields.if_contains("message")) out.message = std::move(message->get_object());
    if (const auto* business = fields.if_contains("business")) out.business = business->get_bool();
    return out;
}

result<group_link_data> parse_group_link_data(bytes_view data) {
    PLEXUS_TRY(auto fields, parse_text(group_fields, data));
    return group_link_data{std::move(fields.at("groupProfile").get_object())};
}

} // namespace plexus::chat
