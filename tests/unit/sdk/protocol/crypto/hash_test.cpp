#include "vectors.hpp"

#include "plexus/crypto/hash.hpp"

#include <gtest/gtest.h>

namespace plexus::crypto {
namespace {

using test::hex;
using test::hex_field;
using test::text_field;

TEST(hash, vectors) {
    for (const auto& vector : test::vectors("encoding.json", "digest")) {
        const auto data = hex_field(vector, "data");
        EXPECT_EQ(hex(sha256(data)), text_field(vector, "sha256"));
        EXPECT_EQ(hex(sha512(data)), text_field(vector, "sha512"));
        EXPECT_EQ(hex(sha3_256(data)), text_field(vector, "sha3_256"));
        EXPECT_EQ(hex(sha3_384(data)), text_field(vector, "sha3_384"));
    }
}

TEST(hash, parts_are_as_one) {
    const auto whole = to_bytes("session and authorized");
    const bytes_view data(whole);
    EXPECT_EQ(sha256({data.first(7), {}, data.subspan(7)}), sha256(data));
    EXPECT_EQ(sha512({data.first(7), data.subspan(7)}), sha512(data));
}

TEST(hash, md5_of_rfc_1321) { EXPECT_EQ(hex(md5(as_bytes("abc"))), "900150983cd24fb0d6963f7d28e17f72"); }

TEST(hkdf, vectors) {
    for (const auto& vector : test::vectors("box.json", "hkdfSha512")) {
        bytes out(static_cast<std::size_t>(test::int_field(vector, "length")));
        hkdf_sha512(hex_field(vector, "salt"), hex_field(vector, "ikm"), text_field(vector, "info"), out);
        EXPECT_EQ(hex(out), text_field(vector, "okm"));
    }
}

TEST(hkdf, longest_output) {
    bytes out(255 * 64);
    hkdf_sha512({}, as_bytes("secret"), "info", out);
    bytes start(10);
    hkdf_sha512({}, as_bytes("secret"), "info", start);
    EXPECT_TRUE(equal(bytes_view(out).first(10), start));
    out.push_back(0);
    EXPECT_THROW(hkdf_sha512({}, as_bytes("secret"), "info", out), std::length_error);
}

TEST(client_ids, vectors) {
    for (const auto& vector : test::vectors("box.json", "idFromCorrId")) {
        EXPECT_EQ(hex(id_from_correlation_id(hex_field(vector, "corrId"))), text_field(vector, "entityId"));
    }
}

} // namespace
} // namespace plexus::crypto
