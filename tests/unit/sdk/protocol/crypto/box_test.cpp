#include "seeded_random.hpp"
#include "vectors.hpp"

#include "plexus/crypto/box.hpp"
#include "plexus/encoding/base64.hpp"

#include <gtest/gtest.h>

namespace plexus::crypto {
namespace {

using test::hex;
using test::hex_field;
using test::text_field;

nonce nonce_of(const boost::json::object& vector) {
    const auto data = hex_field(vector, "nonce");
    EXPECT_EQ(data.size(), nonce_size);
    return to_nonce(data);
}
std::size_t padded_size_of(const boost::json::object& vector) {
    return static_cast<std::size_t>(test::int_field(vector, "paddedLen"));
}
secret_array<32> secret_of(bytes_view data) { return secret_array<32>(data.first<32>()); }
box_key key_of(const boost::json::object& vector) { return box_key(secret_of(hex_field(vector, "key"))); }

private_key x25519_private(const boost::json::object& vector, const char* name) {
    return private_key::from_raw(key_type::x25519, hex_field(vector, name)).value();
}
public_key x25519_public(const boost::json::object& vector, const char* name) {
    return public_key::from_raw(key_type::x25519, hex_field(vector, name)).value();
}

/// Both forms of a box, there and back, and every changed byte is noticed.
void expect_boxes(const box_key& key, const boost::json::object& vector) {
    const auto n = nonce_of(vector);
    const auto text = hex_field(vector, "msg");
    const auto box = seal(key, n, text);
    EXPECT_EQ(hex(box), text_field(vector, "boxNoPad"));
    EXPECT_EQ(open(key, n, box).value(), text);
    const auto padded = seal_padded(key, n, text, padded_size_of(vector)).value();
    EXPECT_EQ(hex(padded), text_field(vector, "boxPadded"));
    EXPECT_EQ(open_padded(key, n, padded).value(), text);

    for (std::size_t at = 0; at < box.size(); at += 1 + at / 64) {
        auto changed = box;
        changed[at] ^= 1;
        EXPECT_FALSE(open(key, n, changed));
        const auto before = changed;
        EXPECT_FALSE(open_in_place(key, n, changed));
        EXPECT_EQ(changed, before);
    }
}

TEST(box, vectors_of_crypto_box) {
    for (const auto& vector : test::vectors("box.json", "cryptoBox")) {
        const auto a = x25519_private(vector, "privA");
        const auto b = x25519_private(vector, "privB");
        EXPECT_EQ(hex(dh_x25519(a, x25519_public(vector, "pubB")).value()), text_field(vector, "secret"));
        expect_boxes(box_key::agree(a, x25519_public(vector, "pubB")).value(), vector);
        expect_boxes(box_key::agree(b, x25519_public(vector, "pubA")).value(), vector);
    }
}

TEST(box, vectors_of_secretbox) {
    for (const auto& vector : test::vectors("box.json", "secretBox")) expect_boxes(key_of(vector), vector);
}

TEST(box, in_place_is_the_same) {
    test::seeded_random random;
    const box_key key(random.secret<32>());
    const auto n = random_nonce(random);
    for (const std::size_t size : {0u, 1u, 63u, 64u, 65u, 16'368u}) {
        bytes text(size);
        random.fill(text);
        bytes box(box_tag_size);
        box.insert(box.end(), text.begin(), text.end());
        seal_in_place(key, n, box);
        EXPECT_EQ(box, seal(key, n, text));
        ASSERT_TRUE(open_in_place(key, n, box));
        EXPECT_TRUE(equal(bytes_view(box).subspan(box_tag_size), text));
    }
    bytes too_short(box_tag_size - 1);
    EXPECT_THROW(seal_in_place(key, n, too_short), std::invalid_argument);
    EXPECT_FALSE(open_in_place(key, n, too_short));
    EXPECT_FALSE(open(key, n, too_short));
    EXPECT_FALSE(open_tail(key, n, too_short));
}

TEST(box, padding_that_does_not_fit) {
    test::seeded_random random;
    const box_key key(random.secret<32>());
    const nonce n{};
    const auto sealed = seal_padded(key, n, bytes(15), 16);
    ASSERT_FALSE(sealed);
    EXPECT_TRUE(sealed.error().is(crypto_error::too_large));
    EXPECT_FALSE(seal_tail_padded(key, n, bytes(9), 16));
    const auto opened = open_padded(key, n, seal(key, n, as_bytes("\xff\xff hostile length")));
    ASSERT_FALSE(opened);
    EXPECT_TRUE(opened.error().is(crypto_error::bad_padding));
    EXPECT_FALSE(open_tail_padded(key, n, seal_tail(key, n, bytes(40, 0xff))));

    bytes out = to_bytes("before");
    ASSERT_TRUE(append_padded_box(out, key, n, as_bytes("text"), 32));
    EXPECT_EQ(open_padded(key, n, bytes_view(out).subspan(6)).value(), to_bytes("text"));
    EXPECT_FALSE(append_padded_box(out, key, n, bytes(40), 32));
    EXPECT_EQ(out.size(), 6u + 16 + 32);
}

TEST(nonces, vectors) {
    for (const auto& vector : test::vectors("box.json", "cbNonce")) {
        const auto n = to_nonce(hex_field(vector, "bytes"));
        EXPECT_EQ(hex(n), text_field(vector, "nonce"));
        EXPECT_EQ(hex(reverse_nonce(n)), text_field(vector, "reversed"));
    }
    for (const auto& vector : test::vectors("box.json", "reverseNonce")) {
        EXPECT_EQ(hex(reverse_nonce(nonce_of(vector))), text_field(vector, "reversed"));
    }
}

TEST(authenticators, vectors) {
    for (const auto& vector : test::vectors("box.json", "cbAuthenticate")) {
        const auto n = nonce_of(vector);
        const auto message = hex_field(vector, "msg");
        const auto signer =
            box_key::agree(x25519_private(vector, "signerPriv"), x25519_public(vector, "verifierPub"))
                .value();
        const auto verifier =
            box_key::agree(x25519_private(vector, "verifierPriv"), x25519_public(vector, "signerPub"))
                .value();
        EXPECT_EQ(hex(authenticate(signer, n, message)), text_field(vector, "authenticator"));

        auto given = hex_field(vector, "authenticator");
        EXPECT_TRUE(verify_authenticator(verifier, n, given, message));
        auto other = message;
        other.push_back(1);
        EXPECT_FALSE(verify_authenticator(verifier, n, given, other));
        EXPECT_FALSE(verify_authenticator(verifier, reverse_nonce(n), given, message));
        EXPECT_FALSE(verify_authenticator(verifier, n, bytes_view(given).first(79), message));
        EXPECT_FALSE(verify_authenticator(verifier, n, {}, message));
        given[40] ^= 4;
        EXPECT_FALSE(verify_authenticator(verifier, n, given, message));
    }
}

void expect_chain(sb_chain chain, const boost::json::array& steps) {
    ASSERT_EQ(steps.size(), 5u);
    for (const auto& step : steps) {
        const auto link = chain.next();
        EXPECT_EQ(hex(link.key), text_field(step.as_object(), "key"));
        EXPECT_EQ(hex(link.n), text_field(step.as_object(), "nonce"));
        EXPECT_EQ(hex(chain.chain_key()), text_field(step.as_object(), "chainKeyAfter"));
    }
}

TEST(block_chains, vectors) {
    for (const auto& vector : test::vectors("box.json", "sbChain")) {
        const auto chains =
            init_sb_chains(hex_field(vector, "sessionId"), secret_of(hex_field(vector, "secret")));
        EXPECT_EQ(hex(chains.server_send.chain_key()), text_field(vector, "serverSndChainKey"));
        EXPECT_EQ(hex(chains.server_receive.chain_key()), text_field(vector, "serverRcvChainKey"));
        expect_chain(chains.server_send, vector.at("serverSnd").as_array());
        expect_chain(chains.server_receive, vector.at("serverRcv").as_array());
    }
}

TEST(file_boxes, vectors_of_the_lazy_forms) {
    for (const auto& vector : test::vectors("box.json", "lazySecretBox")) {
        const auto key = key_of(vector);
        const auto n = nonce_of(vector);
        const auto text = hex_field(vector, "msg");
        const auto size = padded_size_of(vector);
        const auto box = seal_tail_padded(key, n, text, size).value();
        EXPECT_EQ(hex(box), text_field(vector, "tailTag"));
        EXPECT_EQ(open_tail_padded(key, n, box).value(), text);
        const auto unpadded = seal_tail(key, n, text);
        EXPECT_EQ(hex(unpadded), text_field(vector, "tailTagNoPad"));
        EXPECT_EQ(open_tail(key, n, unpadded).value(), text);

        bytes head(box.end() - box_tag_size, box.end());
        head.insert(head.end(), box.begin(), box.end() - box_tag_size);
        EXPECT_EQ(hex(head), text_field(vector, "headTag"));
        EXPECT_TRUE(open_in_place(key, n, head));
    }
}

TEST(file_boxes, vectors_of_local_files) {
    for (const auto& vector : test::vectors("box.json", "cryptoFile")) {
        const auto& arguments = vector.at("argsJson").as_object();
        const auto key = encoding::base64url_decode(text_field(arguments, "fileKey")).value();
        const auto n = encoding::base64url_decode(text_field(arguments, "fileNonce")).value();
        EXPECT_EQ(hex(key), text_field(vector, "key"));
        EXPECT_EQ(hex(n), text_field(vector, "nonce"));
        auto file = hex_field(vector, "file");
        const auto opened = open_tail(box_key(secret_of(key)), to_nonce(n), file);
        ASSERT_TRUE(opened);
        if (vector.contains("plain") && !test::is_null(vector, "plain")) {
            EXPECT_EQ(hex(opened.value()), text_field(vector, "plain"));
        }
        EXPECT_EQ(seal_tail(box_key(secret_of(key)), to_nonce(n), opened.value()), file);
        file.back() ^= 1;
        EXPECT_FALSE(open_tail(box_key(secret_of(key)), to_nonce(n), file));
    }
}

TEST(hybrid_secrets, vectors) {
    for (const auto& vector : test::vectors("box.json", "kemHybrid")) {
        const auto agreed = dh_x25519(x25519_private(vector, "privA"), x25519_public(vector, "pubB")).value();
        const auto secret = hybrid_secret(agreed, hex_field(vector, "kemShared"));
        EXPECT_EQ(hex(secret), text_field(vector, "secret"));
        const auto box =
            seal_padded(box_key(secret), nonce_of(vector), hex_field(vector, "msg"), padded_size_of(vector));
        EXPECT_EQ(hex(box.value()), text_field(vector, "boxPadded"));
    }
}

} // namespace
} // namespace plexus::crypto
