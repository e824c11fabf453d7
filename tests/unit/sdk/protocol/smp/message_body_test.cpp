#include "plexus/smp/message_body.hpp"

#include "vector_fields.hpp"

namespace plexus::smp::test {
namespace {

crypto::box_key secret_key(const object& vector, std::string_view name) {
    const auto raw = hex_field(vector, name);
    return crypto::box_key(std::span<const std::uint8_t, 32>(raw.data(), 32));
}

bytes body_of(const object& vector) {
    const auto size = static_cast<std::size_t>(int_field(vector, "bodyLen"));
    const auto text = text_field(vector, "body");
    return text.find(' ') == std::string::npos ? unhex(text) : bytes(size, 0x6d);
}

TEST(message_body, to_the_recipient) {
    for (const auto& vector : vectors("smp_transmissions.json", "rcvMsgBody")) {
        const auto server = x25519(vector, "srvPrivDh");
        const auto recipient = x25519(vector, "rcvPrivDh");
        const auto seal_key = crypto::box_key::agree(server, recipient.public_part()).value();
        const auto open_key = crypto::box_key::agree(recipient, server.public_part()).value();
        const auto body = body_of(vector);
        const auto id = hex_field(vector, "msgId");
        received_body value;
        value.seconds = int_field(vector, "ts");
        value.flags.notification = vector.at("notification").as_bool();
        value.body = body;
        std::array<std::uint8_t, encrypted_body_size> out{};
        seal_message_body(out, seal_key, id, value);
        EXPECT_EQ(hex(crypto::sha256(out)), text_field(vector, "encSha256"));
        if (!is_null(vector, "encBody")) {
            EXPECT_EQ(hex(out), text_field(vector, "encBody"));
        }
        const auto opened = open_message_body(open_key, id, out);
        ASSERT_TRUE(opened);
        EXPECT_EQ(opened->seconds, value.seconds);
        EXPECT_EQ(opened->flags, value.flags);
        EXPECT_FALSE(opened->quota);
        EXPECT_EQ(hex(opened->body), hex(body));
        if (!is_null(vector, "decrypted")) {
            bytes plain;
            encoding::writer writer(plain);
            write(writer, value);
            EXPECT_EQ(hex(plain), text_field(vector, "decrypted"));
        }
        out[20] ^= 1;
        EXPECT_TRUE(open_message_body(open_key, id, out).error().is(failure::body));
    }
}

TEST(message_body, the_quota_marker) {
    for (const auto& vector : vectors("smp_transmissions.json", "rcvMsgQuota")) {
        const auto key = secret_key(vector, "secret");
        received_body value;
        value.quota = true;
        value.seconds = int_field(vector, "ts");
        std::array<std::uint8_t, encrypted_body_size> out{};
        const auto id = hex_field(vector, "msgId");
        seal_message_body(out, key, id, value);
        EXPECT_EQ(hex(crypto::sha256(out)), text_field(vector, "encSha256"));
        const auto opened = open_message_body(key, id, out);
        ASSERT_TRUE(opened);
        EXPECT_TRUE(opened->quota);
        EXPECT_EQ(opened->seconds, value.seconds);
        bytes plain;
        encoding::writer writer(plain);
        write(writer, value);
        EXPECT_EQ(hex(plain), text_field(vector, "decrypted"));
    }
}

TEST(message_body, odd_and_bad_ones) {
    for (const auto& vector : vectors("smp_transmissions.json", "rcvBodyParse")) {
        const auto plain = hex_field(vector, "plain");
        const auto& expected = member(vector, "result");
        const auto parsed = parse_received_body(plain);
        SCOPED_TRACE(hex(plain));
        ASSERT_EQ(parsed.has_value(), !expected.contains("error"));
        if (!parsed) continue;
        EXPECT_EQ(parsed->quota, expected.contains("quotaTs"));
        EXPECT_EQ(parsed->seconds, int_field(expected, parsed->quota ? "quotaTs" : "ts"));
        if (parsed->quota) continue;
        EXPECT_EQ(parsed->flags.notification, expected.at("notification").as_bool());
        EXPECT_EQ(hex(parsed->body), text_field(expected, "body"));
    }
}

TEST(message_body, metadata_of_a_notification) {
    for (const auto& vector : vectors("smp_transmissions.json", "nmsgMeta")) {
        const auto key = secret_key(vector, "secret");
        const auto nonce = crypto::to_nonce(hex_field(vector, "nonce"));
        const auto id = hex_field(vector, "msgId");
        const auto sealed = seal_notification(key, nonce, {id, int_field(vector, "ts")});
        ASSERT_TRUE(sealed);
        EXPECT_EQ(hex(*sealed), text_field(vector, "encMeta"));
        const auto opened = open_notification(key, nonce, *sealed);
        ASSERT_TRUE(opened);
        EXPECT_EQ(hex(opened->message_id), hex(id));
        EXPECT_EQ(opened->seconds, int_field(vector, "ts"));
    }
}

} // namespace
} // namespace plexus::smp::test
