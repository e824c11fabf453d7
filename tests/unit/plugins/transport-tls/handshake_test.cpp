#include "net.hpp"
#include "openssl_peer.hpp"
#include "vectors.hpp"

#include <openssl/evp.h>

namespace plexus::test {
namespace {

using ::testing::TestWithParam;

TEST(tls_handshake, takes_chains_of_two_to_four_of_both_key_kinds) {
    for (const int algorithm : {EVP_PKEY_ED25519, EVP_PKEY_ED448}) {
        for (const int length : {2, 3, 4}) {
            SCOPED_TRACE(testing::Message() << "algorithm " << algorithm << ", length " << length);
            fake_host host;
            net under(host);
            chain_options made;
            made.algorithm = algorithm;
            made.length = length;
            const test_chain chain = make_chain(made);
            ASSERT_TRUE(under.serve(chain)) << under.failure;
            const auto client =
                under.dial({.port = under.port, .key_hash = chain.fingerprint, .alpn = {"smp/1"}});
            ASSERT_EQ(client->status, PLEXUS_OK) << client->message;
            const auto server = under.next();
            ASSERT_TRUE(server);

            const bytes binding = client->stream->info(PLEXUS_STREAM_CHANNEL_BINDING);
            EXPECT_EQ(binding.size(), 32U);
            EXPECT_EQ(binding, server->info(PLEXUS_STREAM_CHANNEL_BINDING));
            EXPECT_EQ(client->stream->text(PLEXUS_STREAM_ALPN), "smp/1");
            EXPECT_EQ(server->text(PLEXUS_STREAM_ALPN), "smp/1");
            EXPECT_EQ(server->text(PLEXUS_STREAM_SNI), "");
            for (std::uint32_t i = 0; i < chain.der.size(); ++i) {
                EXPECT_EQ(client->stream->info(PLEXUS_STREAM_PEER_CERTIFICATE, i), chain.der[i]) << i;
                EXPECT_EQ(server->info(PLEXUS_STREAM_OWN_CERTIFICATE, i), chain.der[i]) << i;
            }
            EXPECT_TRUE(
                client->stream->info(PLEXUS_STREAM_PEER_CERTIFICATE, static_cast<std::uint32_t>(length))
                    .empty());
            EXPECT_TRUE(
                server->info(PLEXUS_STREAM_OWN_CERTIFICATE, static_cast<std::uint32_t>(length)).empty());
            EXPECT_TRUE(server->info(PLEXUS_STREAM_PEER_CERTIFICATE).empty());
            EXPECT_EQ(client->stream->text(PLEXUS_STREAM_CIPHER),
                      "TLSv1.3 TLS_CHACHA20_POLY1305_SHA256 x25519");
            EXPECT_EQ(client->stream->text(PLEXUS_STREAM_PEER), "127.0.0.1:" + std::to_string(under.port));
            EXPECT_EQ(server->text(PLEXUS_STREAM_PEER).substr(0, 10), "127.0.0.1:");
        }
    }
}

TEST(tls_handshake, takes_certificates_of_the_official_server) {
    std::size_t taken = 0;
    for (const auto& vector : vectors("handshake.json", "serverCertificates")) {
        fake_host host;
        net under(host);
        test_chain chain;
        chain.pem = text_field(vector, "serverCertPem") + text_field(vector, "caCertPem");
        chain.key = text_field(vector, "serverKeyPem");
        ASSERT_TRUE(under.serve(chain)) << under.failure;
        const auto client = under.dial({.port = under.port, .key_hash = hex_field(vector, "fingerprint")});
        ASSERT_EQ(client->status, PLEXUS_OK) << client->message;
        EXPECT_EQ(client->stream->info(PLEXUS_STREAM_PEER_CERTIFICATE, 0),
                  hex_field(vector, "serverCertDer"));
        EXPECT_EQ(client->stream->info(PLEXUS_STREAM_PEER_CERTIFICATE, 1), hex_field(vector, "caCertDer"));
        ++taken;
    }
    EXPECT_EQ(taken, 2U);
}

TEST(tls_handshake, refuses_another_fingerprint_and_names_both) {
    fake_host host;
    net under(host);
    const test_chain chain = make_chain();
    ASSERT_TRUE(under.serve(chain));
    const auto client = under.dial({.port = under.port, .key_hash = bytes(32, 0), .alpn = {"smp/1"}});
    EXPECT_EQ(client->status, PLEXUS_E_IDENTITY);
    EXPECT_NE(client->message.find("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), std::string::npos)
        << client->message;
    EXPECT_NE(client->message.find("127.0.0.1:" + std::to_string(under.port)), std::string::npos);
    // Inside the handshake: the server hears the alert and accepts nobody.
    EXPECT_TRUE(host.run_until([&] { return host.logged("unknown ca"); }));
    EXPECT_EQ(under.accepted_count, 0U);
    // Others are unharmed.
    EXPECT_EQ(under.dial({.port = under.port, .key_hash = chain.fingerprint})->status, PLEXUS_OK);
}

TEST(tls_handshake, refuses_chains_that_do_not_hold) {
    struct bad_case {
        const char* what;
        chain_options made;
        const char* message;
        const char* alert;
    };
    const bad_case cases[] = {
        {"one certificate", {.length = 1}, "1 certificates", "unknown ca"},
        {"five certificates", {.length = 5}, "5 certificates", "unknown ca"},
        {"a leaf of another issuer", {.foreign_leaf = true}, "not signed by the next one", "unknown ca"},
        {"an issuer that is no authority", {.authority = false}, "not signed by the next one", "unknown ca"},
        {"expired", {.valid_from = -7200, .valid_to = -3600}, "has expired", "certificate expired"},
        {"too early", {.valid_from = 3600, .valid_to = 7200}, "not valid yet", "bad certificate"},
    };
    for (const auto& one : cases) {
        SCOPED_TRACE(one.what);
        fake_host host;
        net under(host);
        const test_chain chain = make_chain(one.made);
        std::string heard;
        {
            raw_server server;
            server.serve([&](int socket) { heard = server_handshake(socket, chain); });
            const auto client = under.dial({.port = server.port(), .key_hash = chain.fingerprint});
            EXPECT_EQ(client->status, PLEXUS_E_IDENTITY);
            EXPECT_NE(client->message.find(one.message), std::string::npos) << client->message;
        }
        EXPECT_NE(heard.find(one.alert), std::string::npos) << heard;
        // And nobody can serve with it by mistake.
        EXPECT_FALSE(under.serve(chain));
        EXPECT_EQ(under.failure_code, PLEXUS_E_INVALID);
        EXPECT_NE(under.failure.find(one.message), std::string::npos) << under.failure;
    }
}

TEST(tls_handshake, asks_clients_for_a_certificate_that_they_need_not_have) {
    const test_chain chain = make_chain();
    for (const int algorithm : {EVP_PKEY_ED25519, EVP_PKEY_ED448})
        for (const int length : {1, 2, 3, 4}) {
            SCOPED_TRACE(testing::Message() << "algorithm " << algorithm << ", length " << length);
            fake_host host;
            net under(host);
            ASSERT_TRUE(under.serve(chain, {.ask_certificate = true}));
            const auto nobody = under.dial({.port = under.port, .key_hash = chain.fingerprint});
            ASSERT_EQ(nobody->status, PLEXUS_OK) << nobody->message;
            EXPECT_TRUE(under.next()->info(PLEXUS_STREAM_PEER_CERTIFICATE).empty());

            chain_options made;
            made.algorithm = algorithm;
            made.length = length;
            const test_chain own = make_chain(made);
            const auto service =
                under.dial({.port = under.port, .key_hash = chain.fingerprint, .certificate = &own});
            ASSERT_EQ(service->status, PLEXUS_OK) << service->message;
            const auto accepted = under.next();
            for (std::uint32_t i = 0; i < own.der.size(); ++i)
                EXPECT_EQ(accepted->info(PLEXUS_STREAM_PEER_CERTIFICATE, i), own.der[i]) << i;
            EXPECT_TRUE(
                accepted->info(PLEXUS_STREAM_PEER_CERTIFICATE, static_cast<std::uint32_t>(length)).empty());
        }
}

TEST(tls_handshake, refuses_certificates_of_clients_that_do_not_hold) {
    struct bad_case {
        const char* what;
        chain_options made;
    };
    const bad_case cases[] = {
        {"five certificates", {.length = 5}},
        {"a leaf of another issuer", {.foreign_leaf = true}},
        {"expired", {.valid_from = -7200, .valid_to = -3600}},
        {"too early", {.valid_from = 3600, .valid_to = 7200}},
    };
    for (const auto& one : cases) {
        SCOPED_TRACE(one.what);
        fake_host host;
        net under(host);
        const test_chain chain = make_chain();
        ASSERT_TRUE(under.serve(chain, {.ask_certificate = true}));
        const test_chain own = make_chain(one.made);
        // In TLS 1.3 the client is done before its certificate is looked at: it hears of it on the stream.
        const auto client =
            under.dial({.port = under.port, .key_hash = chain.fingerprint, .certificate = &own});
        ASSERT_EQ(client->status, PLEXUS_OK);
        EXPECT_TRUE(host.run_until([&] { return client->stream->status().has_value(); }));
        EXPECT_NE(client->stream->status(), PLEXUS_E_CLOSED) << client->stream->error();
        EXPECT_EQ(under.accepted_count, 0U);
    }
}

TEST(tls_handshake, answers_alpn) {
    fake_host host;
    net under(host);
    const test_chain chain = make_chain();
    ASSERT_TRUE(under.serve(chain, {.alpn = {"smp/1", "h2", "http/1.1"}}));
    const auto dial = [&](std::vector<std::string> alpn) {
        return under.dial({.port = under.port, .key_hash = chain.fingerprint, .alpn = std::move(alpn)});
    };
    EXPECT_EQ(dial({})->stream->text(PLEXUS_STREAM_ALPN), "");
    EXPECT_EQ(dial({"http/1.1"})->stream->text(PLEXUS_STREAM_ALPN), "http/1.1");
    EXPECT_EQ(dial({"h2", "other", "smp/1"})->stream->text(PLEXUS_STREAM_ALPN), "smp/1");
    const auto unknown = dial({"xftp/1"});
    EXPECT_EQ(unknown->status, PLEXUS_E_PROTOCOL);
    EXPECT_NE(unknown->message.find("no application protocol"), std::string::npos) << unknown->message;
}

TEST(tls_handshake, sends_a_server_name_when_asked) {
    fake_host host;
    net under(host);
    const test_chain chain = make_chain();
    ASSERT_TRUE(under.serve(chain));
    const auto client =
        under.dial({.port = under.port, .key_hash = chain.fingerprint, .server_name = "smp.example.org"});
    ASSERT_EQ(client->status, PLEXUS_OK);
    EXPECT_EQ(under.next()->text(PLEXUS_STREAM_SNI), "smp.example.org");
}

TEST(tls_handshake, takes_the_offered_group_in_one_round) {
    struct group_case {
        const char* config;
        const char* offered;
        const char* chosen;
        int hellos;
    };
    const group_case cases[] = {
        {"auto", "X448:X25519", "x448", 1}, {"auto", "X25519:X448", "x25519", 1},
        {"auto", "X448", "x448", 1},        {"x25519", "X448:X25519", "x25519", 2},
        {"auto", "P-256", "", 0},
    };
    for (const auto& one : cases) {
        SCOPED_TRACE(testing::Message() << one.config << " and " << one.offered);
        fake_host host;
        host.texts["group"] = one.config;
        net under(host);
        ASSERT_TRUE(under.serve(make_chain()));
        std::string group = "none";
        int hellos = 0;
        std::atomic<bool> over{false};
        std::thread client([&] {
            const raw_client socket(under.port);
            group = client_handshake(socket.get(), {.groups = one.offered, .alpn = "smp/1"}, hellos);
            over = true;
        });
        EXPECT_TRUE(host.run_until([&over] { return over.load(); }));
        client.join();
        EXPECT_EQ(group, one.chosen);
        EXPECT_EQ(hellos, one.hellos);
    }
}

} // namespace
} // namespace plexus::test
