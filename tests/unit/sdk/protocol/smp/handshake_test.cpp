#include "plexus/smp/handshake.hpp"

#include "plexus/smp/block.hpp"
#include "plexus/smp/certificates.hpp"
#include "plexus/smp/client.hpp"
#include "plexus/smp/server.hpp"
#include "vector_fields.hpp"

namespace plexus::smp::test {
namespace {

/// Gives out what a session is to draw: the raw session keys of a vector, one after the other.
class fixed_random : public crypto::random_source {
  public:
    explicit fixed_random(bytes first, bytes second = {}) : keys_{std::move(first), std::move(second)} {}
    void fill(bytes_span out) override {
        ASSERT_LT(next_, keys_.size());
        const auto& key = keys_[next_++];
        ASSERT_EQ(out.size(), key.size());
        std::copy(key.begin(), key.end(), out.begin());
    }

  private:
    std::array<bytes, 2> keys_;
    std::size_t next_ = 0;
};

version_range range_of(const object& vector, std::string_view name) {
    const auto& pair = vector.at(name).as_array();
    return {pair[0].to_number<version>(), pair[1].to_number<version>()};
}

key_hash hash_of(const object& vector, std::string_view name) {
    key_hash out;
    const auto raw = hex_field(vector, name);
    std::copy(raw.begin(), raw.end(), out.begin());
    return out;
}

std::vector<bytes> chain_of(const object& vector, std::string_view name) {
    std::vector<bytes> out;
    for (const auto& certificate : vector.at(name).as_array())
        out.push_back(unhex(std::string_view(certificate.as_string())));
    return out;
}

block_buffer padded(bytes_view content) {
    block_buffer out{};
    block_cipher().seal(out, content);
    return out;
}

crypto::private_key sign_key(const object& vector) {
    const auto leaf = certificate_key(chain_of(vector, "serverChain").front()).value();
    return crypto::private_key::from_raw(leaf.type(), hex_field(vector, "serverSignKey")).value();
}

/// The TLS connection of the one vector about a wrong session id has another one than the server's hello.
bool session_differs(const object& vector) { return vector.at("clientResult") == "TEBadSession"; }

client_session client_of(const object& vector, crypto::random_source& random) {
    client_parameters parameters;
    parameters.versions = range_of(vector, "clientVersions");
    parameters.server = hash_of(vector, "keyHash");
    parameters.session_id = hex_field(vector, "sessionId");
    if (session_differs(vector)) parameters.session_id[0] ^= 1;
    parameters.peer_chain = chain_of(vector, "serverChain");
    parameters.proxy = vector.at("proxyServer").as_bool();
    if (!is_null(vector, "service")) {
        const auto& service = member(vector, "service");
        auto own = std::make_shared<client_service>();
        own->role = text_field(service, "role") == "M" ? service_role::messaging : service_role::notifier;
        own->chain = chain_of(service, "chain");
        own->key =
            crypto::private_key::from_raw(crypto::key_type::ed25519, hex_field(service, "signKey")).value();
        parameters.service = std::move(own);
    }
    return client_session(parameters, random);
}

template <typename Hello>
bytes hello_bytes(const Hello& hello) {
    bytes out;
    encoding::writer writer(out);
    write(writer, hello);
    return out;
}

bool has_service(const object& vector) { return !is_null(vector, "service"); }
bool has_client_hello(const object& vector) { return !is_null(vector, "clientHello"); }

TEST(handshake, hellos_of_every_vector_are_read_and_written) {
    for (const auto& vector : vectors("handshake.json", "handshake")) {
        SCOPED_TRACE(text_field(vector, "name"));
        const auto content = hex_field(vector, "serverHello");
        EXPECT_EQ(hex(crypto::sha256(padded(content))), text_field(vector, "serverHelloBlockSha256"));
        const auto server = parse_server_hello(content);
        ASSERT_TRUE(server);
        EXPECT_EQ(hex(hello_bytes(*server)), hex(content));
        EXPECT_EQ(hex(server->session_id), text_field(vector, "sessionId"));
        if (server->key) {
            const auto leaf = certificate_key(server->key->chain.front()).value();
            EXPECT_EQ(hex(verify_session_key(leaf, server->key->signed_key)->raw()),
                      text_field(member(vector, "serverSessionKey"), "pub"));
        }
        if (!has_client_hello(vector)) continue;
        const auto answer = hex_field(vector, "clientHello");
        EXPECT_EQ(hex(crypto::sha256(padded(answer))), text_field(vector, "clientHelloBlockSha256"));
        const auto client = parse_client_hello(answer);
        ASSERT_TRUE(client);
        EXPECT_EQ(hex(hello_bytes(*client)), hex(answer));
        EXPECT_EQ(client->chosen, int_field(vector, "agreedVersion"));
        EXPECT_EQ(client->proxy, vector.at("proxyServer").as_bool() && client->chosen >= since::proxy_flag);
        EXPECT_EQ(client->client_service.has_value(), has_service(vector) && client->chosen >= 16);
    }
}

TEST(handshake, the_session_key_is_signed_as_official_servers_do) {
    for (const auto& vector : vectors("handshake.json", "handshake")) {
        const auto content = hex_field(vector, "serverHello");
        const auto hello = parse_server_hello(content);
        if (!hello->key) continue;
        const auto session = x25519(member(vector, "serverSessionKey"), "priv");
        EXPECT_EQ(hex(sign_session_key(sign_key(vector), session.public_part())),
                  hex(hello->key->signed_key));
    }
}

TEST(handshake, a_service_certificate_and_its_answer) {
    std::size_t count = 0;
    for (const auto& vector : vectors("handshake.json", "handshake")) {
        if (!has_service(vector) || int_field(vector, "agreedVersion") < 16) continue;
        ++count;
        SCOPED_TRACE(text_field(vector, "name"));
        const auto& service = member(vector, "service");
        const auto content = hex_field(vector, "clientHello");
        const auto hello = parse_client_hello(content);
        ASSERT_TRUE(hello && hello->client_service);
        const auto& presented = *hello->client_service;
        const auto role = text_field(service, "role");
        EXPECT_EQ(presented.role, role == "M" ? service_role::messaging : service_role::notifier);
        const auto roles = roles_of_service_chain(presented.key.chain.size());
        ASSERT_TRUE(roles);
        EXPECT_EQ(hex(fingerprint(presented.key.chain[roles->identity])), text_field(service, "certHash"));
        const auto leaf = certificate_key(presented.key.chain[roles->leaf]).value();
        EXPECT_EQ(hex(verify_session_key(leaf, presented.key.signed_key)->raw()),
                  text_field(service, "sessionKeyPub"));

        const auto answer = hex_field(service, "serverResponse");
        const auto parsed = parse_service_hello(answer);
        ASSERT_TRUE(parsed);
        EXPECT_EQ(hex(parsed->service_id), text_field(service, "serviceId"));
        EXPECT_EQ(hex(hello_bytes(*parsed)), hex(answer));
    }
    EXPECT_EQ(count, 5U);
}

/// Both sessions run a vector: hellos are byte for byte those of the official programs, and so are the blocks
/// after.
TEST(handshake, sessions_make_every_vector_again) {
    std::size_t with_service = 0;
    for (const auto& vector : vectors("handshake.json", "handshake")) {
        SCOPED_TRACE(text_field(vector, "name"));
        const auto hello = hex_field(vector, "serverHello");
        fixed_random client_random(
            hex_field(member(vector, "clientSessionKey"), "priv"),
            has_service(vector) ? hex_field(member(vector, "service"), "sessionKeyPriv") : bytes{});
        auto client = client_of(vector, client_random);
        auto block = padded(hello);
        const auto received = client.receive(block);
        const auto outcome = text_field(vector, "clientResult");
        if (outcome != "ok") {
            ASSERT_FALSE(received);
            const auto expected = outcome == "TEVersion"      ? failure::version
                                  : outcome == "TEBadSession" ? failure::session
                                                              : failure::bad_auth;
            EXPECT_TRUE(received.error().is(expected)) << received.error().message();
            EXPECT_EQ(client.current(), client_session::state::closed);
            EXPECT_FALSE(client.has_output());
            continue;
        }
        ASSERT_TRUE(received) << received.error().message();
        EXPECT_EQ(client.agreed_version(), int_field(vector, "agreedVersion"));
        block_buffer answer{};
        ASSERT_TRUE(client.next_block(answer));
        EXPECT_EQ(hex(crypto::sha256(answer)), text_field(vector, "clientHelloBlockSha256"));
        EXPECT_FALSE(client.has_output());

        fixed_random server_random(hex_field(member(vector, "serverSessionKey"), "priv"));
        const auto identity = make_server_identity(chain_of(vector, "serverChain"), sign_key(vector)).value();
        EXPECT_EQ(hex(identity.fingerprint), text_field(vector, "keyHash"));
        server_session server(
            identity, hex_field(vector, "sessionId"), !is_null(vector, "alpn"), server_random,
            has_service(vector) ? chain_of(member(vector, "service"), "chain") : std::vector<bytes>{});
        block_buffer own{};
        ASSERT_TRUE(server.write_hello(own));
        if (range_of(vector, "serverVersions") == supported_versions) {
            EXPECT_EQ(hex(own), hex(padded(hello)));
        }
        ASSERT_TRUE(server.receive(answer));
        EXPECT_EQ(server.agreed_version(), client.agreed_version());
        if (!has_service(vector) || client.agreed_version() < since::service_certificates) {
            EXPECT_EQ(server.current(), server_session::state::ready);
            EXPECT_EQ(client.current(), client_session::state::ready);
            continue;
        }
        ++with_service;
        const auto& service = member(vector, "service");
        ASSERT_EQ(server.current(), server_session::state::service);
        ASSERT_EQ(client.current(), client_session::state::service);
        EXPECT_EQ(hex(server.offered_service()->fingerprint), text_field(service, "certHash"));
        EXPECT_EQ(hex(server.offered_service()->session_key.raw()), text_field(service, "sessionKeyPub"));
        block_buffer accepted{};
        server.accept_service(hex_field(service, "serviceId"), accepted);
        EXPECT_EQ(hex(accepted), hex(padded(hex_field(service, "serverResponse"))));
        ASSERT_TRUE(client.receive(accepted));
        EXPECT_EQ(client.current(), client_session::state::ready);
        EXPECT_EQ(hex(client.service_id()), text_field(service, "serviceId"));
        for (const auto& each : vector.at("blocks").as_array()) {
            block_buffer out{};
            if (each.as_object().at("by") != "s") continue;
            auto builder = server.begin(out);
            builder.append(as_bytes("x"));
            server.seal(builder);
            EXPECT_TRUE(client.receive(out)) << "both have gone over to encrypted blocks";
        }
    }
    EXPECT_EQ(with_service, 5U);
}

TEST(handshake, blocks_after_the_hellos) {
    for (const auto& vector : vectors("handshake.json", "handshake")) {
        if (!has_client_hello(vector)) continue;
        SCOPED_TRACE(text_field(vector, "name"));
        const auto session_id = hex_field(vector, "sessionId");
        const auto client_key = x25519(member(vector, "clientSessionKey"), "priv");
        const auto server_key = x25519(member(vector, "serverSessionKey"), "priv");
        block_cipher client;
        block_cipher server;
        if (vector.at("blocksEncrypted").as_bool()) {
            const auto secret = crypto::dh_x25519(client_key, server_key.public_part()).value();
            client = block_cipher::for_client(session_id, secret);
            server = block_cipher::for_server(session_id, secret);
        }
        for (const auto& each : vector.at("blocks").as_array()) {
            const auto& step = each.as_object();
            const bool by_server = step.at("by") == "s";
            block_buffer out{};
            (by_server ? server : client).seal(out, as_bytes(text_field(step, "content")));
            EXPECT_EQ(hex(crypto::sha256(out)), text_field(step, "blockSha256"));
            const auto opened = (by_server ? client : server).open(out);
            ASSERT_TRUE(opened);
            EXPECT_EQ(as_text(*opened), text_field(step, "content"));
        }
    }
}

TEST(handshake, facts_about_the_connection) {
    const auto alpn = vectors("handshake.json", "alpn").front();
    EXPECT_EQ(std::string_view(alpn.at("smp").as_array().front().as_string()), "smp/1");
    EXPECT_EQ(vectors("handshake.json", "tls").size(), 1U);
    EXPECT_EQ(vectors("handshake.json", "tlsUnique").size(), 1U);
}

TEST(handshake, a_server_refuses_what_it_must) {
    const auto vector = vectors("handshake.json", "handshake").at(10);
    const auto identity = make_server_identity(chain_of(vector, "serverChain"), sign_key(vector)).value();
    const auto key = hex_field(member(vector, "serverSessionKey"), "priv");
    const auto good = hex_field(vector, "clientHello");
    auto outcome = [&](bytes content) {
        fixed_random random(key);
        server_session server(identity, hex_field(vector, "sessionId"), true, random);
        auto block = padded(content);
        const auto received = server.receive(block);
        EXPECT_EQ(server.current(), received ? server_session::state::ready : server_session::state::closed);
        return received ? std::int32_t{0} : received.error().code();
    };
    EXPECT_EQ(outcome(good), 0);
    auto extended = good;
    extended.insert(extended.end(), {1, 2, 3});
    EXPECT_EQ(outcome(extended), 0) << "a later version may add to the hello";
    auto other = good;
    other[5] ^= 1;
    EXPECT_EQ(outcome(other), static_cast<std::int32_t>(failure::identity));
    auto newer = good;
    newer[1] = 21;
    EXPECT_EQ(outcome(newer), static_cast<std::int32_t>(failure::version));
    EXPECT_EQ(outcome({}), static_cast<std::int32_t>(failure::hello));
    for (std::size_t size = 0; size < good.size(); ++size)
        EXPECT_NE(outcome(bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))), 0) << size;

