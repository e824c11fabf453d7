#include "plexus/chat/message.hpp"

#include "batch.hpp"
#include "leaves.hpp"
#include "message_json.hpp"
#include "types.hpp"

#include "plexus/encoding/reader.hpp"

#include <boost/json/parse.hpp>

namespace plexus::chat {
namespace {

using messages = std::vector<result<any_message>>;

result<json::value> parse_json(bytes_view text) {
    json::error_code failure;
    auto value = json::parse(as_text(text), failure);
    if (failure) return make_error(chat_error::syntax, "not JSON: " + failure.message());
    return value;
}

result<any_message> parse_object(const json::value& value) {
    PLEXUS_TRY(auto parsed, parse_message(value));
    return any_message(std::move(parsed));
}

result<any_message> parse_binary(bytes_view body) {
    encoding::reader in(body);
    in.expect("F");
    in.short_bytes();
    file_chunk chunk;
    chunk.message_id = to_bytes(in.short_bytes());
    chunk.number = in.u8();
    chunk.data = to_bytes(in.tail());
    if (!in.ok()) return make_error(chat_error::syntax, "neither JSON nor a known binary message");
    if (chunk.number == 0 && !chunk.data.empty())
        return make_error(chat_error::invalid, "data after the cancellation of a file");
    return any_message(std::move(chunk));
}

messages parse_plain(bytes_view body) {
    messages out;
    if (body.empty()) {
        out.emplace_back(make_error(chat_error::syntax, "an empty message"));
        return out;
    }
    if (body.front() != '{' && body.front() != '[') {
        out.push_back(parse_binary(body));
        return out;
    }
    auto value = parse_json(body);
    if (!value) {
        out.emplace_back(std::move(value).error());
    } else if (value->is_object()) {
        out.push_back(parse_object(*value));
    } else {
        out.reserve(value->get_array().size());
        for (const auto& item : value->get_array()) out.push_back(parse_object(item));
    }
    return out;
}

} // namespace

result<message> parse_message(const json::value& value) {
    using namespace schema;
    static constexpr place top{nullptr, "message"};
    static constexpr shape versions = leaf(check_versions);
    static constexpr field header[] = {{"v", versions, false}, {"msgId", base64, false}, {"event", text}};
    const auto* object = value.if_object();
    if (object == nullptr) return refuse(top, "is not an object");
    PLEXUS_TRY(auto fields, normalise(header, *object, top));
    const auto* params = object->if_contains("params");
    if (params == nullptr || !params->is_object())
        return refuse({&top, "params"}, "is missing or not an object");

    message out;
    out.versions = {1, 1};
    if (const auto* v = fields.if_contains("v"))
        out.versions = *encoding::parse_version_range(v->get_string());
    if (const auto* id = fields.if_contains("msgId")) out.message_id = id->get_string();
    out.event = fields.at("event").get_string();
    if (!out.event.starts_with('x') || out.event.find(' ') != std::string::npos)
        return refuse({&top, "event"}, "is not the name of an event");
    PLEXUS_TRY(out.params, normalise_params(out.event, params->get_object()));
    return out;
}

std::vector<result<any_message>> parse_messages(bytes_view body) {
    if (body.empty() || body.front() != 'X') return parse_plain(body);
    messages out;
    auto items = decompress_batch(body.subspan(1));
    if (!items) {
        out.emplace_back(std::move(items).error());
        return out;
    }
    for (const auto& item : *items) {
        if (!item)
            out.emplace_back(item.error());
        else if (!item->empty() && item->front() == 'X')
            out.emplace_back(
                make_error(chat_error::compression, "a compressed batch inside a compressed batch"));
        else
            for (auto& parsed : parse_plain(*item)) out.push_back(std::move(parsed));
    }
    return out;
}

json::value message_json(const message& value) {
    json::object out;
    out.emplace("v", encoding::to_text(value.versions));
    if (!value.message_id.empty()) out.emplace("msgId", value.message_id);
    out.emplace("event", value.event);
    out.emplace("params", value.params);
    return out;
}

std::string encode(const message& value) { return sorted_json(message_json(value)); }

result<std::string> encode(const message& value, std::size_t limit) {
    auto out = encode(value);
    if (out.size() > limit)
        return make_error(chat_error::too_long, "the message takes " + std::to_string(out.size()) +
                                                    " bytes, " + std::to_string(limit) +
                                                    " fit: make it shorter");
    return out;
}

result<bytes> encode(const file_chunk& value) {
    if (value.message_id.size() > 255)
        return make_error(chat_error::invalid, "a message id of over 255 bytes");
    bytes out{'F', 0, static_cast<std::uint8_t>(value.message_id.size())};
    out.insert(out.end(), value.message_id.begin(), value.message_id.end());
    out.push_back(value.number);
    out.insert(out.end(), value.data.begin(), value.data.end());
    return out;
}

} // namespace plexus::chat
