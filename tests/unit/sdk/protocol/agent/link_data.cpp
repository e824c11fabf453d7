#include "helpers.hpp"

#include "plexus/agent/link_data.hpp"
#include "plexus/crypto/hash.hpp"

namespace plexus::test {
namespace {

bytes user_data_of(const boost::json::object& v) {
    const auto size = static_cast<std::size_t>(int_field(v, "userDataLen"));
    const auto text = text_field(v, "userData");
    return text.find(' ') == text.npos ? unhex(text) : bytes(size, 0x75);
}

agent::version_range agent_versions_of(const boost::json::object& v) {
    return versions(v.at("agentVersions"));
}

void expect_sha256(bytes_view data, const boost::json::object& v, std::string_view name) {
    EXPECT_EQ(hex(crypto::sha256(data)), text_field(v, name));
}

TEST(agent_link_data, builds_and_opens_as_the_official_library_does) {
    for (const auto& v : vectors(agent_file, "shortLinkData")) {
        SCOPED_TRACE(text_field(v, "name") + std::to_string(int_field(v, "userDataLen")));
        const auto root = private_from_raw(crypto::key_type::ed25519, hex_field(v, "rootPriv"));
        agent::fixed_link_data fixed;
        fixed.agent_versions = agent_versions_of(v);
        fixed.root_key = root.public_part();
        fixed.request = agent::parse_connection_request(text_field(v, "connReqStr")).value();
        const auto encoded_fixed = agent::encode(fixed);
        const auto link_key = agent::link_key(encoded_fixed);
        EXPECT_EQ(hex(link_key), text_field(v, "linkKey"));
        const auto signed_fixed = agent::sign_link_data(root, encoded_fixed);
        EXPECT_EQ(hex(signed_fixed), text_field(v, "fixedSigned"));

        agent::user_link_data user;
        user.mode = fixed.request.mode();
        user.agent_versions = agent_versions_of(v);
        user.user_data = user_data_of(v);
        user.direct = true;
        const auto signed_user = agent::sign_link_data(root, agent::encode(user));
        expect_sha256(signed_user, v, "userSignedSha256");

        crypto::box_key key;
        if (user.mode == agent::connection_mode::invitation) {
            key = agent::invitation_data_key(link_key);
        } else {
            const auto keys = agent::contact_data_key(link_key);
            EXPECT_EQ(hex(keys.link_id), text_field(v, "linkId"));
            key = keys.key;
        }
        EXPECT_EQ(
            hex(key.raw()),
            hex(crypto::box_key(secret_array<32>(std::span<const std::uint8_t, 32>(hex_field(v, "encKey"))))
                    .raw()));

        const auto sealed_fixed =
            agent::seal_fixed_link_data(key, crypto::to_nonce(hex_field(v, "fixedNonce")), signed_fixed)
                .value();
        EXPECT_EQ(hex(sealed_fixed), text_field(v, "encFixed"));
        EXPECT_EQ(sealed_fixed.size(), static_cast<std::size_t>(int_field(v, "encFixedLen")));
        const auto sealed_user =
            agent::seal_user_link_data(key, crypto::to_nonce(hex_field(v, "userNonce")), signed_user).value();
        expect_sha256(sealed_user, v, "encUserSha256");
        EXPECT_EQ(sealed_user.size(), static_cast<std::size_t>(int_field(v, "encUserLen")));

        const auto opened = agent::open_link_data(link_key, key, sealed_fixed, sealed_user);
        ASSERT_TRUE(opened) << opened.error().message();
        EXPECT_EQ(opened->fixed, fixed);
        EXPECT_EQ(opened->user, user);
    }
}

TEST(agent_link_data, owners_of_the_old_form_are_not_read) {
    // The one vector has owners as 6.4.5 wrote them, three fields in a row. 6.5 puts a length in front and
    // neither writes nor reads the old form, and so do we: it must be refused, not misread.
    const auto all = vectors(agent_file, "contactLinkData");
    EXPECT_EQ(all.size(), 1U);
    for (const auto& v : all) EXPECT_FALSE(agent::parse_user_link_data(hex_field(v, "smp")));
}

class agent_contact_data : public testing::Test {
  protected:
    agent_contact_data() {
        data_.mode = agent::connection_mode::contact;
        data_.agent_versions = {2, 7};
        data_.direct = false;
        data_.user_data = to_bytes("{}");
        fixed_.agent_versions = {2, 7};
        fixed_.root_key = root_.public_part();
        for (const auto& v : vectors(agent_file, "connectionLink"))
            if (text_field(v, "name") == "contact")
                fixed_.request = agent::parse_connection_request(text_field(v, "str")).value();
    }

    static crypto::private_key key(std::uint8_t fill) {
        return private_from_raw(crypto::key_type::ed25519, bytes(32, fill));
    }
    static agent::link_owner owner(std::string_view id, const crypto::private_key& own,
                                   const crypto::private_key& by) {
        const auto signed_data = concat({as_bytes(id), own.public_part().spki()});
        return {to_bytes(id), own.public_part(), to_bytes(crypto::sign(by, signed_data).view())};
    }
    result<agent::link_data> open(const crypto::private_key& signer, bytes_view wrong_key = {}) {
        const auto encoded_fixed = agent::encode(fixed_);
        const auto link_key = agent::link_key(encoded_fixed);
        const auto keys = agent::contact_data_key(link_key);
        const auto sealed_fixed =
            agent::seal_fixed_link_data(keys.key, {}, agent::sign_link_data(root_, encoded_fixed)).value();
        const auto sealed_user =
            agent::seal_user_link_data(keys.key, {}, agent::sign_link_data(signer, agent::encode(data_)))
                .value();
        return agent::open_link_data(wrong_key.empty() ? bytes_view(link_key) : wrong_key, keys.key,
                                     sealed_fixed, sealed_user);
    }

    crypto::private_key root_ = key(1);
    agent::fixed_link_data fixed_;
    agent::user_link_data data_;
};

TEST_F(agent_contact_data, an_owner_chain_is_accepted) {
    data_.owners = {owner("a", key(2), root_), owner("b", key(3), key(2))};
    data_.relays = {
        agent::parse_short_link("https://smp.example.com/r#d9oGfc5PIdsLJckd8RKla4FHHicURStMs7Lx-uRxKeQ")
            .value()};
    fixed_.entity_id = to_bytes("entity");
    for (const auto& signer : {root_, key(2), key(3)}) {
        const auto opened = open(signer);
        ASSERT_TRUE(opened) << opened.error().message();
        EXPECT_EQ(opened->user, data_);
        EXPECT_EQ(opened->fixed, fixed_);
    }
}

TEST_F(agent_contact_data, strangers_are_refused) {
    EXPECT_TRUE(open(key(9)).error().is(agent::failure::link_data));
    data_.owners = {owner("a", key(2), key(9))};
    EXPECT_TRUE(open(root_).error().is(agent::failure::link_data));
    data_.owners = {owner("a", key(2), root_), owner("a", key(3), root_)};
    EXPECT_TRUE(open(root_).error().is(agent::failure::link_data));
    data_.owners = {owner("a", root_, root_)};
    EXPECT_TRUE(open(root_).error().is(agent::failure::link_data));
}

TEST_F(agent_contact_data, another_link_key_is_refused) {
    EXPECT_TRUE(open(root_, bytes(32, 7)).error().is(agent::failure::link_data));
}

TEST_F(agent_contact_data, data_that_does_not_fit_is_refused) {
    EXPECT_FALSE(agent::seal_user_link_data({}, {}, bytes(14'000)));
}

} // namespace
} // namespace plexus::test
