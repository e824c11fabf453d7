#include "plexus/smp/client.hpp"

#include "plexus/smp/authorization.hpp"
#include "plexus/smp/certificates.hpp"
#include "plexus/smp/message_body.hpp"
#include "plexus/smp/server.hpp"
#include "vector_fields.hpp"

namespace plexus::smp::test {
namespace {

/// A client and a server session after their hellos, over the certificates of an official server.
class pair {
  public:
    explicit pair(version most = supported_versions.max, bool alpn = true,
                  std::shared_ptr<const client_service> service = nullptr) {
        const auto vector = vectors("handshake.json", "serverCertificates").at(1);
        std::vector<bytes> chain{hex_field(vector, "serverCertDer"), hex_field(vector, "caCertDer")};
        identity_ =
            make_server_identity(chain, crypto::private_key::from_raw(crypto::key_type::ed25519,
                                                                      hex_field(vector, "serverKeyRaw"))
                                            .value())
                .value();
        client_parameters parameters;
        parameters.versions.max = most;
        parameters.server = identity_.fingerprint;
        parameters.session_id = bytes(32, 9);
        parameters.peer_chain = chain;
        parameters.service = service;
        client = std::make_unique<client_session>(parameters, random);
        server = std::make_unique<server_session>(identity_, parameters.session_id, alpn, random,
                                                  service ? service->chain : std::vector<bytes>{});
        block_buffer hello{};
        EXPECT_TRUE(server->write_hello(hello));
        EXPECT_TRUE(client->receive(hello));
        EXPECT_TRUE(client->next_block(hello));
        EXPECT_TRUE(server->receive(hello));
    }

    /// Carries all queued blocks of the client to the server and answers its requests one by one.
    template <typename Answer>
    void exchange(Answer answer) {
        block_buffer to_server{};
        while (client->next_block(to_server)) {
            ASSERT_TRUE(server->receive(to_server));
            server_request request;
            while (server->next(request)) answer(request);
        }
    }

    /// Appends a transmission of the server.
    void respond(bytes& out, bytes_view correlation, bytes_view entity, const message& content) {
        server->write_response(out, correlation, entity, written(content, server->agreed_version()));
    }

    /// The events that this content of a block gives to the client.
    std::vector<client_event> deliver(const bytes& transmissions) {
        block_buffer out{};
        auto builder = server->begin(out);
        encoding::reader in(transmissions);
        while (!in.at_end()) EXPECT_TRUE(builder.append(in.large_bytes()));
        server->seal(builder);
        return receive(out);
    }
    std::vector<client_event> receive(block_buffer& block) {
        last_ = block;
        std::vector<client_event> out;
        if (!client->receive(last_)) return out;
        while (auto event = client->next()) out.push_back(std::move(*event));
        return out;
    }

    counting_random random;
    std::unique_ptr<client_session> client;
    std::unique_ptr<server_session> server;

