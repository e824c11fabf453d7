#include "plexus/chat/event.hpp"
#include "plexus/chat/link_data.hpp"

#include "vectors.hpp"

#include <gtest/gtest.h>

namespace plexus::chat {
namespace {

event read(std::string_view text) {
    const auto parsed = parse_messages(as_bytes(text));
    return read_event(std::get<message>(*parsed.at(0)));
}

TEST(chat_events, a_reply_has_its_quote) {
    const auto got = std::get<new_message>(read(
        R"({"event":"x.msg.new","params":{"content":{"type":"text","text":"yes"},"ttl":60,"live":true,"quote":)"
        R"({"msgRef":{"msgId":"ioT-aL4wH_JL7IeL","sentAt":"2025-07-01T10:20:30Z","sent":true},)"
        R"("content":{"type":"text","text":"no?"}}}})"));
    EXPECT_EQ(shown_text(got.content), "yes");
    ASSERT_TRUE(got.quoted.has_value());
    EXPECT_EQ(got.quoted->message_id, "ioT-aL4wH_JL7IeL");
    EXPECT_TRUE(got.quoted->sent);
    EXPECT_EQ(shown_text(got.quoted->content), "no?");
    EXPECT_EQ(got.ttl_seconds, 60);
    EXPECT_TRUE(got.live);
    EXPECT_FALSE(got.forwarded);
}

TEST(chat_events, updates_deletes_reactions) {
    const auto update = std::get<message_update>(
        read(R"({"event":"x.msg.update","params":{"msgId":"YQ==","content":{"type":"text","text":"new"}}})"));
    EXPECT_EQ(update.message_id, "YQ==");
    EXPECT_EQ(shown_text(update.content), "new");
    EXPECT_EQ(std::get<message_delete>(read(R"({"event":"x.msg.del","params":{"msgId":"YQ"}})")).message_id,
              "YQ==");
    const auto reaction = std::get<message_reaction>(
        read(R"({"event":"x.msg.react","params":{"msgId":"YQ","reaction":{"type":"x"},"add":true}})"));
    EXPECT_TRUE(reaction.add);
    EXPECT_EQ(reaction.reaction.at("type"), "x");
}

TEST(chat_events, what_we_send_is_what_we_read) {
    EXPECT_TRUE(std::holds_alternative<direct_delete>(read(encode(make_direct_delete()))));
    const auto info =
        std::get<peer_info>(read(encode(make_info({{"displayName", "ann"}, {"fullName", ""}}))));
    EXPECT_EQ(info.profile.at("displayName"), "ann");
    EXPECT_EQ(encode(make_info({{"displayName", "ann"}, {"fullName", ""}})),
              R"({"event":"x.info","params":{"profile":{"displayName":"ann","fullName":""}},"v":"1-16"})");
    const auto text =
        std::get<new_message>(read(encode(make_new_message("YQ==", text_content("hi \"you\"")))));
    EXPECT_EQ(shown_text(text.content), "hi \"you\"");
    for (const auto step : {info_probe::stage::probe, info_probe::stage::check, info_probe::stage::ok}) {
        const auto probe = std::get<info_probe>(read(encode(make_probe(step, "YQ=="))));
        EXPECT_EQ(probe.step, step);
        EXPECT_EQ(probe.value, "YQ==");
    }
}

TEST(chat_events, the_rest_is_other) {
    EXPECT_TRUE(std::holds_alternative<other_event>(read(R"({"event":"x.future","params":{"a":1}})")));
    EXPECT_TRUE(std::holds_alternative<other_event>(read(R"({"event":"x.grp.leave","params":{}})")));
    EXPECT_TRUE(std::holds_alternative<ok_event>(read(R"({"event":"x.ok","params":{}})")));
}

TEST(chat_events, shown_text_of_contents) {
    EXPECT_EQ(shown_text({{"type", "voice"}, {"text", ""}, {"duration", 65}}), "voice message (01:05)");
    EXPECT_EQ(shown_text({{"type", "report"}, {"text", "bad"}, {"reason", "spam"}}), "report spam: bad");
    EXPECT_EQ(shown_text({{"type", "poll"}, {"n", 1}}), "unknown message type");
    EXPECT_EQ(shown_text({{"type", "poll"}, {"text", "vote"}}), "vote");
}

TEST(chat_link_data, official_vectors_of_contacts) {
    for (const auto& vector : test::vectors("chat.json", "contactLinkUserData")) {
        const auto parsed = parse_contact_link_data(as_bytes(test::text_field(vector, "input")));
        ASSERT_TRUE(parsed.has_value()) << parsed.error().message();
        EXPECT_EQ(to_string(encode(*parsed)), test::text_field(vector, "encoded"));
    }
}

TEST(chat_link_data, official_vectors_of_groups) {
    for (const auto& vector : test::vectors("chat.json", "groupLinkUserData")) {
        const auto parsed = parse_group_link_data(as_bytes(test::text_field(vector, "input")));
        ASSERT_TRUE(parsed.has_value()) << parsed.error().message();
        EXPECT_EQ(to_string(encode(*parsed)), test::text_field(vector, "encoded"));
    }
}

TEST(chat_link_data, long_data_is_compressed) {
    contact_link_data data;
    data.profile = {{"displayName", "ann"}, {"fullName", ""}, {"image", std::string(12000, 'i')}};
    const auto encoded = encode(data);
    EXPECT_EQ(encoded.front(), 'X');
    EXPECT_LT(encoded.size(), 1000U);
    const auto parsed = parse_contact_link_data(encoded);
    ASSERT_TRUE(parsed.has_value()) << parsed.error().message();
    EXPECT_EQ(parsed->profile, data.profile);
}

TEST(chat_link_data, bad_data_is_refused) {
    EXPECT_FALSE(parse_contact_link_data({}).has_value());
    EXPECT_FALSE(parse_contact_link_data(as_bytes("X")).has_value());
    EXPECT_FALSE(parse_contact_link_data(as_bytes("[]")).has_value());
    EXPECT_FALSE(parse_contact_link_data(as_bytes(R"({"profile":{"displayName":"a"}})")).has_value());
}

} // namespace
} // namespace plexus::chat
