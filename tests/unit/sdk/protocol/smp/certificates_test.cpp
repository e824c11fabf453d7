#include "plexus/smp/certificates.hpp"

#include "plexus/encoding/base64.hpp"
#include "vector_fields.hpp"

namespace plexus::smp::test {
namespace {

TEST(certificates, of_official_servers) {
    for (const auto& vector : vectors("handshake.json", "serverCertificates")) {
        const auto certificate = hex_field(vector, "caCertDer");
        const auto hash = fingerprint(certificate);
        EXPECT_EQ(hex(hash), text_field(vector, "fingerprint"));
        EXPECT_EQ(encoding::base64url_encode(hash), text_field(vector, "fingerprintStr"));
        const auto type =
            text_field(vector, "alg") == "ED448" ? crypto::key_type::ed448 : crypto::key_type::ed25519;
        for (const auto& [der, raw] :
             {std::pair{"caCertDer", "caKeyRaw"}, std::pair{"serverCertDer", "serverKeyRaw"}}) {
            const auto key = certificate_key(hex_field(vector, der));
            ASSERT_TRUE(key);
            EXPECT_EQ(*key, crypto::private_key::from_raw(type, hex_field(vector, raw))->public_part());
        }
    }
}

TEST(certificates, roles_in_a_chain) {
    for (const auto& vector : vectors("handshake.json", "chainRoles")) {
        const auto length = vector.at("chain").as_array().size();
        const auto roles = roles_of_chain(length);
        const auto expected = text_field(vector, "roles");
        if (expected.front() != '[') {
            EXPECT_FALSE(roles) << length;
            EXPECT_EQ(roles_of_service_chain(length).has_value(), expected == "self");
            continue;
        }
        ASSERT_TRUE(roles);
        EXPECT_EQ("[" + std::to_string(roles->leaf) + "," + std::to_string(roles->identity) + "," +
                      std::to_string(roles->authority) + "]",
                  expected);
    }
}

TEST(certificates, a_signed_key_verifies_with_its_signer_alone) {
    counting_random random;
    const auto session = crypto::private_key::generate(crypto::key_type::x25519, random).public_part();
    for (const auto type : {crypto::key_type::ed25519, crypto::key_type::ed448}) {
        const auto signer = crypto::private_key::generate(type, random);
        const auto other = crypto::private_key::generate(type, random);
        const auto signed_key = sign_session_key(signer, session);
        EXPECT_EQ(signed_key.size(), type == crypto::key_type::ed25519 ? 122U : 173U);
        EXPECT_EQ(verify_session_key(signer.public_part(), signed_key).value(), session);
        EXPECT_FALSE(verify_session_key(other.public_part(), signed_key));
        for (std::size_t i = 0; i < signed_key.size(); ++i) {
            auto changed = signed_key;
            changed[i] ^= 1;
            EXPECT_FALSE(verify_session_key(signer.public_part(), changed)) << i;
            changed.resize(i);
            EXPECT_FALSE(verify_session_key(signer.public_part(), changed)) << i;
        }
    }
}

TEST(certificates, what_is_none_is_refused) {
    EXPECT_FALSE(certificate_key({}));
    EXPECT_FALSE(certificate_key(as_bytes("no certificate")));
    auto certificate = hex_field(vectors("handshake.json", "serverCertificates").front(), "caCertDer");
    certificate.push_back(0);
    EXPECT_TRUE(certificate_key(certificate).error().is(failure::bad_auth));
}

} // namespace
} // namespace plexus::smp::test
