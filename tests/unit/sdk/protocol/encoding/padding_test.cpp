#include "vectors.hpp"

#include "plexus/crypto/hash.hpp"
#include "plexus/encoding/padding.hpp"

#include <gtest/gtest.h>

namespace plexus::encoding {
namespace {

using test::hex;
using test::hex_field;
using test::int_field;
using test::text_field;

/// The message of a vector: given, or one byte repeated.
bytes message_of(const boost::json::object& vector) {
    if (vector.contains("msg")) return hex_field(vector, "msg");
    return bytes(static_cast<std::size_t>(int_field(vector, "msgLen")), hex_field(vector, "msgFill").at(0));
}

TEST(padding, vectors_of_the_two_byte_form) {
    for (const char* kind : {"pad", "padDigest"}) {
        for (const auto& vector : test::vectors("encoding.json", kind)) {
            const auto message = message_of(vector);
            const auto size = static_cast<std::size_t>(int_field(vector, "paddedLen"));
            bytes padded;
            bytes in_place(size);
            if (size >= 2 + message.size()) std::copy(message.begin(), message.end(), in_place.begin() + 2);
            const auto fits = pad(padded, message, size);
            EXPECT_EQ(fits, !vector.contains("error"));
            EXPECT_EQ(pad_in_place(in_place, message.size()), fits);
            EXPECT_EQ(can_pad(message.size(), size), fits);
            if (!fits) {
                EXPECT_TRUE(padded.empty());
                continue;
            }
            EXPECT_EQ(in_place, padded);
            if (vector.contains("padded")) {
                EXPECT_EQ(hex(padded), text_field(vector, "padded"));
            }
            if (vector.contains("sha256")) {
                EXPECT_EQ(hex(crypto::sha256(padded)), text_field(vector, "sha256"));
            }
            const auto content = unpad(padded);
            ASSERT_TRUE(content.has_value());
            EXPECT_TRUE(equal(*content, message));
        }
    }
}

TEST(padding, vectors_of_unpad) {
    for (const auto& vector : test::vectors("encoding.json", "unpad")) {
        const auto padded = hex_field(vector, "padded");
        const auto content = unpad(padded);
        EXPECT_EQ(content.has_value(), !vector.contains("error")) << hex(padded);
        if (content) {
            EXPECT_EQ(hex(*content), text_field(vector, "msg"));
        }
    }
}

TEST(padding, vectors_of_the_eight_byte_form) {
    for (const auto& vector : test::vectors("encoding.json", "lazyPad")) {
        const auto message = hex_field(vector, "msg");
        bytes padded;
        const auto fits =
            pad_lazy(padded, message, static_cast<std::uint64_t>(int_field(vector, "paddedLen")));
        ASSERT_EQ(fits, !vector.contains("error"));
        if (!fits) continue;
        EXPECT_EQ(hex(padded), text_field(vector, "padded"));
        const auto content = unpad_lazy(padded);
        ASSERT_TRUE(content.has_value());
        EXPECT_EQ(hex(*content), hex(message));
    }
}

TEST(padding, a_length_beyond_the_block_is_refused) {
    for (std::size_t size = 0; size < 40; ++size) {
        const bytes all_ones(size, 0xff);
        EXPECT_FALSE(unpad(all_ones).has_value());
        EXPECT_FALSE(unpad_lazy(all_ones).has_value());
    }
}

} // namespace
} // namespace plexus::encoding
