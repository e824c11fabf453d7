#include "seeded_random.hpp"
#include "vectors.hpp"

#include "plexus/crypto/box.hpp"
#include "plexus/encoding/base64.hpp"
#include "plexus/encoding/writer.hpp"

#include <gtest/gtest.h>

namespace plexus::crypto {
namespace {

using test::hex;
using test::hex_field;
using test::text_field;

constexpr std::array all_types = {key_type::ed25519, key_type::ed448, key_type::x25519, key_type::x448};

key_type type_of(const boost::json::object& vector) {
    const auto name = text_field(vector, "alg");
    if (name == "ed25519") return key_type::ed25519;
    if (name == "ed448") return key_type::ed448;
    if (name == "x25519") return key_type::x25519;
    EXPECT_EQ(name, "x448");
    return key_type::x448;
}

TEST(keys, vectors_of_all_encodings) {
    for (const auto& vector : test::vectors("keys.json", "key")) {
        const auto type = type_of(vector);
        const auto key = private_key::from_raw(type, hex_field(vector, "privRaw")).value();
        EXPECT_EQ(key.type(), type);
        EXPECT_EQ(hex(key.pkcs8()), text_field(vector, "privPkcs8Der"));
        EXPECT_EQ(encoding::base64url_encode(key.pkcs8()), text_field(vector, "privStr"));
        const auto& shared = key.public_part();
        EXPECT_EQ(hex(shared.raw()), text_field(vector, "pubRaw"));
        EXPECT_EQ(hex(shared.spki()), text_field(vector, "pubSpkiDer"));
        EXPECT_EQ(shared.text(), text_field(vector, "pubStr"));
        bytes on_the_wire;
        encoding::writer(on_the_wire).short_bytes(shared.spki());
        EXPECT_EQ(hex(on_the_wire), text_field(vector, "pubSmp"));
        EXPECT_EQ(shared.spki().size(), spki_size(type));

        EXPECT_EQ(public_key::from_spki(hex_field(vector, "pubSpkiDer")).value(), shared);
        EXPECT_EQ(public_key::from_text(text_field(vector, "pubStr")).value(), shared);
        EXPECT_EQ(public_key::from_raw(type, hex_field(vector, "pubRaw")).value(), shared);
        const auto read = private_key::from_pkcs8(hex_field(vector, "privPkcs8Der")).value();
        EXPECT_TRUE(read == key);
        EXPECT_EQ(read.public_part(), shared);
        EXPECT_TRUE(private_key::from_stored(type, key.raw(), shared.raw()).value() == key);
    }
}

TEST(keys, vectors_of_signatures) {
    for (const auto& vector : test::vectors("keys.json", "signature")) {
        const auto type = type_of(vector);
        const auto key = private_key::from_raw(type, hex_field(vector, "privRaw")).value();
        const auto message = hex_field(vector, "msg");
        const auto made = sign(key, message);
        EXPECT_EQ(hex(made.view()), text_field(vector, "sig"));
        EXPECT_EQ(encoding::base64_encode(made), text_field(vector, "sigStr"));
        bytes on_the_wire;
        encoding::writer(on_the_wire).short_bytes(made);
        EXPECT_EQ(hex(on_the_wire), text_field(vector, "sigSmp"));

        const auto shared = public_key::from_raw(type, hex_field(vector, "pubRaw")).value();
        auto given = hex_field(vector, "sig");
        EXPECT_TRUE(verify(shared, message, given));
        auto other = message;
        other.push_back(0);
        EXPECT_FALSE(verify(shared, other, given));
        EXPECT_FALSE(verify(shared, message, bytes_view(given).first(given.size() - 1)));
        given[0] ^= 1;
        EXPECT_FALSE(verify(shared, message, given));
    }
}

TEST(keys, vectors_of_key_agreement) {
    for (const auto& vector : test::vectors("keys.json", "dh")) {
        const auto type = type_of(vector);
        const auto a = private_key::from_raw(type, hex_field(vector, "privA")).value();
        const auto b = private_key::from_raw(type, hex_field(vector, "privB")).value();
        EXPECT_EQ(hex(a.public_part().raw()), text_field(vector, "pubA"));
        EXPECT_EQ(hex(b.public_part().raw()), text_field(vector, "pubB"));
        if (type == key_type::x25519) {
            EXPECT_EQ(hex(dh_x25519(a, b.public_part()).value()), text_field(vector, "secret"));
            EXPECT_EQ(hex(dh_x25519(b, a.public_part()).value()), text_field(vector, "secret"));
        } else {
            EXPECT_EQ(hex(dh_x448(a, b.public_part()).value()), text_field(vector, "secret"));
            EXPECT_EQ(hex(dh_x448(b, a.public_part()).value()), text_field(vector, "secret"));
        }
    }
}

TEST(keys, vectors_of_refused_keys) {
    for (const auto& vector : test::vectors("keys.json", "badPub")) {
        const auto key = public_key::from_spki(hex_field(vector, "der"));
        ASSERT_FALSE(key);
        EXPECT_TRUE(key.error().is(crypto_error::bad_key));
    }
}

/// Which keys may authorize commands: those that sign, and X25519.
TEST(keys, vectors_of_authorization_keys) {
    const auto may_authorize = [](const boost::json::object& vector) {
        const auto key = public_key::from_spki(hex_field(vector, "der")).value();
        return can_sign(key.type()) || key.type() == key_type::x25519;
    };
    for (const auto& vector : test::vectors("keys.json", "acceptedAuthKey"))
        EXPECT_TRUE(may_authorize(vector));
    for (const auto& vector : test::vectors("keys.json", "badAuthKey")) EXPECT_FALSE(may_authorize(vector));
}

TEST(keys, vectors_of_sizes) {
    for (const auto& vector : test::vectors("keys.json", "sizes")) {
        const auto what = text_field(vector, "what");
        ASSERT_TRUE(what == "cbAuthenticator" || what == "authTag") << what;
        const auto size = what == "authTag" ? box_tag_size : authenticator_size;
        EXPECT_EQ(static_cast<std::int64_t>(size), test::int_field(vector, "bytes"));
    }
}

TEST(keys, every_cut_and_every_changed_prefix_is_refused) {
    test::seeded_random random;
    for (const auto type : all_types) {
        const auto key = private_key::generate(type, random);
        const auto der = key.public_part().spki();
        const auto private_der = key.pkcs8();
        for (std::size_t size = 0; size < der.size(); ++size) {
            EXPECT_FALSE(public_key::from_spki(bytes_view(der).first(size)));
        }
        for (std::size_t size = 0; size < private_der.size(); ++size) {
            EXPECT_FALSE(private_key::from_pkcs8(bytes_view(private_der).first(size)));
        }
        for (std::size_t at = 0; at < der.size() - raw_key_size(type); ++at) {
            auto changed = der;
            changed[at] ^= 0x80;
            EXPECT_FALSE(public_key::from_spki(changed)) << at;
        }
        for (const auto other : all_types) {
            EXPECT_EQ(public_key::from_spki(other, der).has_value(), other == type);
        }
    }
}

TEST(keys, low_order_points_are_refused) {
    test::seeded_random random;
    const auto own25519 = private_key::generate(key_type::x25519, random);
    const auto own448 = private_key::generate(key_type::x448, random);
    bytes one(56);
    for (const int value : {0, 1}) {
        one[0] = static_cast<std::uint8_t>(value);
        const auto low25519 = public_key::from_raw(key_type::x25519, bytes_view(one).first(32)).value();
        const auto low448 = public_key::from_raw(key_type::x448, one).value();
        const auto secret25519 = dh_x25519(own25519, low25519);
        const auto secret448 = dh_x448(own448, low448);
        ASSERT_FALSE(secret25519);
        ASSERT_FALSE(secret448);
        EXPECT_TRUE(secret25519.error().is(crypto_error::weak_key));
        EXPECT_TRUE(secret448.error().is(crypto_error::weak_key));
    }
}

TEST(keys, wrong_types_are_refused) {
    test::seeded_random random;
    const auto signing = private_key::generate(key_type::ed25519, random);
    const auto agreeing = private_key::generate(key_type::x25519, random);
    EXPECT_THROW(sign(agreeing, {}), std::invalid_argument);
    EXPECT_THROW(sign(private_key(), {}), std::invalid_argument);
    EXPECT_FALSE(verify(agreeing.public_part(), {}, bytes(64)));
    EXPECT_FALSE(verify(agreeing.public_part(), {}, {}));
    EXPECT_FALSE(verify(public_key(), {}, {}));
    EXPECT_FALSE(dh_x25519(signing, agreeing.public_part()));
    EXPECT_FALSE(dh_x25519(agreeing, signing.public_part()));
    EXPECT_FALSE(dh_x25519(agreeing, public_key()));
    EXPECT_FALSE(dh_x448(agreeing, agreeing.public_part()));
    EXPECT_FALSE(public_key::from_raw(key_type::x448, bytes(32)));
    EXPECT_FALSE(private_key::from_raw(key_type::ed448, bytes(56)));
    EXPECT_NE(public_key(), agreeing.public_part());
    EXPECT_EQ(public_key(), public_key());
}

TEST(keys, the_same_random_bytes_give_the_same_key) {
    test::seeded_random first(7);
    test::seeded_random again(7);
    EXPECT_TRUE(private_key::generate(key_type::x448, first) == private_key::generate(key_type::x448, again));
    EXPECT_FALSE(private_key::generate(key_type::x448, first) ==
                 private_key::generate(key_type::ed25519, again));
}

} // namespace
} // namespace plexus::crypto
