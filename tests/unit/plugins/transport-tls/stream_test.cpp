#include "net.hpp"
#include "openssl_peer.hpp"

#include <csignal>
#include <sys/socket.h>
#include <unistd.h>

namespace plexus::test {
namespace {

bytes pattern(std::size_t size, unsigned seed) {
    bytes out(size);
    for (auto& byte : out) byte = static_cast<std::uint8_t>((seed = seed * 1103515245U + 12345U) >> 16);
    return out;
}

struct stream_test : testing::TestWithParam<bool> {
    fake_host host;
    net under{host};
    test_chain chain = make_chain();
    std::unique_ptr<dialed> client;
    std::unique_ptr<wire> server;

    void connect() {
        ASSERT_TRUE(under.serve(chain, {.secure = GetParam()})) << under.failure;
        client = under.dial({.port = under.port, .key_hash = chain.fingerprint, .secure = GetParam()});
        ASSERT_EQ(client->status, PLEXUS_OK) << client->message;
        server = under.next();
        ASSERT_TRUE(server);
    }
};
INSTANTIATE_TEST_SUITE_P(kinds, stream_test, testing::Bool(),
                         [](const auto& one) { return one.param ? "tls" : "tcp"; });

TEST_P(stream_test, carries_bytes_both_ways) {
    connect();
    const bytes to = pattern(3'000'000, 1);
    const bytes back = pattern(2'000'000, 2);
    server->read_size = 1000;
    client->stream->write(to);
    server->write(back);
    EXPECT_TRUE(host.run_until([&] {
        return server->received.size() >= to.size() && client->stream->received.size() >= back.size();
    }));
    EXPECT_EQ(server->received, to);
    EXPECT_EQ(client->stream->received, back);
}

TEST_P(stream_test, ends_each_direction_by_itself) {
    connect();
    const bytes last = pattern(500'000, 3);
    client->stream->write(last);
    EXPECT_TRUE(host.run_until([&] { return server->received.size() == last.size(); }));
    client->stream->shutdown();
    EXPECT_TRUE(host.run_until([&] { return server->status().has_value(); }));
    EXPECT_EQ(server->status(), PLEXUS_E_CLOSED);
    std::uint64_t given = 0;
    EXPECT_EQ(client->stream->raw->api->try_write(client->stream->raw, {last.data(), 1}, &given),
              PLEXUS_E_CLOSED);
    // The other direction goes on.
    server->write(last);
    EXPECT_TRUE(host.run_until([&] { return client->stream->received.size() == last.size(); }));
    server->shutdown();
    EXPECT_TRUE(host.run_until([&] { return client->stream->status().has_value(); }));
    EXPECT_EQ(client->stream->status(), PLEXUS_E_CLOSED);
    EXPECT_EQ(client->stream->error(), "");
}

TEST_P(stream_test, may_be_destroyed_in_its_callback) {
    connect();
    bool called = false;
    server->on_readable = [&] {
        called = true;
        server->raw->api->destroy(std::exchange(server->raw, nullptr));
    };
    client->stream->write(pattern(100, 4));
    EXPECT_TRUE(host.run_until([&] { return called && client->stream->status().has_value(); }));
}

TEST_P(stream_test, waits_for_a_late_handler) {
    connect();
    wire& early = *client->stream;
    host.on_shard(static_cast<std::uint32_t>(early.shard),
                  [&] { early.raw->api->set_handler(early.raw, nullptr, nullptr); });
    server->write(pattern(100, 5));
    // Bytes are there and nobody is called.
    EXPECT_TRUE(host.run_until([&, turns = 0]() mutable { return ++turns > 20; }));
    EXPECT_EQ(early.readable_calls, 0U);
    EXPECT_TRUE(early.received.empty());
    wire late(host, std::exchange(early.raw, nullptr), early.shard);
    EXPECT_TRUE(host.run_until([&] { return late.received.size() == 100; }));
}

TEST_P(stream_test, breaks_with_a_reason_that_stays) {
    connect();
    host.on_shard(static_cast<std::uint32_t>(server->shard), [&] { EXPECT_EQ(server->error(), ""); });
    const std::string peer = client->stream->text(PLEXUS_STREAM_PEER);
    client->stream->write(pattern(4'000'000, 6)); // more than the buffers of a peer that is cut
    server.reset();
    EXPECT_TRUE(host.run_until([&] { return client->stream->status().has_value(); }));
    if (client->stream->status() == PLEXUS_E_CLOSED) return; // the close was seen before the reset
    EXPECT_EQ(client->stream->status(), PLEXUS_E_IO);
    EXPECT_NE(client->stream->error().find(peer), std::string::npos) << client->stream->error();
    std::uint64_t count = 0;
    EXPECT_EQ(client->stream->raw->api->try_read(client->stream->raw, {nullptr, 10}, &count), PLEXUS_E_IO);
}

TEST_P(stream_test, tells_a_waiting_reader_what_a_write_found) {
    connect();
    wire& waiting = *client->stream;
    // Without a turn of the loop in between.
    host.shard = server->shard;
    server.reset();
    host.shard = waiting.shard;
    const bytes data(1000);
    std::uint64_t given = 0;
    std::int32_t code = PLEXUS_OK;
    while (code == PLEXUS_OK)
        code = waiting.raw->api->try_write(waiting.raw, {data.data(), data.size()}, &given);
    EXPECT_EQ(code, PLEXUS_E_IO);
    host.shard = -1;
    EXPECT_FALSE(waiting.status());
    EXPECT_TRUE(host.run_until([&] { return waiting.status().has_value(); }));
    EXPECT_EQ(waiting.status(), PLEXUS_E_IO);
}

TEST_P(stream_test, is_cut_when_the_transport_stops) {
    connect();
    under.close();
    under.plugin.stop();
    EXPECT_EQ(host.watches, 0U);
    EXPECT_EQ(host.timers, 0U);
    std::uint8_t byte = 0;
    std::uint64_t count = 0;
    EXPECT_EQ(server->raw->api->try_read(server->raw, {&byte, 1}, &count), PLEXUS_E_STOPPING);
    EXPECT_EQ(server->raw->api->try_write(server->raw, {&byte, 1}, &count), PLEXUS_E_STOPPING);
    server->raw->api->shutdown(server->raw);
    EXPECT_NE(server->error().find("stops"), std::string::npos);
}

TEST_P(stream_test, refuses_empty_reads_and_writes) {
    connect();
    std::uint64_t count = 7;
    EXPECT_EQ(server->raw->api->try_read(server->raw, {nullptr, 0}, &count), PLEXUS_E_INVALID);
    EXPECT_EQ(server->raw->api->try_write(server->raw, {nullptr, 0}, &count), PLEXUS_E_INVALID);
    EXPECT_EQ(count, 7U);
}

struct tls_stream : stream_test {};
INSTANTIATE_TEST_SUITE_P(only, tls_stream, testing::Values(true));

TEST_P(tls_stream, hands_over_no_socket) {
    connect();
    std::int32_t socket = -1;
    EXPECT_EQ(server->raw->api->release_descriptor(server->raw, &socket), PLEXUS_E_UNSUPPORTED);
    EXPECT_EQ(socket, -1);
}

struct tcp_stream : stream_test {};
INSTANTIATE_TEST_SUITE_P(only, tcp_stream, testing::Values(false));

TEST_P(tcp_stream, hands_over_its_socket) {
    connect();
    std::int32_t socket = -1;
    host.on_shard(static_cast<std::uint32_t>(server->shard),
                  [&] { EXPECT_EQ(server->raw->api->release_descriptor(server->raw, &socket), PLEXUS_OK); });
    ASSERT_GE(socket, 0);
    server.reset();
    EXPECT_EQ(::send(socket, "hello", 5, 0), 5);
    EXPECT_TRUE(host.run_until([&] { return client->stream->received.size() == 5; }));
    ::close(socket);
}

TEST_P(tcp_stream, knows_nothing_of_tls) {
    connect();
    EXPECT_TRUE(server->info(PLEXUS_STREAM_CHANNEL_BINDING).empty());
    EXPECT_TRUE(server->info(PLEXUS_STREAM_PEER_CERTIFICATE).empty());
}

TEST(stream, a_peer_may_take_new_keys_but_not_again_and_again) {
    std::signal(SIGPIPE, SIG_IGN); // the client writes until it is stopped
    for (const int count : {20, 5'000}) {
        fake_host host;
        net under(host);
        const test_chain chain = make_chain();
        ASSERT_TRUE(under.serve(chain)) << under.failure;
        std::thread client([&, port = under.port] {
            const raw_client raw(port);
            static_cast<void>(client_with_new_keys(raw.get(), count, "bytes"));
        });
        auto server = under.next();
        ASSERT_TRUE(server);
        EXPECT_TRUE(host.run_until([&] { return !server->received.empty() || server->status(); }));
        if (count == 20) {
            EXPECT_EQ(server->received, to_bytes(std::string_view("bytes")));
        } else {
            EXPECT_EQ(server->status(), PLEXUS_E_PROTOCOL);
            EXPECT_NE(server->error().find("new keys"), std::string::npos) << server->error();
        }
        server.reset();
        client.join();
    }
}

} // namespace
} // namespace plexus::test
