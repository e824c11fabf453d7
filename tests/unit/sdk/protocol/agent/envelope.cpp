#include "helpers.hpp"

#include "plexus/agent/envelope.hpp"

namespace plexus::test {
namespace {

crypto::e2e_params params_of(const boost::json::object& v) {
    const auto binary = hex_field(v, "e2eParams");
    encoding::reader in(binary);
    return crypto::read_e2e_params(in);
}

agent::agent_envelope envelope_of(const boost::json::object& v) {
    const auto name = text_field(v, "name");
    const auto version = static_cast<std::uint16_t>(int_field(v, "agentVersion"));
    if (name == "AgentMsgEnvelope") return agent::message_envelope{version, hex_field(v, "encAgentMessage")};
    if (name == "AgentInvitation")
        return agent::invitation_envelope{version,
                                          agent::parse_connection_request(text_field(v, "connReq")).value(),
                                          hex_field(v, "connInfo")};
    if (name == "AgentRatchetKey")
        return agent::ratchet_key_envelope{version, params_of(v), hex_field(v, "info")};
    EXPECT_EQ(name, "AgentConfirmation");
    agent::confirmation_envelope out{version, {}, hex_field(v, "encConnInfo")};
    if (!is_null(v, "e2eParams")) out.e2e = params_of(v);
    return out;
}

TEST(agent_envelope, encode_and_parse_as_the_official_library_does) {
    for (const auto& v : vectors(agent_file, "envelope")) {
        const auto binary = hex_field(v, "smp");
        EXPECT_EQ(hex(agent::encode(envelope_of(v))), hex(binary)) << text_field(v, "name");
        const auto parsed = agent::parse_agent_envelope(binary);
        ASSERT_TRUE(parsed) << text_field(v, "name");
        EXPECT_EQ(*parsed, envelope_of(v));
    }
    EXPECT_FALSE(agent::parse_agent_envelope({}));
    EXPECT_FALSE(agent::parse_agent_envelope(unhex("000758")));
}

TEST(agent_envelope, client_messages_encode_and_parse) {
    for (const auto& v : vectors(agent_file, "clientMessage")) {
        agent::client_message message;
        if (text_field(v, "name") == "PHConfirmation")
            message.sender_key = key_from_spki(text_field(v, "key"));
        message.body = hex_field(v, "body");
        EXPECT_EQ(hex(agent::encode(message)), text_field(v, "smp"));
        EXPECT_EQ(agent::parse_client_message(hex_field(v, "smp")).value(), message);
    }
    EXPECT_FALSE(agent::parse_client_message({}));
    EXPECT_FALSE(agent::parse_client_message(as_bytes("K")));
    EXPECT_FALSE(agent::parse_client_message(as_bytes("x")));
}

TEST(agent_envelope, client_envelopes_encode_and_parse) {
    for (const auto& v : vectors(agent_file, "clientMsgEnvelope")) {
        agent::client_envelope envelope;
        envelope.client_version = static_cast<std::uint16_t>(int_field(v, "smpClientVersion"));
        if (!is_null(v, "e2ePubKey"))
            envelope.dh_key = key_from_raw(crypto::key_type::x25519, hex_field(v, "e2ePubKey"));
        envelope.nonce = crypto::to_nonce(hex_field(v, "nonce"));
        envelope.box = hex_field(v, "encBody");
        const auto binary = hex_field(v, "smp");
        EXPECT_EQ(hex(agent::encode(envelope)), hex(binary));
        EXPECT_EQ(agent::parse_client_envelope(binary).value(), envelope);
        for (std::size_t size = 0; size + envelope.box.size() < binary.size(); ++size)
            EXPECT_FALSE(agent::parse_client_envelope(bytes_view(binary).first(size)));
    }
}

TEST(agent_envelope, a_message_too_large_for_its_padding_is_refused) {
    agent::client_message message{{}, bytes(16'000)};
    EXPECT_FALSE(agent::seal_client_message({}, {}, 4, {}, message, agent::client_message_padding));
}

TEST(agent_envelope, sizes_are_those_of_the_official_library) {
    const std::map<std::string, std::size_t> sizes = {
        {"e2eEncConnInfoLength", agent::confirmation_padding(7, false)},
        {"e2eEncConnInfoLength PQ", agent::confirmation_padding(7, true)},
        {"e2eEncAgentMsgLength", agent::message_padding(7, false)},
        {"e2eEncAgentMsgLength PQ", agent::message_padding(7, true)},
        {"e2eEncConfirmationLength", agent::client_confirmation_padding},
        {"e2eEncMessageLength", agent::client_message_padding},
    };
    const auto constants = vectors(agent_file, "constant");
    EXPECT_EQ(constants.size(), sizes.size());
    for (const auto& v : constants)
        EXPECT_EQ(sizes.at(text_field(v, "name")), static_cast<std::size_t>(int_field(v, "value")));
    EXPECT_EQ(agent::message_padding(4, true), 15'840U);
}

TEST(agent_envelope, security_codes_are_those_of_the_official_library) {
    for (const auto& v : vectors(agent_file, "securityCode"))
        EXPECT_EQ(agent::security_code(hex_field(v, "ad")), text_field(v, "code"));
}

} // namespace
} // namespace plexus::test
