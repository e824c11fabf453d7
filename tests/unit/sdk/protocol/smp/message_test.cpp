#include "plexus/smp/message.hpp"

#include "plexus/encoding/base64.hpp"
#include "plexus/encoding/text.hpp"
#include "vector_fields.hpp"

#include <boost/json/serialize.hpp>

namespace plexus::smp::test {
namespace {

std::optional<queue_mode> mode_of(const object& fields) {
    if (is_null(fields, "mode")) return std::nullopt;
    return text_field(fields, "mode") == "M" ? queue_mode::messaging : queue_mode::contact;
}

msg::ids ids(const object& fields, keeper& keep) {
    msg::ids out;
    out.recipient_id = keep.hex(fields, "rcvId");
    out.sender_id = keep.hex(fields, "sndId");
    out.dh_key = key_field(fields, "dhKey");
    out.mode = mode_of(fields);
    out.link_id = keep.maybe_hex(fields, "linkId");
    out.service_id = keep.maybe_hex(fields, "serviceId");
    if (!is_null(fields, "ntf")) {
        const auto& notifier = member(fields, "ntf");
        out.notifier = msg::ids::notifier_ids{keep.hex(notifier, "notifierId"), key_field(notifier, "dhKey")};
    }
    return out;
}

msg::pkey pkey(const object& fields, keeper& keep) {
    msg::pkey out;
    out.session_id = keep.hex(fields, "sessionId");
    const auto& versions = fields.at("versions").as_array();
    out.versions = {versions[0].to_number<version>(), versions[1].to_number<version>()};
    const auto& key = member(fields, "certKey");
    for (const auto& certificate : key.at("chain").as_array())
        out.key.chain.push_back(keep.keep(unhex(std::string_view(certificate.as_string()))));
    out.key.signed_key = keep.hex(key, "signedKey");
    return out;
}

queue_info info_of(const object& json) {
    queue_info out;
    out.has_sender_key = json.at("qiSnd").as_bool();
    out.has_notifier = json.at("qiNtf").as_bool();
    out.size = json.at("qiSize").to_number<std::uint64_t>();
    if (json.contains("qiSub")) {
        const auto& own = member(json, "qiSub");
        out.own.emplace().state = text_field(own, "qSubThread");
        if (!is_null(own, "qDelivered")) out.own->delivered = text_field(own, "qDelivered");
    }
    if (json.contains("qiMsg")) {
        const auto& first = member(json, "qiMsg");
        const auto at = encoding::parse_time(text_field(first, "msgTs")).value().time_since_epoch();
        out.first = waiting_message{encoding::base64_decode(text_field(first, "msgId")).value(),
                                    std::chrono::duration_cast<std::chrono::seconds>(at).count(),
                                    text_field(first, "msgType") == "quota"};
    }
    return out;
}

std::optional<message> from_fields(const object& vector, keeper& keep) {
    const auto tag = text_field(vector, "tag");
    const auto& fields = member(vector, "fields");
    if (tag == "IDS") return ids(fields, keep);
    if (tag == "LNK") return msg::lnk{keep.hex(fields, "senderId"), keep.link(fields, "linkData")};
    if (tag == "SOK") return msg::sok{keep.maybe_hex(fields, "serviceId")};
    if (tag == "SOKS") return msg::soks{service_queues_of(fields)};
    if (tag == "ENDS") return msg::ends{service_queues_of(fields)};
    if (tag == "MSG") return msg::message{keep.hex(fields, "msgId"), keep.hex(fields, "encBody")};
    if (tag == "NID") return msg::nid{keep.hex(fields, "notifierId"), key_field(fields, "dhKey")};
    if (tag == "NMSG") return msg::nmsg{keep.hex(fields, "nonce"), keep.hex(fields, "encMeta")};
    if (tag == "PKEY") return pkey(fields, keep);
    if (tag == "RRES") return msg::rres{keep.hex(fields, "data")};
    if (tag == "PRES") return msg::pres{keep.hex(fields, "data")};
    if (tag == "END") return msg::end{};
    if (tag == "DELD") return msg::deld{};
    if (tag == "OK") return msg::ok{};
    if (tag == "ALLS") return msg::alls{};
    if (tag == "PONG") return msg::pong{};
    if (tag == "INFO") return msg::info{keep.keep(to_bytes(to_json(info_of(member(fields, "json")))))};
    if (tag == "ERR")
        return msg::err{parse_server_error_json(boost::json::serialize(fields.at("json"))).value()};
    return std::nullopt;
}

TEST(message, every_vector_in_both_directions) {
    std::size_t count = 0;
    for (const auto& vector : of_every_version("message")) {
        keeper keep;
        const auto value = from_fields(vector, keep);
        ASSERT_TRUE(value) << "no such message here: " << text_field(vector, "tag");
        for (const auto& [v, data] : encodings(vector)) {
            SCOPED_TRACE(text_field(vector, "tag") + " of version " + std::to_string(v));
            EXPECT_EQ(hex(written(*value, v)), hex(data));
            const auto parsed = parse_message(data, v);
            ASSERT_TRUE(parsed) << parsed.error().message();
            EXPECT_EQ(hex(written(*parsed, v)), hex(data));
            ++count;
        }
    }
    EXPECT_EQ(count, 1005U);
}

TEST(message, information_of_a_queue) {
    for (const auto& vector : of_every_version("message")) {
        if (vector.at("tag") != "INFO") continue;
        const auto data = encodings(vector).back().data;
        const auto parsed = parse_queue_info(as_text(data).substr(5));
        ASSERT_TRUE(parsed);
        EXPECT_EQ("INFO " + to_json(*parsed), as_text(data));
    }
    for (const auto* text : {"", "{}", "[]", R"({"qiSnd":true,"qiNtf":true,"qiSize":-1})",
                             R"({"qiSnd":true,"qiNtf":true,"qiSize":1,"qiMsg":{"msgId":"AAEC"}})"})
        EXPECT_FALSE(parse_queue_info(text)) << text;
}

TEST(message, below_its_version_a_message_is_an_older_one) {
    EXPECT_EQ(to_string(written(message(msg::deld{}), 9)), "END");
    EXPECT_EQ(to_string(written(message(msg::sok{}), 15)), "OK");
}

TEST(message, what_is_no_message_is_refused) {
    for (const auto* text : {"", "NEW", "OK ", "OK x", "MSG", "MSG ", "SOK", "SOK 2", "SOKS 1", "ERR",
                             "ERR WHAT", "IDS ", "PONG ", "END x", "NMSG x"})
        EXPECT_FALSE(parse_message(as_bytes(text), 17)) << text;
}

} // namespace
} // namespace plexus::smp::test
