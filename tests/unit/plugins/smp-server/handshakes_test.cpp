// Real handshakes: every version of the protocol, what ALPN decides, and the certificates that a server may
// have.
#include "running_server.hpp"

#include "plexus/encoding/base64.hpp"
#include "plexus/smp/certificates.hpp"

#include <openssl/pem.h>

#include <algorithm>

namespace plexus::smp_server::test {
namespace {

using bench::key_group;

/// A message goes from one client to another, and is acknowledged.
void converse(smp_peer& recipient, smp_peer& sender, crypto::random_source& random) {
    const auto recipient_key = crypto::private_key::generate(crypto::key_type::ed25519, random);
    const auto body_key = crypto::private_key::generate(crypto::key_type::x25519, random);
    bench::bench_queue queue;
    cmd::create create;
    create.key = recipient_key.public_part();
    create.dh_key = body_key.public_part();
    recipient.send(create, {}, &recipient_key);
    recipient.receive([&](const smp::client_event& event) {
        const auto* ids = std::get_if<msg::ids>(&event.content);
        if (ids == nullptr) throw std::runtime_error("the server refused a new queue");
        queue.recipient_id = to_bytes(ids->recipient_id);
        queue.sender_id = to_bytes(ids->sender_id);
        queue.body_key = *crypto::box_key::agree(body_key, ids->dh_key);
        return true;
    });
    const auto text = to_bytes(std::string_view("hello"));
    sender.expect_ok(cmd::send{{}, text}, queue.sender_id, nullptr);
    bytes id;
    EXPECT_EQ(next_event(recipient, queue, &id), "hello");
    recipient.expect_ok(cmd::ack{id}, queue.recipient_id, &recipient_key);
}

TEST(handshakes, at_every_version) {
    folder where;
    running_server server(where.path() / "server", "", "store-memory");
    bench::system_random random;
    for (smp::version version = smp::supported_versions.min; version <= smp::supported_versions.max;
         ++version) {
        SCOPED_TRACE(version);
        smp_peer recipient(server.address(), random, {smp::supported_versions.min, version});
        smp_peer sender(server.address(), random);
        EXPECT_EQ(recipient.session().agreed_version(), version);
        converse(recipient, sender, random);
        converse(sender, recipient, random);
    }
}

TEST(handshakes, without_alpn_the_oldest_version_is_spoken) {
    folder where;
    running_server server(where.path() / "server", "", "store-memory");
    bench::system_random random;
    const auto all = smp::supported_versions;
    smp_peer old(server.address(), random, all, key_group::x25519, "");
    EXPECT_EQ(old.session().agreed_version(), smp::legacy_versions.max);
    for (const auto* alpn : {"smp/1", "h2", "http/1.1"}) {
        smp_peer fresh(server.address(), random, all, key_group::x448, alpn);
        EXPECT_EQ(fresh.session().agreed_version(), all.max) << alpn;
        converse(fresh, old, random);
    }
    EXPECT_THROW(smp_peer(server.address(), random, all, key_group::x25519, "xftp/1"), std::runtime_error);
    EXPECT_THROW(smp_peer(server.address(), random, {7, 20}, key_group::x25519, ""), std::runtime_error)
        << "no version in common";
}

/// A chain of so many certificates in place of the one that init made, and its address.
void use_chain(const std::filesystem::path& where, crypto::key_type kind, int length) {
    const auto context = bench::make_tls_context(true, key_group::x25519);
    bench::use_new_chain(context.get(), kind, length);
    std::FILE* out = std::fopen((where / "server.crt").c_str(), "w");
    PEM_write_X509(out, SSL_CTX_get0_certificate(context.get()));
    STACK_OF(X509)* rest = nullptr;
    SSL_CTX_get0_chain_certs(context.get(), &rest);
    for (int i = 0; i < sk_X509_num(rest); ++i) PEM_write_X509(out, sk_X509_value(rest, i));
    std::fclose(out);
    out = std::fopen((where / "server.key").c_str(), "w"); // its mode stays
    PEM_write_PrivateKey(out, SSL_CTX_get0_privatekey(context.get()), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(out);
    X509* identity = sk_X509_value(rest, 0);
    bytes der(static_cast<std::size_t>(i2d_X509(identity, nullptr)));
    auto* at = der.data();
    i2d_X509(identity, &at);
    std::ofstream(where / "address") << "smp://" << encoding::base64url_encode(smp::fingerprint(der))
                                     << "@127.0.0.1\n";
}

TEST(handshakes, with_chains_of_two_to_four_certificates_of_both_kinds) {
    bench::system_random random;
    for (const auto kind : {crypto::key_type::ed25519, crypto::key_type::ed448})
        for (const int length : {2, 3, 4}) {
            SCOPED_TRACE(testing::Message() << (kind == crypto::key_type::ed448 ? "Ed448" : "Ed25519") << ", "
                                            << length << " certificates");
            folder where;
            running_server server(
                where.path() / "server", "", "store-memory", "", "", "ed25519",
                [&](const std::filesystem::path& folder) { use_chain(folder, kind, length); });
            smp_peer recipient(server.address(), random, smp::supported_versions, key_group::x448, "smp/1");
            smp_peer sender(server.address(), random);
            converse(recipient, sender, random);
        }
}

TEST(handshakes, with_the_certificates_that_init_makes) {
    bench::system_random random;
    for (const std::string algorithm : {"ed25519", "ed448"}) {
        folder where;
        running_server server(where.path() / "server", "", "store-memory", "", "", algorithm);
        smp_peer recipient(server.address(), random);
        smp_peer sender(server.address(), random);
        converse(recipient, sender, random);
    }
}

} // namespace
} // namespace plexus::smp_server::test
