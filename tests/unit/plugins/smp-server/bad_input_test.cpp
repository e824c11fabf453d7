// Clients that do harm, by the hundred, at a running server: the others keep their service.
// PLEXUS_ATTACKERS=5000 in the environment makes it thousands.
#include "running_server.hpp"

#include "plexus/smp/handshake.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

namespace plexus::smp_server::test {
namespace {

std::size_t attackers() {
    const char* wanted = std::getenv("PLEXUS_ATTACKERS");
    return wanted == nullptr ? 200 : std::strtoul(wanted, nullptr, 10);
}

/// A TCP connection without TLS.
class raw_client {
  public:
    explicit raw_client(std::uint16_t port, int receive_buffer = 0)
        : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        if (receive_buffer != 0)
            ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::connect(descriptor_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    }
    raw_client(const raw_client&) = delete;
    ~raw_client() { ::close(descriptor_); }
    void write(bytes_view data) { EXPECT_GT(::send(descriptor_, data.data(), data.size(), MSG_NOSIGNAL), 0); }
    /// Waits for the server to close it.
    bool ends() {
        std::uint8_t byte = 0;
        return ::recv(descriptor_, &byte, 1, 0) <= 0;
    }

  private:
    int descriptor_;
};

/// A message from a new queue's sender to its recipient.
void converse(const running_server& server, crypto::random_source& random) {
    smp_peer recipient(server.address(), random);
    smp_peer sender(server.address(), random);
    const auto queue = bench::make_queue(recipient, sender, random, crypto::key_type::ed25519);
    sender.expect_ok(cmd::send{{}, as_bytes("hello")}, queue.sender_id, &queue.sender_key);
    bytes id;
    EXPECT_EQ(next_event(recipient, queue, &id), "hello");
    recipient.expect_ok(cmd::ack{id}, queue.recipient_id, &queue.recipient_key);
}

std::size_t count(const std::string& text, std::string_view part) {
    std::size_t out = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++out;
    return out;
}

TEST(bad_input, connections_that_are_half_open_or_slow) {
    folder where;
    running_server server(where.path() / "server", "handshake-timeout = \"10s\"\n", "store-memory");
    bench::system_random random;
    const auto port = server.address().port_number();
    std::vector<std::unique_ptr<raw_client>> half_open;
    std::vector<bench::tls_peer> silent;
    for (std::size_t i = 0; i < attackers(); ++i) {
        half_open.push_back(std::make_unique<raw_client>(port));
        if (i % 2 == 0) half_open.back()->write(bytes{0x16, 0x03}); // the beginning of a TLS record
        if (i % 4 != 0) continue;
        silent.push_back(bench::tls_peer::connect(port));
        if (i % 8 == 0) silent.back().write(bytes(1'000, 0)); // a part of a hello
    }
    converse(server, random);
    for (auto& each : half_open) EXPECT_TRUE(each->ends());
    for (auto& each : silent) {
        smp::block_buffer hello{};
        each.read(hello);
        std::array<std::uint8_t, 1> byte{};
        EXPECT_THROW(each.read(byte), std::runtime_error) << "no hello in time";
    }
    converse(server, random);
    EXPECT_LE(count(server.log(), "warning"), 2U) << server.log();
}

TEST(bad_input, connections_of_one_source_are_bounded) {
    folder where;
    running_server server(where.path() / "server", "max-connections-per-address = 5\n", "store-memory");
    bench::system_random random;
    const auto port = server.address().port_number();
    std::vector<std::unique_ptr<raw_client>> most;
    for (int i = 0; i < 5; ++i) most.push_back(std::make_unique<raw_client>(port));
    EXPECT_TRUE(raw_client(port).ends());
    most.clear();
    for (bool served = false; !served;) { // as soon as the server has seen their end
        try {
            smp_peer peer(server.address(), random);
            peer.send(cmd::ping{}, {}, nullptr);
            served = answer_of(peer) == "PONG";
        } catch (const std::runtime_error&) {
            std::this_thread::yield();
        }
    }
}

TEST(bad_input, connections_to_all_ports_are_bounded_together) {
    folder where;
    running_server server(where.path() / "server", "max-connections = 5\nmore-ports = [\"0\"]\n",
                          "store-memory");
    const auto ports = server.ports();
    ASSERT_EQ(ports.size(), 2U);
    std::vector<bench::tls_peer> most;
    for (std::size_t i = 0; i < 5; ++i) most.push_back(bench::tls_peer::connect(ports[i % 2]));
    for (auto& each : most) {
        smp::block_buffer hello{};
        each.read(hello);
    }
    EXPECT_TRUE(raw_client(ports[0]).ends());
    EXPECT_TRUE(raw_client(ports[1]).ends());
}

/// Commands of that many blocks, from one client, while others converse; every one is answered.
void flood(const running_server& server,
           const std::function<void(smp_peer&, crypto::random_source&)>& queue_one, std::size_t commands,
           std::string_view answer) {
    std::thread attack([&] {
        bench::system_random random;
        smp_peer attacker(server.address(), random);
        for (std::size_t sent = 0; sent < commands;) {
            const auto round = std::min<std::size_t>(500, commands - sent);
            for (std::size_t i = 0; i + 1 < round; ++i) queue_one(attacker, random);
            queue_one(attacker, random);
            attacker.send(cmd::ping{}, {}, nullptr);
            std::size_t answered = 0;
            attacker.receive([&](const smp::client_event& event) {
                if (std::holds_alternative<msg::pong>(event.content)) return false;
                const auto* failed = std::get_if<msg::err>(&event.content);
                EXPECT_EQ(failed != nullptr ? smp::to_text(failed->error)
                                            : std::string(smp::name(event.content)),
                          answer);
                return ++answered == round;
            });
            sent += round;
        }
    });
    bench::system_random random;
    for (int i = 0; i < 10; ++i) converse(server, random);
    attack.join();
}

TEST(bad_input, a_flood_of_wrong_signatures) {
    folder where;
    running_server server(where.path() / "server", "", "store-memory");
    const auto wrong = [](smp_peer& peer, crypto::random_source& random) {
        static const auto key = crypto::private_key::generate(crypto::key_type::ed25519, random);
        const auto id = random.array<24>();
        ASSERT_TRUE(peer.session().send(cmd::sub{}, id, &key, 1));
    };
    flood(server, wrong, 1'000, "AUTH");
    EXPECT_LE(count(server.log(), "warning"), 2U) << server.log();
}

TEST(bad_input, a_flood_of_new_queues) {
    folder where;
    running_server server(where.path() / "server", "", "store-memory");
    const auto create = [](smp_peer& peer, crypto::random_source& random) {
        const auto key = crypto::private_key::generate(crypto::key_type::ed25519, random);
        cmd::create value;
        value.key = key.public_part();
        value.dh_key = crypto::private_key::generate(crypto::key_type::x25519, random).public_part();
        ASSERT_TRUE(peer.session().send(value, {}, &key, 1));
    };
    flood(server, create, 1'000, "IDS");
}

TEST(bad_input, a_subscriber_that_never_reads) {
    folder where;
    running_server server(where.path() / "server", "write-timeout = \"3s\"\n", "store-memory");
    bench::system_random random;
    smp_peer sender(server.address(), random);
    std::vector<bench::bench_queue> queues;
    constexpr int most = 250; // of a block each: more than the sockets hold
    {
        smp_peer owner(server.address(), random);
        for (int i = 0; i < most; ++i)
            queues.push_back(bench::make_queue(owner, sender, random, crypto::key_type::ed25519));
    }
    for (const auto& queue : queues)
        sender.expect_ok(cmd::send{{}, as_bytes("kept")}, queue.sender_id, &queue.sender_key);
    auto deaf = std::make_unique<smp_peer>(server.address(), random);
    const int small = 4'096;
    ::setsockopt(deaf->descriptor(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    for (const auto& queue : queues)
        ASSERT_TRUE(deaf->session().send(cmd::sub{}, queue.recipient_id, &queue.recipient_key, 0));
    deaf->send(cmd::ping{}, {}, nullptr);
    converse(server, random);
    while (server.log().find("does not take") == std::string::npos)
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    smp_peer again(server.address(), random);
    for (const auto& queue : queues)
        ASSERT_TRUE(again.session().send(cmd::sub{}, queue.recipient_id, &queue.recipient_key, 0));
    again.send(cmd::ping{}, {}, nullptr);
    int messages = 0;
    again.receive([&](const smp::client_event& event) {
        if (std::holds_alternative<msg::message>(event.content)) ++messages;
        return messages == most;
    });
}

TEST(bad_input, a_subscriber_that_reads_late_has_all) {
    folder where;
    running_server server(where.path() / "server", "", "store-memory");
    bench::system_random random;
    smp_peer sender(server.address(), random);
    std::vector<bench::bench_queue> queues;
    constexpr int most = 700; // more than may wait for one client at once
    {
        smp_peer owner(server.address(), random);
        for (int i = 0; i < most; ++i)
            queues.push_back(bench::make_queue(owner, sender, random, crypto::key_type::ed25519));
    }
    for (const auto& queue : queues)
        sender.expect_ok(cmd::send{{}, as_bytes("kept")}, queue.sender_id, &queue.sender_key);
    auto late = std::make_unique<smp_peer>(server.address(), random);
    const int small = 4'096;
    ::setsockopt(late->descriptor(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    for (const auto& queue : queues)
        ASSERT_TRUE(late->session().send(cmd::sub{}, queue.recipient_id, &queue.recipient_key, 0));
    late->send(cmd::ping{}, {}, nullptr);
    for (int i = 0; i < 5; ++i) converse(server, random);
    const int large = 1 << 20;
    ::setsockopt(late->descriptor(), SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
    int messages = 0;
    late->receive([&](const smp::client_event& event) {
        if (std::holds_alternative<msg::message>(event.content)) ++messages;
        return messages == most;
    });
}

/// Blocks that are none, as fast as they go, on both shards.
TEST(bad_input, a_flood_of_blocks_that_are_none) {
    folder where;
    running_server server(where.path() / "server", "", "store-memory");
    bench::system_random random;
    std::vector<std::unique_ptr<smp_peer>> peers;
    for (int i = 0; i < 4; ++i) peers.push_back(std::make_unique<smp_peer>(server.address(), random));
    std::vector<std::thread> attackers;
    for (const auto& each : peers)
        attackers.emplace_back([peer = each.get()] {
            smp::block_buffer garbage;
            garbage.fill(7);
            try {
                while (true) peer->write_block(garbage);
            } catch (const std::runtime_error&) { // the connection is over
            }
        });
    for (int i = 0; i < 10; ++i) converse(server, random);
    for (const auto& each : peers) ::shutdown(each->descriptor(), SHUT_RDWR);
    for (auto& each : attackers) each.join();
}

TEST(bad_input, memory_has_a_ceiling) {
    folder where;
    running_server server(where.path() / "server", "memory-limit = 1\n", "store-memory");
    bench::system_random random;
    const auto served = [&] {
        smp_peer early(server.address(), random);
        early.receive([](const smp::client_event&) { return false; });
    };
    EXPECT_THROW(served(), std::runtime_error) << "whoever came before the first look is closed";
    while (server.log().find("memory") == std::string::npos)
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    auto tls = bench::tls_peer::connect(server.address().port_number());
    smp::block_buffer hello{};
    EXPECT_THROW(tls.read(hello), std::runtime_error) << "nobody new is served";
}

} // namespace
} // namespace plexus::smp_server::test
