#include "plexus/smp/proxy.hpp"

#include "plexus/smp/transmission.hpp"
#include "vector_fields.hpp"

namespace plexus::smp::test {
namespace {

TEST(proxy, a_command_and_its_response_through_all_layers) {
    for (const auto& vector : vectors("smp_transmissions.json", "proxied")) {
        const auto client = x25519(vector, "cmdPriv");
        const auto relay = x25519(vector, "relayPriv");
        const auto proxy = x25519(vector, "proxySessPriv");
        const auto client_id = hex_field(vector, "clientCorrId");
        const auto proxy_id = hex_field(vector, "proxyCorrId");
        const auto client_key = crypto::box_key::agree(client, relay.public_part()).value();
        const auto relay_client_key = crypto::box_key::agree(relay, client.public_part()).value();
        const auto session_key = crypto::box_key::agree(proxy, relay.public_part()).value();
        const auto relay_session_key = crypto::box_key::agree(relay, proxy.public_part()).value();

        const auto inner = hex_field(vector, "inner");
        const auto sealed = seal_proxied_command(client_key, client_id, inner);
        ASSERT_TRUE(sealed);
        EXPECT_EQ(hex(*sealed), text_field(vector, "encTransmission"));
        bytes forwarded;
        encoding::writer writer(forwarded);
        const auto v = static_cast<version>(int_field(vector, "version"));
        write(writer, forwarded_transmission{client_id, v, client.public_part(), *sealed});
        EXPECT_EQ(hex(crypto::sha256(forwarded)), text_field(vector, "fwdTransmissionSha256"));
        const auto outer = seal_forwarded(session_key, proxy_id, forwarded);
        EXPECT_EQ(outer.size(), static_cast<std::size_t>(int_field(vector, "encFwdTransmissionLen")));
        EXPECT_EQ(hex(crypto::sha256(outer)), text_field(vector, "encFwdTransmissionSha256"));

        const auto at_relay = open_forwarded(relay_session_key, proxy_id, outer);
        ASSERT_TRUE(at_relay);
        const auto parsed = parse_forwarded_transmission(*at_relay);
        ASSERT_TRUE(parsed);
        EXPECT_EQ(hex(parsed->correlation_id), hex(client_id));
        EXPECT_EQ(parsed->relay_version, v);
        EXPECT_EQ(parsed->key, client.public_part());
        const auto command = open_proxied_command(relay_client_key, client_id, parsed->transmission);
        ASSERT_TRUE(command);
        EXPECT_EQ(hex(*command), hex(inner));
        EXPECT_TRUE(batch_reader::open(*command));

        const auto answer = hex_field(vector, "respInner");
        const auto response = seal_proxied_response(relay_client_key, client_id, answer);
        ASSERT_TRUE(response);
        EXPECT_EQ(hex(*response), text_field(vector, "encResponse"));
        bytes wrapped;
        encoding::writer response_writer(wrapped);
        write(response_writer, forwarded_response{client_id, *response});
        const auto back = seal_forwarded_response(relay_session_key, proxy_id, wrapped);
        EXPECT_EQ(back.size(), static_cast<std::size_t>(int_field(vector, "encFwdResponseLen")));
        EXPECT_EQ(hex(crypto::sha256(back)), text_field(vector, "encFwdResponseSha256"));

        const auto at_proxy = open_forwarded_response(session_key, proxy_id, back);
        ASSERT_TRUE(at_proxy);
        const auto answered = parse_forwarded_response(*at_proxy);
        ASSERT_TRUE(answered);
        EXPECT_EQ(hex(answered->correlation_id), hex(client_id));
        const auto opened = open_proxied_response(client_key, client_id, answered->response);
        ASSERT_TRUE(opened);
        EXPECT_EQ(hex(*opened), hex(answer));
    }
}

TEST(proxy, malformed_forwards_are_refused) {
    EXPECT_FALSE(parse_forwarded_transmission({}));
    EXPECT_FALSE(parse_forwarded_transmission(as_bytes("\x01x\x00")));
    EXPECT_FALSE(parse_forwarded_response({}));
}

} // namespace
} // namespace plexus::smp::test