    std::size_t services = 0;
    for (const auto& with : vectors("handshake.json", "handshake")) {
        if (!has_service(with) || int_field(with, "agreedVersion") < 16) continue;
        ++services;
        EXPECT_EQ(outcome(hex_field(with, "clientHello")), static_cast<std::int32_t>(failure::bad_service));
    }
    EXPECT_EQ(services, 5U);
    fixed_random random(key);
    server_session server(identity, hex_field(vector, "sessionId"), true, random);
    block_buffer refusal{};
    server.write_service_refusal(refusal);
    const auto parsed = parse_service_hello(*block_cipher().open(refusal));
    ASSERT_TRUE(parsed && parsed->refused);
    EXPECT_EQ(to_text(*parsed->refused), "PROXY BROKER TRANSPORT HANDSHAKE BAD_SERVICE");
}

TEST(handshake, an_identity_needs_a_chain_and_its_key) {
    const auto vector = vectors("handshake.json", "handshake").at(10);
    auto chain = chain_of(vector, "serverChain");
    counting_random random;
    EXPECT_FALSE(make_server_identity(chain, crypto::private_key::generate(crypto::key_type::ed448, random)));
    chain.pop_back();
    EXPECT_FALSE(make_server_identity(chain, sign_key(vector)));
}

} // namespace
} // namespace plexus::smp::test
