#include "seeded_random.hpp"
#include "vectors.hpp"

#include "plexus/crypto/aead.hpp"
#include "plexus/encoding/padding.hpp"

#include <gtest/gtest.h>

namespace plexus::crypto {
namespace {

using test::hex;
using test::hex_field;
using test::text_field;

void expect_vector(aes256_gcm& cipher, const boost::json::object& vector, bytes text, bytes_view associated) {
    const auto raw_key = hex_field(vector, "key");
    const secret_array<32> key(bytes_view(raw_key).first<32>());
    const auto iv = hex_field(vector, "iv");
    const auto plain = text;
    std::array<std::uint8_t, gcm_tag_size> tag{};
    cipher.seal(key, iv, associated, text, tag);
    EXPECT_EQ(hex(text), text_field(vector, "ciphertext"));
    EXPECT_EQ(hex(tag), text_field(vector, "tag"));

    const auto sealed = text;
    ASSERT_TRUE(cipher.open(key, iv, associated, text, tag));
    EXPECT_EQ(text, plain);
    for (std::size_t at = 0; at < sealed.size(); at += 1 + at / 32) {
        text = sealed;
        text[at] ^= 1;
        EXPECT_FALSE(cipher.open(key, iv, associated, text, tag));
        EXPECT_EQ(text, bytes(sealed.size()));
    }
    text = sealed;
    tag[15] ^= 1;
    EXPECT_FALSE(cipher.open(key, iv, associated, text, tag));
    tag[15] ^= 1;
    text = sealed;
    const auto other = concat({associated, as_bytes("x")});
    EXPECT_FALSE(cipher.open(key, iv, other, text, tag));
}

TEST(aes256_gcm, vectors_of_the_ratchet_form) {
    aes256_gcm cipher;
    for (const auto& vector : test::vectors("box.json", "aes256gcmIv16")) {
        bytes text;
        ASSERT_TRUE(encoding::pad(text, hex_field(vector, "msg"),
                                  static_cast<std::size_t>(test::int_field(vector, "paddedLen"))));
        expect_vector(cipher, vector, std::move(text), hex_field(vector, "ad"));
    }
}

TEST(aes256_gcm, vectors_of_call_frames) {
    aes256_gcm cipher;
    for (const auto& vector : test::vectors("box.json", "aes256gcmIv12")) {
        expect_vector(cipher, vector, hex_field(vector, "msg"), {});
    }
}

TEST(aes256_gcm, both_iv_sizes_in_turn_on_one_context) {
    test::seeded_random random;
    aes256_gcm cipher;
    const auto key = random.secret<32>();
    std::array<std::uint8_t, gcm_tag_size> tag{};
    for (const std::size_t size : {16u, 12u, 12u, 16u}) {
        bytes iv(size, 3);
        bytes text(33, 1);
        cipher.seal(key, iv, {}, text, tag);
        EXPECT_TRUE(cipher.open(key, iv, {}, text, tag));
        EXPECT_EQ(text, bytes(33, 1));
    }
    bytes text;
    EXPECT_THROW(cipher.seal(key, bytes(13), {}, text, tag), std::invalid_argument);
}

} // namespace
} // namespace plexus::crypto
