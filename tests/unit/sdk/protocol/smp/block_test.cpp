#include "plexus/smp/block.hpp"

#include "vector_fields.hpp"

namespace plexus::smp::test {
namespace {

bytes content_of(const object& step) {
    const auto size = static_cast<std::size_t>(int_field(step, "contentLen"));
    const auto text = text_field(step, "content");
    if (text.find(' ') != std::string::npos) return bytes(size, unhex(text.substr(0, 2)).at(0));
    return unhex(text);
}

void check_direction(const boost::json::array& steps, block_cipher sender, block_cipher receiver) {
    for (const auto& each : steps) {
        const auto& step = each.as_object();
        const auto content = content_of(step);
        ASSERT_EQ(content.size(), static_cast<std::size_t>(int_field(step, "contentLen")));
        block_buffer out{};
        sender.seal(out, content);
        EXPECT_EQ(hex(crypto::sha256(out)), text_field(step, "blockSha256"));
        EXPECT_EQ(hex(bytes_view(out).first(64)), text_field(step, "blockStart"));
        const auto opened = receiver.open(out);
        ASSERT_TRUE(opened);
        EXPECT_EQ(hex(*opened), hex(content));
    }
}

TEST(block, encrypted_in_both_directions) {
    for (const auto& vector : vectors("smp_transmissions.json", "encryptedBlocks")) {
        const auto session_id = hex_field(vector, "sessionId");
        const auto client = x25519(vector, "cliPriv");
        const auto server = x25519(vector, "srvPriv");
        const auto secret = crypto::dh_x25519(client, server.public_part()).value();
        EXPECT_EQ(hex(secret), text_field(vector, "secret"));
        const auto of_client = block_cipher::for_client(session_id, secret);
        const auto of_server = block_cipher::for_server(session_id, secret);
        check_direction(vector.at("clientToServer").as_array(), of_client, of_server);
        check_direction(vector.at("serverToClient").as_array(), of_server, of_client);
    }
}

TEST(block, padded_only) {
    for (const auto& vector : vectors("smp_transmissions.json", "block")) {
        block_cipher cipher;
        block_buffer out{};
        cipher.seal(out, hex_field(vector, "content"));
        EXPECT_EQ(hex(out), text_field(vector, "block"));
        const auto opened = cipher.open(out);
        ASSERT_TRUE(opened);
        EXPECT_EQ(hex(*opened), text_field(vector, "content"));
    }
}

TEST(block, a_block_that_does_not_decrypt_leaves_the_next_readable) {
    const bytes session_id(32, 1);
    const secret_array<32> secret;
    auto client = block_cipher::for_client(session_id, secret);
    auto server = block_cipher::for_server(session_id, secret);
    block_buffer one{};
    block_buffer two{};
    client.seal(one, as_bytes("one"));
    client.seal(two, as_bytes("two"));
    one[100] ^= 1;
    EXPECT_TRUE(server.open(one).error().is(failure::block));
    EXPECT_EQ(as_text(*server.open(two)), "two");
}

TEST(block, a_length_that_is_too_large_is_refused) {
    block_cipher cipher;
    block_buffer bad{};
    bad[0] = 0x3f;
    bad[1] = 0xff;
    EXPECT_FALSE(cipher.open(bad));
}

TEST(block, constants) {
    for (const auto& vector : of_every_version("constant")) {
        const auto value = static_cast<std::size_t>(int_field(vector, "value"));
        const auto name = text_field(vector, "name");
        if (name == "smpBlockSize") {
            EXPECT_EQ(value, block_size);
        } else if (name == "e2eEncConfirmationLength") {
            EXPECT_EQ(value, confirmation_padded_size);
        } else if (name == "e2eEncMessageLength") {
            EXPECT_EQ(value, message_padded_size);
        } else {
            ASSERT_EQ(name, "paddedProxiedTLength");
            EXPECT_EQ(value, proxied_padded_size);
        }
    }
    for (const auto& vector : of_every_version("maxMessageLength"))
        EXPECT_EQ(max_message_length(static_cast<version>(int_field(vector, "version"))),
                  static_cast<std::size_t>(int_field(vector, "bytes")));
}

TEST(block, builder_fills_a_block_to_its_limits) {
    block_cipher cipher;
    block_buffer out{};
    block_builder many(out, cipher);
    for (std::size_t i = 0; i < max_batch_count; ++i) ASSERT_TRUE(many.append(as_bytes("x")));
    EXPECT_FALSE(many.append(as_bytes("x")));
    many.seal(cipher);
    EXPECT_EQ(cipher.open(out)->size(), 1 + 3 * max_batch_count);

    block_builder large(out, cipher);
    EXPECT_TRUE(large.empty());
    const bytes most(max_batch_size - 2, 7);
    EXPECT_FALSE(large.append(bytes(most.size() + 1, 7)));
    EXPECT_TRUE(large.append(most));
    EXPECT_FALSE(large.append({}));
    large.seal(cipher);
    EXPECT_EQ(cipher.open(out)->size(), max_block_content);
}

} // namespace
} // namespace plexus::smp::test