  private:
    server_identity identity_;
    block_buffer last_{};
};

/// The credentials of a service in a vector.
std::shared_ptr<const client_service> a_service(service_role role) {
    for (const auto& vector : vectors("handshake.json", "handshake")) {
        if (is_null(vector, "service")) continue;
        const auto& service = member(vector, "service");
        auto out = std::make_shared<client_service>();
        out->role = role;
        for (const auto& each : service.at("chain").as_array())
            out->chain.push_back(unhex(std::string_view(each.as_string())));
        out->key =
            crypto::private_key::from_raw(crypto::key_type::ed25519, hex_field(service, "signKey")).value();
        return out;
    }
    return nullptr;
}

TEST(client, a_service_signs_what_it_sends) {
    for (version v = since::service_certificates; v <= supported_versions.max; ++v) {
        SCOPED_TRACE(v);
        pair both(v, true, a_service(service_role::notifier));
        ASSERT_EQ(both.client->current(), client_session::state::service);
        const auto key = crypto::private_key::generate(crypto::key_type::ed25519, both.random);
        const bytes notifier(24, 5);
        EXPECT_FALSE(both.client->send(cmd::nsub{}, notifier, &key, 1)) << "not before the answer";
        block_buffer answer{};
        const bytes service_id(24, 8);
        both.server->accept_service(service_id, answer);
        ASSERT_TRUE(both.client->receive(answer));

        std::vector<std::string> seen;
        const auto see = [&](const server_request& request) {
            seen.push_back(request.refused ? to_text(*request.refused) : std::string(name(request.content)));
            if (!request.refused && std::holds_alternative<cmd::nsub>(request.content)) {
                EXPECT_TRUE(verify_authorization(key.public_part(), *both.server->session_key(),
                                                 request.correlation_id, request.authorized,
                                                 request.authorization()));
            }
        };
        ASSERT_TRUE(both.client->send(cmd::nsub{}, notifier, &key, 1));
        ASSERT_TRUE(both.client->send(cmd::nsubs{}, service_id, nullptr, 2));
        ASSERT_TRUE(both.client->send(cmd::nsubs{}, notifier, nullptr, 3));
        ASSERT_TRUE(both.client->send(cmd::sub{}, notifier, &key, 4));
        ASSERT_TRUE(both.client->send(cmd::ping{}, {}, nullptr, 5));
        both.exchange(see);
        EXPECT_EQ(seen, (std::vector<std::string>{"NSUB", "NSUBS", "SERVICE", "CMD PROHIBITED", "PING"}))
            << "another's id, and another role's command";
    }
}

TEST(client, a_service_that_the_server_does_not_take) {
    pair both(17, true, a_service(service_role::messaging));
    block_buffer refusal{};
    both.server->write_service_refusal(refusal);
    const auto received = both.client->receive(refusal);
    ASSERT_FALSE(received);
    EXPECT_TRUE(received.error().is(failure::bad_service));
    EXPECT_EQ(both.client->current(), client_session::state::closed);
    EXPECT_EQ(both.server->current(), server_session::state::closed);
}

TEST(client, only_services_send_for_all_their_queues) {
    pair both;
    EXPECT_TRUE(both.client->send(cmd::subs{}, bytes(24, 1), nullptr, 1).error().is(failure::key));
}

TEST(client, commands_of_every_version_arrive_authorized) {
    for (version v = 6; v <= supported_versions.max; ++v) {
        SCOPED_TRACE(v);
        pair both(v, v > 6);
        ASSERT_EQ(both.client->agreed_version(), v);
        for (const auto type :
             {crypto::key_type::ed25519, crypto::key_type::ed448, crypto::key_type::x25519}) {
            if (!can_authorize(type, v)) continue;
            const auto key = crypto::private_key::generate(type, both.random);
            const bytes queue(24, 5);
            ASSERT_TRUE(both.client->send(cmd::sub{}, queue, &key, 77));
            std::size_t count = 0;
            both.exchange([&](const server_request& request) {
                ++count;
                ASSERT_FALSE(request.refused);
                EXPECT_TRUE(std::holds_alternative<cmd::sub>(request.content));
                EXPECT_EQ(hex(request.entity_id), hex(queue));
                EXPECT_TRUE(verify_authorization(key.public_part(), *both.server->session_key(),
                                                 request.correlation_id, request.authorized,
                                                 request.authorization()));
                bytes out;
                both.respond(out, request.correlation_id, request.entity_id, msg::ok{});
                const auto events = both.deliver(out);
                ASSERT_EQ(events.size(), 1U);
                EXPECT_EQ(events[0].what, client_event::kind::response);
                EXPECT_EQ(events[0].token, 77U);
                EXPECT_TRUE(std::holds_alternative<msg::ok>(events[0].content));
            });
            EXPECT_EQ(count, 1U);
            EXPECT_EQ(both.client->pending(), 0U);
        }
    }
}

TEST(client, many_commands_share_blocks) {
    pair both;
    const auto key = crypto::private_key::generate(crypto::key_type::ed25519, both.random);
    for (std::uint64_t i = 0; i < 600; ++i) ASSERT_TRUE(both.client->send(cmd::sub{}, bytes(24, 1), &key, i));
    std::size_t count = 0;
    both.exchange([&](const server_request& request) {
        EXPECT_FALSE(request.refused);
        ++count;
    });
    EXPECT_EQ(count, 600U);
    EXPECT_EQ(both.client->pending(), 600U);
}

TEST(client, tells_events_late_and_malformed_answers_apart) {
    pair both;
    const bytes queue(24, 3);
    const auto key = crypto::private_key::generate(crypto::key_type::ed25519, both.random);
    const auto first = both.client->send(cmd::sub{}, queue, &key, 1).value();
    const auto second = both.client->send(cmd::sub{}, queue, &key, 2).value();
    const auto third = both.client->send(cmd::get{}, queue, &key, 3).value();
    const auto fourth = both.client->send(cmd::ping{}, {}, nullptr, 4).value();
    EXPECT_TRUE(both.client->forget(second));
    EXPECT_FALSE(both.client->forget(second));
    bytes out;
    both.respond(out, {}, queue, msg::end{});
    both.respond(out, first, bytes(24, 4), msg::ok{});
    both.respond(out, second, queue, msg::ok{});
    both.respond(out, third, {}, msg::err{make_server_error(error_code::auth)});
    both.respond(out, fourth, queue, msg::pong{});
    both.respond(out, {}, {}, msg::ok{});
    const auto events = both.deliver(out);
    ASSERT_EQ(events.size(), 6U);
    EXPECT_EQ(events[0].what, client_event::kind::event);
    EXPECT_TRUE(std::holds_alternative<msg::end>(events[0].content));
    EXPECT_EQ(events[1].what, client_event::kind::malformed) << "another queue than asked";
    EXPECT_EQ(events[1].token, 1U);
    EXPECT_EQ(events[2].what, client_event::kind::late);
    EXPECT_EQ(events[2].correlation, second);
    EXPECT_EQ(events[3].what, client_event::kind::response);
    EXPECT_EQ(std::get<msg::err>(events[3].content).error.code, error_code::auth);
    EXPECT_EQ(events[4].what, client_event::kind::malformed) << "PONG has no entity";
    EXPECT_TRUE(events[4].matched);
    EXPECT_EQ(events[5].what, client_event::kind::malformed) << "OK needs an entity";
    EXPECT_FALSE(events[5].matched);
    EXPECT_EQ(both.client->pending(), 0U);
}

TEST(client, a_message_of_the_largest_size_arrives) {
    for (const auto v : {version{6}, version{8}, version{17}}) {
        pair both(v, v > 6);
        const auto recipient = crypto::private_key::generate(crypto::key_type::x25519, both.random);
        const auto server_key = crypto::private_key::generate(crypto::key_type::x25519, both.random);
        const bytes queue(24, 1);
        const bytes id(24, 2);
        const bytes text(max_message_length(v), 'm');
        received_body body;
        body.body = text;
        body.seconds = 1'751'328'000;
        block_buffer out{};
        auto builder = both.server->begin(out);
        bytes ok;
        both.respond(ok, bytes(24, 8), queue, msg::sok{});
        ASSERT_TRUE(builder.append(bytes_view(ok).subspan(2)));
        const auto box = crypto::box_key::agree(server_key, recipient.public_part()).value();
        ASSERT_TRUE(both.server->append_message(builder, {}, queue, box, id, body));
        EXPECT_FALSE(both.server->append_message(builder, {}, queue, box, id, body));
        both.server->seal(builder);
        const auto events = both.receive(out);
        ASSERT_EQ(events.size(), 2U);
        const auto& got = std::get<msg::message>(events[1].content);
        EXPECT_EQ(hex(got.message_id), hex(id));
        auto encrypted = to_bytes(got.body);
        const auto opened = open_message_body(box, id, encrypted);
        ASSERT_TRUE(opened);
        EXPECT_EQ(hex(opened->body), hex(text));
    }
}

TEST(client, the_largest_send_fits_and_a_larger_is_refused) {
    for (const auto v : {version{6}, version{8}, version{17}}) {
        pair both(v, v > 6);
        const auto key = crypto::private_key::generate(crypto::key_type::ed448, both.random);
        EXPECT_TRUE(
            both.client->send(cmd::send{{true}, bytes(both.client->max_body(), 'x')}, bytes(24, 1), &key, 1));
        EXPECT_TRUE(both.client->send(cmd::send{{true}, bytes(16'300, 'x')}, bytes(24, 1), &key, 1)
                        .error()
                        .is(failure::too_large));
        std::size_t count = 0;
        both.exchange([&](const server_request& request) {
            ++count;
            EXPECT_EQ(std::get<cmd::send>(request.content).body.size(), both.client->max_body());
        });
        EXPECT_EQ(count, 1U);
    }
}

TEST(client, a_bad_block_does_not_end_the_session) {
    pair both;
    block_buffer garbage{};
    garbage[7] = 1;
    EXPECT_TRUE(both.client->receive(garbage).error().is(failure::block));
    EXPECT_FALSE(both.client->next());
    EXPECT_EQ(both.client->current(), client_session::state::ready);
}

TEST(server, refuses_malformed_requests_with_the_official_errors) {
    pair both;
    auto answer_to = [&both](const bytes& transmission) {
        // Straight into the server: a batch of one, sealed as the client would.
        block_buffer out{};
        bytes content{1};
        encoding::writer(content).large_bytes(transmission);
        static const bytes session_id(32, 9);
        auto cipher = block_cipher();
        cipher.seal(out, content);
        server_session plain = [&] {
            const auto vector = vectors("handshake.json", "serverCertificates").at(1);
            static const auto identity =
                make_server_identity({hex_field(vector, "serverCertDer"), hex_field(vector, "caCertDer")},
                                     crypto::private_key::from_raw(crypto::key_type::ed25519,
                                                                   hex_field(vector, "serverKeyRaw"))
                                         .value())
                    .value();
            server_session made(identity, session_id, true, both.random);
            block_buffer hello{};
            bytes greeting{0, 17, 32};
            greeting.insert(greeting.end(), identity.fingerprint.begin(), identity.fingerprint.end());
            greeting.insert(greeting.end(), {'F', '0'});
            block_cipher().seal(hello, greeting);
            EXPECT_TRUE(made.receive(hello)) << "a client of version 17 without a key goes on unencrypted";
            return made;
        }();
        EXPECT_TRUE(plain.receive(out));
        server_request request;
        EXPECT_TRUE(plain.next(request));
        return request.refused
                   ? to_text(*request.refused) + (request.correlation_id.empty() ? "" : " with id")
                   : "";
    };
    auto make = [](bytes_view authorization, std::string_view entity, std::string_view body) {
        bytes out;
        encoding::writer writer(out);
        writer.short_bytes(authorization);
        if (!authorization.empty()) writer.character('0');
        writer.short_bytes(bytes(24, 1)).short_text(entity).raw(body);
        return out;
    };
    EXPECT_EQ(answer_to({}), "BLOCK");
    EXPECT_EQ(answer_to({0, 9}), "BLOCK");
    EXPECT_EQ(answer_to(make(bytes(7, 1), "", "PING")), "BLOCK with id");
    EXPECT_EQ(answer_to(make({}, "", "NOPE")), "CMD UNKNOWN with id");
    EXPECT_EQ(answer_to(make({}, "", "PING ")), "CMD SYNTAX with id");
    EXPECT_EQ(answer_to(make({}, "queue", "PING")), "CMD HAS_AUTH with id");
    EXPECT_EQ(answer_to(make({}, "queue", "SUB")), "CMD NO_AUTH with id");
    EXPECT_EQ(answer_to(make(bytes(64, 1), "", "SEND F x")), "CMD NO_ENTITY with id");
    EXPECT_EQ(answer_to(make({}, "", "PING")), "");
    EXPECT_EQ(answer_to(make(bytes(64, 1), "queue", "SUB")), "");
    bytes with_service;
    encoding::writer writer(with_service);
    writer.short_bytes(bytes(64, 1)).character('1').short_bytes(bytes(64, 2)).short_bytes(bytes(24, 1));
    writer.short_text("queue").raw(std::string_view("SUB"));
    EXPECT_EQ(answer_to(with_service), "SERVICE with id");
}

} // namespace
} // namespace plexus::smp::test
