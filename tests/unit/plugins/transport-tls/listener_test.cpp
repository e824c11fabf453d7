#include "net.hpp"
#include "openssl_peer.hpp"

#include <openssl/evp.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace plexus::test {
namespace {

struct listener_test : testing::Test {
    fake_host host;
    net under{host};
    test_chain chain = make_chain();

    std::unique_ptr<dialed> dial() {
        return under.dial({.port = under.port, .key_hash = chain.fingerprint, .alpn = {"smp/1"}});
    }
};

TEST_F(listener_test, deals_clients_to_the_shards_in_turn) {
    ASSERT_TRUE(under.serve(chain));
    std::vector<std::unique_ptr<dialed>> clients;
    std::vector<std::unique_ptr<wire>> servers;
    std::vector<std::int32_t> shards;
    for (int i = 0; i < 4; ++i) {
        clients.push_back(dial());
        ASSERT_EQ(clients.back()->status, PLEXUS_OK);
        servers.push_back(under.next());
        shards.push_back(servers.back()->shard);
    }
    EXPECT_EQ(shards, (std::vector<std::int32_t>{0, 1, 0, 1}));
}

TEST_F(listener_test, survives_garbage) {
    ASSERT_TRUE(under.serve(chain));
    const raw_client garbage(under.port);
    garbage.send(bytes(1000, 'x'));
    const raw_client half_a_record(under.port);
    half_a_record.send(bytes{0x16, 0x03, 0x01, 0x40, 0x00, 0x01});
    const raw_client http(under.port);
    http.send(as_bytes("GET / HTTP/1.1\r\nHost: smp\r\n\r\n"));
    { const raw_client gone(under.port); }
    EXPECT_TRUE(host.run_until([&] { return garbage.closed() && http.closed(); }));
    EXPECT_FALSE(half_a_record.closed());
    EXPECT_EQ(under.accepted_count, 0U);
    EXPECT_EQ(dial()->status, PLEXUS_OK);
}

TEST_F(listener_test, gives_a_slow_client_a_deadline) {
    ASSERT_TRUE(under.serve(chain, {.handshake_timeout_ns = 20'000'000}));
    const raw_client slow(under.port);
    EXPECT_TRUE(host.run_until([&] { return slow.closed(); }));
    EXPECT_TRUE(host.logged("not over in time"));
}

TEST_F(listener_test, bounds_handshakes_by_cutting_the_oldest) {
    ASSERT_TRUE(under.serve(chain, {.pending_most = 4})); // 2 a shard
    std::vector<std::unique_ptr<raw_client>> idle;
    for (int i = 0; i < 6; ++i) idle.push_back(std::make_unique<raw_client>(under.port));
    EXPECT_TRUE(host.run_until([&] { return idle[0]->closed() && idle[1]->closed(); }));
    EXPECT_FALSE(idle[5]->closed());
    EXPECT_EQ(dial()->status, PLEXUS_OK);
}

TEST_F(listener_test, bounds_connections) {
    ASSERT_TRUE(under.serve(chain, {.connections_most = 1}));
    auto first = dial();
    ASSERT_EQ(first->status, PLEXUS_OK);
    auto server = under.next();
    EXPECT_NE(dial()->status, PLEXUS_OK);
    server.reset();
    EXPECT_EQ(dial()->status, PLEXUS_OK);
}

TEST_F(listener_test, bounds_connections_of_one_source) {
    ASSERT_TRUE(under.serve(chain, {.connections_most = 5, .connections_most_of_one = 2}));
    auto first = dial();
    auto second = dial();
    ASSERT_EQ(second->status, PLEXUS_OK);
    auto server = under.next();
    EXPECT_NE(dial()->status, PLEXUS_OK);
    server.reset();
    EXPECT_EQ(dial()->status, PLEXUS_OK);
}

TEST_F(listener_test, counts_the_streams_of_two_ports_together) {
    ASSERT_TRUE(under.serve(chain, {.connections_most = 2}));
    auto first = dial();
    ASSERT_EQ(first->status, PLEXUS_OK);
    auto server = under.next();
    ASSERT_TRUE(under.serve(chain, {.counted_with = under.handle()}));
    auto second = dial();
    ASSERT_EQ(second->status, PLEXUS_OK);
    auto other = under.next();
    EXPECT_NE(dial()->status, PLEXUS_OK);
    server.reset();
    EXPECT_EQ(dial()->status, PLEXUS_OK);
}

TEST_F(listener_test, takes_new_credentials_online) {
    ASSERT_TRUE(under.serve(chain));
    const auto before = dial();
    ASSERT_EQ(before->status, PLEXUS_OK);
    const auto server = under.next();
    const test_chain other = make_chain({.algorithm = EVP_PKEY_ED448, .length = 3});
    ASSERT_EQ(under.set_credentials(other), PLEXUS_OK);
    EXPECT_EQ(dial()->status, PLEXUS_E_IDENTITY);
    EXPECT_EQ(under.dial({.port = under.port, .key_hash = other.fingerprint})->status, PLEXUS_OK);
    EXPECT_EQ(server->info(PLEXUS_STREAM_OWN_CERTIFICATE), chain.der[0]);
    // A bad pair changes nothing.
    test_chain bad = make_chain();
    bad.key = chain.key;
    EXPECT_EQ(under.set_credentials(bad), PLEXUS_E_INVALID);
    EXPECT_EQ(under.dial({.port = under.port, .key_hash = other.fingerprint})->status, PLEXUS_OK);
}

TEST_F(listener_test, says_what_is_wrong_with_its_options) {
    test_chain bad = chain;
    bad.key = make_chain().key;
    EXPECT_FALSE(under.serve(bad));
    EXPECT_NE(under.failure.find("not that of the first certificate"), std::string::npos) << under.failure;
    bad = chain;
    bad.pem = "nothing";
    EXPECT_FALSE(under.serve(bad));
    EXPECT_NE(under.failure.find("PEM"), std::string::npos) << under.failure;
    bad = chain;
    bad.key = chain.pem;
    EXPECT_FALSE(under.serve(bad));
    EXPECT_NE(under.failure.find("private key"), std::string::npos) << under.failure;
    EXPECT_FALSE(under.serve(chain, {.address = "localhost"}));
    EXPECT_EQ(under.failure_code, PLEXUS_E_INVALID);
    EXPECT_NE(under.failure.find("localhost"), std::string::npos);
    const raw_server other;
    EXPECT_FALSE(under.serve(chain, {.port = other.port()}));
    EXPECT_EQ(under.failure_code, PLEXUS_E_BUSY);
    EXPECT_NE(under.failure.find("127.0.0.1:" + std::to_string(other.port())), std::string::npos)
        << under.failure;
}

TEST_F(listener_test, close_ends_handshakes_and_spares_streams) {
    ASSERT_TRUE(under.serve(chain));
    const auto client = dial();
    const auto server = under.next();
    const raw_client pending(under.port);
    EXPECT_TRUE(host.run_until([&, turns = 0]() mutable { return ++turns > 20; }));
    under.close();
    EXPECT_TRUE(pending.closed());
    EXPECT_EQ(dial()->status, PLEXUS_E_REFUSED);
    client->stream->write(as_bytes("still here"));
    EXPECT_TRUE(host.run_until([&] { return server->received.size() == 10; }));
}

TEST_F(listener_test, stops_without_a_close) {
    ASSERT_TRUE(under.serve(chain));
    const raw_client pending(under.port);
    EXPECT_TRUE(host.run_until([&, turns = 0]() mutable { return ++turns > 20; }));
    under.plugin.stop();
    EXPECT_EQ(host.watches, 0U);
    EXPECT_EQ(host.timers, 0U);
    EXPECT_TRUE(pending.closed());
}

TEST_F(listener_test, outlives_a_lack_of_descriptors) {
    ASSERT_TRUE(under.serve(chain));
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const raw_client waiting(under.port);
    const int next = ::dup(0);
    ::close(next);
    const rlimit none{static_cast<rlim_t>(next), before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    EXPECT_TRUE(host.run_until([&] { return host.logged("no more clients"); }));
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(dial()->status, PLEXUS_OK);
}

} // namespace
} // namespace plexus::test
