#include "plexus/chat/message.hpp"

#include "vectors.hpp"

#include <gtest/gtest.h>

namespace plexus::chat {
namespace {

using test::hex;
using test::hex_field;
using test::int_field;
using test::text_field;
using test::vectors;

/// Compares what was parsed with a vector's list of {event, encoded} and {error}.
void expect_parsed(const std::vector<result<any_message>>& parsed, const json::array& expected) {
    ASSERT_EQ(parsed.size(), expected.size());
    for (std::size_t i = 0; i < parsed.size(); ++i) {
        const auto& want = expected[i].as_object();
        if (want.contains("error")) {
            EXPECT_FALSE(parsed[i].has_value()) << "taken: item " << i;
            continue;
        }
        ASSERT_TRUE(parsed[i].has_value()) << parsed[i].error().message();
        const auto& got = std::get<message>(*parsed[i]);
        EXPECT_EQ(got.event, std::string_view(want.at("event").as_string()));
        EXPECT_EQ(encode(got), std::string_view(want.at("encoded").as_string()));
    }
}

TEST(chat_messages, official_vectors_parse_and_encode) {
    for (const auto& vector : vectors("chat.json", "message")) {
        SCOPED_TRACE(text_field(vector, "name"));
        const auto parsed = parse_messages(as_bytes(text_field(vector, "input")));
        expect_parsed(parsed, vector.at("parsed").as_array());
        if (text_field(vector, "name").starts_with("bad")) {
            ASSERT_EQ(parsed.size(), 1U);
            EXPECT_FALSE(parsed[0].has_value());
        }
    }
}

TEST(chat_messages, what_was_encoded_parses_to_the_same) {
    for (const auto& vector : vectors("chat.json", "message")) {
        for (const auto& parsed : parse_messages(as_bytes(text_field(vector, "input")))) {
            if (!parsed) continue;
            const auto text = encode(std::get<message>(*parsed));
            const auto again = parse_messages(as_bytes(text));
            ASSERT_EQ(again.size(), 1U);
            ASSERT_TRUE(again[0].has_value()) << again[0].error().message();
            EXPECT_EQ(encode(std::get<message>(*again[0])), text);
        }
    }
}

TEST(chat_messages, compressed_batches) {
    for (const auto& vector : vectors("chat.json", "compressed")) {
        SCOPED_TRACE(text_field(vector, "name"));
        const auto parsed = parse_messages(hex_field(vector, "body"));
        if (vector.at("parsed").is_array()) {
            expect_parsed(parsed, vector.at("parsed").as_array());
        } else {
            // The number of good items: the batch of twenty has a bad one.
            const auto good = std::ranges::count_if(parsed, [](const auto& one) { return one.has_value(); });
            EXPECT_EQ(good, int_field(vector, "parsed"));
            EXPECT_EQ(parsed.size(), text_field(vector, "name") == "batch" ? 20U : 1U);
        }
    }
}

TEST(chat_messages, binary_file_chunks) {
    for (const auto& vector : vectors("chat.json", "binary")) {
        SCOPED_TRACE(text_field(vector, "chunk"));
        const auto encoded = hex_field(vector, "encoded");
        const auto parsed = parse_messages(encoded);
        ASSERT_EQ(parsed.size(), 1U);
        ASSERT_TRUE(parsed[0].has_value()) << parsed[0].error().message();
        const auto& chunk = std::get<file_chunk>(*parsed[0]);
        EXPECT_EQ(hex(chunk.message_id), text_field(vector, "sharedMsgId"));
        EXPECT_EQ(hex(chunk.data), test::is_null(vector, "bytes") ? "" : text_field(vector, "bytes"));
        const auto name = text_field(vector, "chunk");
        EXPECT_EQ(chunk.number, name == "cancel" ? 0 : std::stoi(name.substr(6)));
        const auto again = encode(chunk);
        ASSERT_TRUE(again.has_value());
        EXPECT_EQ(hex(*again), hex(encoded));
    }
}

TEST(chat_messages, size_limits) {
    for (const auto& vector : vectors("chat.json", "constant")) {
        const auto name = text_field(vector, "name");
        const auto value = static_cast<std::size_t>(int_field(vector, "value"));
        if (name == "maxEncodedMsgLength")
            EXPECT_EQ(max_encoded_message_length, value);
        else if (name == "maxCompressedMsgLength")
            EXPECT_EQ(max_compressed_message_length, value);
        else if (name == "maxEncodedInfoLength")
            EXPECT_EQ(max_encoded_info_length, value);
        else if (name == "maxCompressedInfoLength")
            EXPECT_EQ(max_compressed_info_length, value);
        else
            ADD_FAILURE() << "an unknown constant " << name;
    }
}

TEST(chat_messages, a_message_that_is_too_long_is_refused_with_both_sizes) {
    message long_one;
    long_one.event = "x.msg.new";
    long_one.params["content"] = {{"type", "text"}, {"text", std::string(20000, 'a')}};
    const auto refused = encode(long_one, max_encoded_message_length);
    ASSERT_FALSE(refused.has_value());
    EXPECT_TRUE(refused.error().is(chat_error::too_long));
    EXPECT_NE(refused.error().message().find("15602"), std::string::npos);
    EXPECT_TRUE(encode(long_one, encode(long_one).size()).has_value());
}

TEST(chat_messages, hostile_bodies_are_errors) {
    const std::string nested(5000, '[');
    EXPECT_FALSE(parse_messages(as_bytes(nested))[0].has_value());
    EXPECT_FALSE(parse_messages(as_bytes("X"))[0].has_value());
    EXPECT_FALSE(parse_messages(as_bytes(std::string_view("X\0", 2)))[0].has_value());
    EXPECT_FALSE(parse_messages(as_bytes("F"))[0].has_value());
    EXPECT_FALSE(parse_messages(as_bytes("{\"event\":\"F\",\"params\":{}}"))[0].has_value());
    EXPECT_FALSE(parse_messages(as_bytes("{\"event\":\"x.ok \",\"params\":{}}"))[0].has_value());
    EXPECT_FALSE(parse_messages(as_bytes("{\"event\":\"x.ok\",\"params\":{},\"v\":\"5-4\"}"))[0].has_value());
    EXPECT_FALSE(parse_messages(as_bytes("{\"event\":\"x.ok\",\"params\":[]}"))[0].has_value());
    EXPECT_FALSE(parse_messages(as_bytes("{\"event\":\"x.ok\",\"params\":{}} x"))[0].has_value());
}

TEST(chat_messages, a_batch_inside_a_batch_is_refused) {
    const std::string inner("X\1"
                            "0\2{}",
                            6);
    bytes body = to_bytes(std::string_view("X\1"
                                           "0",
                                           3));
    body.push_back(static_cast<std::uint8_t>(inner.size()));
    body.insert(body.end(), inner.begin(), inner.end());
    const auto parsed = parse_messages(body);
    ASSERT_EQ(parsed.size(), 1U);
    ASSERT_FALSE(parsed[0].has_value());
    EXPECT_TRUE(parsed[0].error().is(chat_error::compression));
}

TEST(chat_messages, a_frame_that_expands_too_far_is_refused) {
    // zstd of 200,000 zeros (made with the zstd program).
    const auto frame = test::unhex("28b52ffd00585400001000000100fbff39c002036a0800");
    bytes body = to_bytes(std::string_view("X\1"
                                           "1\0",
                                           4));
    body.push_back(static_cast<std::uint8_t>(frame.size()));
    body.insert(body.end(), frame.begin(), frame.end());
    const auto parsed = parse_messages(body);
    ASSERT_EQ(parsed.size(), 1U);
    ASSERT_FALSE(parsed[0].has_value());
    EXPECT_TRUE(parsed[0].error().is(chat_error::compression));
}

TEST(chat_messages, times_become_utc) {
    auto time_of = [](std::string_view written) -> std::string {
        const auto parsed = parse_messages(as_bytes(
            R"({"event":"x.msg.new","params":{"content":{"type":"text","text":""},"parent":{"sent":true,"sentAt":")" +
            std::string(written) + "\"}}}"));
        const auto& params = std::get<message>(*parsed.at(0)).params;
        const auto* parent = params.if_contains("parent");
        return parent == nullptr ? "refused"
                                 : std::string(std::string_view(parent->at("sentAt").as_string()));
    };
    EXPECT_EQ(time_of("2025-07-01T10:20:30Z"), "2025-07-01T10:20:30Z");
    EXPECT_EQ(time_of("2025-07-01T10:20:30.5Z"), "2025-07-01T10:20:30.500Z");
    EXPECT_EQ(time_of("2025-07-01T10:20:30.123000Z"), "2025-07-01T10:20:30.123Z");
    EXPECT_EQ(time_of("2025-07-01T00:20:30+02:00"), "2025-06-30T22:20:30Z");
    EXPECT_EQ(time_of("2024-02-29 10:20Z"), "2024-02-29T10:20:00Z");
    EXPECT_EQ(time_of("2025-02-29T10:20:30Z"), "refused");
    EXPECT_EQ(time_of("2025-07-01"), "refused");
    EXPECT_EQ(time_of("2025-07-01T10:20:30"), "refused");
}

TEST(chat_messages, json_numbers_and_texts_as_official_clients_write_them) {
    EXPECT_EQ(sorted_json({{"b", 1.5}, {"a", 0.01}, {"c", 1e8}, {"d", -12345678.5}, {"e", 0.25}}),
              R"({"a":1.0e-2,"b":1.5,"c":100000000,"d":-1.23456785e7,"e":0.25})");
    EXPECT_EQ(sorted_json("a\"\\\n\r\t\x01/\xF0\x9F\x98\x80"),
              "\"a\\\"\\\\\\n\\r\\t\\u0001/\xF0\x9F\x98\x80\"");
}

} // namespace
} // namespace plexus::chat
