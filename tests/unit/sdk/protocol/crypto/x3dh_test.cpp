#include "seeded_random.hpp"
#include "vectors.hpp"

#include "plexus/crypto/x3dh.hpp"
#include "plexus/encoding/base64.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace plexus::crypto {
namespace {

using test::hex;
using test::hex_field;
using test::text_field;

constexpr version_range supported{ratchet_version_min, ratchet_version_max};

template <typename Params>
bytes encoded(const Params& params) {
    bytes out;
    encoding::writer to(out);
    write(to, params);
    return out;
}

private_key x448_of(const boost::json::value& pair) {
    const auto key = private_key::from_raw(key_type::x448, hex_field(pair.as_object(), "priv")).value();
    EXPECT_EQ(hex(key.public_part().raw()), text_field(pair.as_object(), "pub"));
    return key;
}

TEST(e2e_params, vectors_of_links) {
    std::size_t with_kem = 0;
    for (const auto& vector : test::vectors("agent.json", "e2eParamsUri")) {
        const auto binary = hex_field(vector, "smp");
        encoding::reader in(binary);
        const auto params = read_e2e_params_range(in);
        ASSERT_TRUE(in.done());
        EXPECT_EQ(encoded(params), binary);
        EXPECT_EQ(to_text(params), text_field(vector, "str"));
        EXPECT_EQ(parse_e2e_params(text_field(vector, "str")).value(), params);
        if (params.kem) ++with_kem;
        if (!vector.contains("x1")) continue;
        EXPECT_EQ(params.key1, x448_of(vector.at("x1")).public_part());
        EXPECT_EQ(params.key2, x448_of(vector.at("x2")).public_part());
    }
    EXPECT_GT(with_kem, 0u);
}

TEST(e2e_params, vectors_of_both_sides_of_every_conversation) {
    std::size_t accepted = 0;
    for (const auto& vector : test::vectors("ratchet.json", "conversation")) {
        for (const char* name : {"A", "B"}) {
            const auto& side = vector.at(name).as_object();
            const auto binary = hex_field(side, "params");
            encoding::reader in(binary);
            const auto params = read_e2e_params(in);
            ASSERT_TRUE(in.done());
            EXPECT_EQ(encoded(params), binary);
            EXPECT_EQ(params.key1, x448_of(side.at("x1")).public_part());
            EXPECT_EQ(params.kem.has_value(), !test::is_null(side, "kemPriv"));
            if (params.kem && params.kem->ciphertext) ++accepted;
            if (!side.contains("paramsUri")) continue;
            const auto range = parse_e2e_params(text_field(side, "paramsUri")).value();
            EXPECT_EQ(range.agree(supported).value(), params);
            EXPECT_EQ(to_text(range), text_field(side, "paramsUri"));
        }
    }
    EXPECT_GT(accepted, 0u);
}

/// We decline the KEM, so of its vectors only the encodings are ours.
TEST(e2e_params, vectors_of_kem_keys_travel_unchanged) {
    test::seeded_random random;
    for (const auto& vector : test::vectors("ratchet.json", "sntrup761")) {
        auto params = x3dh_keys::generate(random).params(version_range{2, 3});
        params.kem = kem_params{hex_field(vector, "pub"), std::nullopt};
        EXPECT_NE(to_text(params).find("&kem_key=" + text_field(vector, "pubStr")), std::string::npos);
        EXPECT_EQ(parse_e2e_params(to_text(params)).value(), params);
        params.kem->ciphertext = hex_field(vector, "ct");
        EXPECT_EQ(parse_e2e_params(to_text(params)).value(), params);
        const auto binary = encoded(params);
        encoding::reader in(binary);
        EXPECT_EQ(read_e2e_params_range(in), params);
        EXPECT_TRUE(in.done());
    }
}

TEST(e2e_params, agreement_on_a_version) {
    test::seeded_random random;
    auto params = x3dh_keys::generate(random).params(version_range{2, 3});
    params.kem = kem_params{bytes(kem_public_key_size), std::nullopt};
    EXPECT_EQ(params.agree({2, 9})->version, 3);
    EXPECT_TRUE(params.agree({2, 9})->kem.has_value());
    EXPECT_EQ(params.agree({1, 2})->version, 2);
    EXPECT_FALSE(params.agree({1, 2})->kem.has_value());
    EXPECT_FALSE(params.agree({4, 9}).has_value());
}

TEST(e2e_params, hostile_binary_is_refused) {
    test::seeded_random random;
    auto params = x3dh_keys::generate(random).params(std::uint16_t{3});
    params.kem = kem_params{bytes(kem_public_key_size, 7), bytes(kem_ciphertext_size, 8)};
    const auto whole = encoded(params);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        encoding::reader in(bytes_view(whole).first(size));
        read_e2e_params(in);
        EXPECT_FALSE(in.done()) << size;
    }
    for (const std::size_t size : {0u, 1157u, 1159u}) {
        params.kem = kem_params{bytes(size), std::nullopt};
        const auto binary = encoded(params);
        encoding::reader in(binary);
        read_e2e_params(in);
        EXPECT_FALSE(in.done()) << size;
    }
    params.kem.reset();
    params.key2 = private_key::generate(key_type::x25519, random).public_part();
    const auto binary = encoded(params);
    encoding::reader in(binary);
    read_e2e_params(in);
    EXPECT_FALSE(in.ok());
}

TEST(e2e_params, hostile_text_is_refused) {
    test::seeded_random random;
    const auto keys = x3dh_keys::generate(random);
    const auto key = keys.key1.public_part().text();
    const auto other = private_key::generate(key_type::x25519, random).public_part().text();
    for (const std::string& text :
         {std::string(), std::string("v=2-3"), "x3dh=" + key + ',' + key, "v=3-2&x3dh=" + key + ',' + key,
          "v=2&x3dh=" + key, "v=2&x3dh=" + key + ',' + key + ',' + key, "v=2&x3dh=" + key + ',' + other,
          "v=2-3&x3dh=" + key + ',' + key + "&kem_key=AAAA", "v=x&x3dh=" + key + ',' + key,
          "v=2&x3dh=," + key}) {
        EXPECT_FALSE(parse_e2e_params(text)) << text;
    }
}

TEST(x3dh, both_sides_agree) {
    test::seeded_random random;
    const auto creator = x3dh_keys::generate(random);
    const auto joiner = x3dh_keys::generate(random);
    const auto at_joiner = x3dh_join(joiner, creator.key1.public_part(), creator.key2.public_part()).value();
    const auto at_creator =
        x3dh_accept(creator, joiner.key1.public_part(), joiner.key2.public_part()).value();
    EXPECT_EQ(at_joiner.associated_data, at_creator.associated_data);
    EXPECT_TRUE(at_joiner.root_key == at_creator.root_key);
    EXPECT_TRUE(at_joiner.header_key == at_creator.header_key);
    EXPECT_TRUE(at_joiner.next_header_key == at_creator.next_header_key);

    const auto nothing = public_key::from_raw(key_type::x448, bytes(56)).value();
    EXPECT_FALSE(x3dh_join(joiner, nothing, creator.key2.public_part()));
    EXPECT_FALSE(x3dh_join(joiner, creator.key1.public_part(), nothing));
    EXPECT_FALSE(x3dh_accept(creator, joiner.key1.public_part(), public_key()));
}

} // namespace
} // namespace plexus::crypto
