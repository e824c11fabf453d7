#include "plexus/smp/proxy.hpp"

#include "plexus/smp/handshake.hpp"
#include "plexus/smp/server.hpp"
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

/// A server session with a proxy behind its hello, and what the proxy knows of it.
struct relay_side {
    counting_random random;
    server_identity identity;
    std::unique_ptr<server_session> session;
    crypto::private_key proxy_key;
    crypto::box_key proxy_box;

    explicit relay_side(bool with_key = true, bool as_proxy = true)
        : proxy_key(crypto::private_key::generate(crypto::key_type::x25519, random)) {
        const auto vector = vectors("handshake.json", "serverCertificates").at(1);
        identity = make_server_identity({hex_field(vector, "serverCertDer"), hex_field(vector, "caCertDer")},
                                        crypto::private_key::from_raw(crypto::key_type::ed25519,
                                                                      hex_field(vector, "serverKeyRaw"))
                                            .value())
                       .value();
        session = std::make_unique<server_session>(identity, bytes(32, 9), true, random);
        client_hello hello;
        hello.chosen = 17;
        hello.identity = identity.fingerprint;
        if (with_key) hello.key = proxy_key.public_part();
        hello.proxy = as_proxy;
        bytes content;
        encoding::writer writer(content);
        write(writer, hello);
        block_buffer block{};
        block_cipher().seal(block, content);
        EXPECT_TRUE(session->receive(block));
        proxy_box = crypto::box_key::agree(proxy_key, session->session_key()->public_part()).value();
    }

    /// What RFWD carries for a block's content of a client.
    bytes forward(const crypto::private_key& client, bytes_view client_id, bytes_view proxy_id,
                  bytes_view content, version v = 17) {
        const auto box = crypto::box_key::agree(client, session->session_key()->public_part()).value();
        const auto sealed = seal_proxied_command(box, client_id, content).value();
        bytes forwarded;
        encoding::writer writer(forwarded);
        write(writer, forwarded_transmission{client_id, v, client.public_part(), sealed});
        return seal_forwarded(proxy_box, proxy_id, forwarded);
    }
};

bytes batch_of_one(bytes_view authorization, bytes_view sent) {
    bytes out{1};
    encoding::writer writer(out);
    const auto begin = writer.begin_large();
    write_authorized(writer, 17, authorization, {}, sent);
    writer.end_large(begin);
    return out;
}

TEST(proxy, a_relay_opens_a_command_and_its_answer_comes_back) {
    relay_side relay;
    const auto client = crypto::private_key::generate(crypto::key_type::x25519, relay.random);
    const auto sender = crypto::private_key::generate(crypto::key_type::x25519, relay.random);
    const bytes client_id(24, 1);
    const bytes proxy_id(24, 2);
    const bytes queue(24, 3);
    bytes body;
    encoding::writer body_writer(body);
    write(body_writer, command(cmd::send{{true}, as_bytes("through a proxy")}), 17);
    bytes authorized;
    encoding::writer writer(authorized);
    write_for_authorization(writer, bytes(32, 9), client_id, queue, body);
    const auto authorization =
        authorize(sender, relay.session->session_key()->public_part(), client_id, authorized).value();
    const auto content = batch_of_one(authorization, bytes_view(authorized).subspan(33));
    auto opened = relay.session->open_relayed(proxy_id, relay.forward(client, client_id, proxy_id, content));
    ASSERT_TRUE(opened) << opened.error().message();
    const auto moved = std::move(opened).value();
    ASSERT_FALSE(moved.request.refused);
    EXPECT_EQ(hex(moved.request.entity_id), hex(queue));
    EXPECT_EQ(as_text(std::get<cmd::send>(moved.request.content).body), "through a proxy");
    EXPECT_TRUE(verify_authorization(sender.public_part(), *relay.session->session_key(),
                                     moved.request.correlation_id, moved.request.authorized,
                                     moved.request.authorization()));

    const auto answer = relay.session->seal_relayed(moved.route, client_id, queue, as_bytes("OK"));
    ASSERT_TRUE(answer);
    const auto at_proxy = open_forwarded_response(relay.proxy_box, proxy_id, *answer);
    ASSERT_TRUE(at_proxy);
    const auto response = parse_forwarded_response(*at_proxy);
    EXPECT_EQ(hex(response->correlation_id), hex(client_id));
    const auto box = crypto::box_key::agree(client, relay.session->session_key()->public_part()).value();
    const auto inner = open_proxied_response(box, client_id, response->response);
    ASSERT_TRUE(inner);
    auto batch = batch_reader::open(*inner);
    ASSERT_TRUE(batch);
    const auto transmission = parse_transmission(batch->next(), 17);
    EXPECT_EQ(hex(transmission->correlation_id), hex(client_id));
    EXPECT_EQ(as_text(transmission->body), "OK");
}

TEST(proxy, what_a_relay_refuses) {
    relay_side relay;
    const auto client = crypto::private_key::generate(crypto::key_type::x25519, relay.random);
    const bytes id(24, 1);
    bytes ping{24};
    ping.insert(ping.end(), id.begin(), id.end());
    ping.insert(ping.end(), {0, 'P', 'I', 'N', 'G'});
    const auto content = batch_of_one({}, ping);
    auto two = content;
    two[0] = 2;
    two.insert(two.end(), content.begin() + 1, content.end());
    EXPECT_TRUE(
        relay.session->open_relayed(id, relay.forward(client, id, id, two)).error().is(failure::block));
    const auto no_batch = relay.session->open_relayed(id, relay.forward(client, id, id, as_bytes("x")));
    ASSERT_TRUE(no_batch && no_batch->request.refused);
    EXPECT_EQ(to_text(*no_batch->request.refused), "BLOCK");
    EXPECT_TRUE(relay.session->open_relayed(id, relay.forward(client, id, id, content, 7))
                    .error()
                    .is(failure::syntax));
    EXPECT_TRUE(relay.session->open_relayed(bytes(24, 8), relay.forward(client, id, id, content))
                    .error()
                    .is(failure::crypto));
    EXPECT_TRUE(relay.session->open_relayed(id, {}).error().is(failure::crypto));
    const auto opened = relay.session->open_relayed(id, relay.forward(client, id, id, content));
    ASSERT_TRUE(opened && opened->request.refused);
    EXPECT_EQ(to_text(*opened->request.refused), "CMD PROHIBITED");
    relay_side without_key(false);
    const auto refused = without_key.session->open_relayed(id, without_key.forward(client, id, id, content));
    EXPECT_EQ(to_text(as_server_error(refused.error())), "PROXY BROKER TRANSPORT NO_AUTH");
    relay_side encrypted(true, false);
    EXPECT_TRUE(encrypted.session->open_relayed(id, encrypted.forward(client, id, id, content)))
        << "official servers take it from any client that gave a key";
}

TEST(proxy, malformed_forwards_are_refused) {
    EXPECT_FALSE(parse_forwarded_transmission({}));
    EXPECT_FALSE(parse_forwarded_transmission(as_bytes("\x01x\x00")));
    EXPECT_FALSE(parse_forwarded_response({}));
}

} // namespace
} // namespace plexus::smp::test
