// One connection over a stream that gives and takes bytes as the test says.
#include "connection.hpp"

#include "vectors.hpp"

#include "plexus/encoding/writer.hpp"
#include "plexus/smp/client.hpp"

#include <gtest/gtest.h>

namespace plexus::smp_server::test {
namespace {

namespace cmd = smp::cmd;
namespace msg = smp::msg;
using plexus::test::hex_field;
using plexus::test::vectors;

class seeded : public crypto::random_source {
  public:
    void fill(bytes_span out) override {
        for (auto& byte : out) {
            state_ = state_ * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
            byte = static_cast<std::uint8_t>(state_ >> 56);
        }
    }

  private:
    std::uint64_t state_ = 3;
};

const bytes& session_id() {
    static const bytes id(32, 4);
    return id;
}

/// What the connection reads from and writes to. It lives in the test; destroy only notes.
struct fake_stream : plexus_stream {
    bytes incoming;
    bytes outgoing;
    std::size_t room = 1 << 30; ///< bytes that are taken before it blocks
    std::size_t most_read = 1 << 30;
    bool ended = false;
    bool destroyed = false;
    const plexus_stream_handler* handler = nullptr;
    void* context = nullptr;

    fake_stream() : plexus_stream() {
        static const plexus_stream_api table = [] {
            plexus_stream_api out{};
            out.size = sizeof out;
            out.set_handler = [](plexus_stream* self, const plexus_stream_handler* given, void* with) {
                of(self).handler = given;
                of(self).context = with;
            };
            out.try_read = [](plexus_stream* self, plexus_span to, std::uint64_t* taken) {
                auto& from = of(self).incoming;
                if (from.empty())
                    return std::int32_t(of(self).ended ? PLEXUS_E_CLOSED : PLEXUS_E_WOULD_BLOCK);
                const auto size = std::min<std::size_t>({from.size(), to.size, of(self).most_read});
                std::copy_n(from.begin(), size, to.data);
                from.erase(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(size));
                *taken = size;
                return std::int32_t(PLEXUS_OK);
            };
            out.try_write = [](plexus_stream* self, plexus_view from, std::uint64_t* given) {
                auto& me = of(self);
                if (me.room == 0) return std::int32_t(PLEXUS_E_WOULD_BLOCK);
                const auto size = std::min<std::size_t>(me.room, from.size);
                me.outgoing.insert(me.outgoing.end(), from.data, from.data + size);
                me.room -= size;
                *given = size;
                return std::int32_t(PLEXUS_OK);
            };
            out.shutdown = [](plexus_stream*) {};
            out.destroy = [](plexus_stream* self) { of(self).destroyed = true; };
            out.get_info = [](plexus_stream*, std::uint32_t what, std::uint32_t, plexus_view* value) {
                if (what == PLEXUS_STREAM_CHANNEL_BINDING)
                    *value = to_abi(bytes_view(session_id()));
                else if (what == PLEXUS_STREAM_ALPN)
                    *value = to_abi(std::string_view("smp/1"));
                else
                    return std::int32_t(PLEXUS_E_NOT_FOUND);
                return std::int32_t(PLEXUS_OK);
            };
            out.get_error = [](plexus_stream*) -> const plexus_error* { return nullptr; };
            return out;
        }();
        api = &table;
    }
    static fake_stream& of(plexus_stream* self) { return *static_cast<fake_stream*>(self); }
};

class rig : public connection_owner {
  public:
    rig() : identity(make_identity()) {
        limits.pause_output = 20'000;
        limits.most_output = 200'000;
        restart();
    }
    /// A new connection, with the limits as they are.
    void restart() {
        peer.incoming.clear();
        peer.outgoing.clear();
        own.emplace(connection_id{0, 1}, stream(&peer), identity, random, *this, limits);
        own->start();
        client.emplace(parameters(), random);
        smp::block_buffer hello{};
        take(hello);
        EXPECT_TRUE(client->receive(hello));
        EXPECT_TRUE(client->next_block(hello));
        give(hello);
    }

    block_pool& blocks() override { return pool; }
    std::chrono::nanoseconds now() override { return time; }
    void submit(const request& in) override {
        ++submitted;
        if (!answering) return;
        own->answer(*in.from, as_bytes(refusing ? "ERR AUTH" : "OK"));
        own->request_done();
    }
    void proxy(const reply_to&, const smp::command&) override { ++proxied; }
    void resolve(const reply_to& from, bytes_view name) override {
        asked_name = plexus::to_string(name);
        own->answer(from, as_bytes("ERR NAME NOT_FOUND"));
        own->request_done();
    }
    void count(counted what) override { counts.push_back(what); }
    void admit(connection&, const smp::service_offer&, std::vector<bytes>) override { ++admissions; }
    void attach_service(connection&, const service_ptr&) override { ++attachments; }
    void subscribe_service(const reply_to&, const service_ptr&) override { ++service_subscriptions; }
    void to_flush(connection&) override { flush_wanted = true; }
    void closed(connection&, std::string_view why) override { closed_because = std::string(why); }
    void wake_at(connection&, std::chrono::nanoseconds when) override { wake = when; }
    void idle(connection& which) override { which.close("idle"); }
    void misbehaves(log_kind, std::string_view) override { ++misbehaved; }

    /// Bytes of the client arrive.
    void give(bytes_view data) {
        peer.incoming.insert(peer.incoming.end(), data.begin(), data.end());
        peer.handler->readable(peer.context);
        turn();
    }
    void turn() {
        if (give_way) return;
        while (std::exchange(flush_wanted, false) && own->is_open()) own->flush();
    }
    /// The next block that the server wrote.
    void take(smp::block_buffer& out) {
        ASSERT_GE(peer.outgoing.size(), out.size());
        std::copy_n(peer.outgoing.begin(), out.size(), out.begin());
        peer.outgoing.erase(peer.outgoing.begin(), peer.outgoing.begin() + out.size());
    }
    /// Transmissions in all the blocks that the server wrote.
    std::size_t read_all() {
        std::size_t count = 0;
        smp::block_buffer block{};
        while (peer.outgoing.size() >= block.size()) {
            take(block);
            EXPECT_TRUE(client->receive(block));
            while (client->next()) ++count;
        }
        return count;
    }
    void send_pings(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) ASSERT_TRUE(client->send(cmd::ping{}, {}, nullptr, i));
        smp::block_buffer block{};
        while (client->next_block(block)) give(block);
    }
    void send_commands(std::size_t count) {
        const auto key = crypto::private_key::generate(crypto::key_type::ed25519, random);
        for (std::size_t i = 0; i < count; ++i) ASSERT_TRUE(client->send(cmd::sub{}, bytes(24, 1), &key, i));
        smp::block_buffer block{};
        while (client->next_block(block)) give(block);
    }
    void deliver(bool to_its_sender = false) {
        auto message = std::make_shared<stored_message>();
        message->body = bytes(100, 'x');
        reply_to to;
        to.event = true;
        to.version = 17;
        to.entity = short_id(bytes(24, 1));
        own->deliver(to, {message, crypto::box_key(secret_array<32>()), to_its_sender});
    }

    static smp::server_identity make_identity() {
        const auto vector = vectors("handshake.json", "serverCertificates").at(1);
        return smp::make_server_identity(
                   {hex_field(vector, "serverCertDer"), hex_field(vector, "caCertDer")},
                   crypto::private_key::from_raw(crypto::key_type::ed25519, hex_field(vector, "serverKeyRaw"))
                       .value())
            .value();
    }
    smp::client_parameters parameters() const {
        smp::client_parameters out;
        out.server = identity.fingerprint;
        out.session_id = session_id();
        out.peer_chain = identity.chain;
        return out;
    }

    seeded random;
    smp::server_identity identity;
    connection_limits limits;
    block_pool pool;
    fake_stream peer;
    std::chrono::nanoseconds time{0};
    std::optional<smp::client_session> client;
    std::size_t submitted = 0;
    std::size_t proxied = 0;
    bool answering = true;
    bool refusing = false;
    bool give_way = false; ///< to_flush is not followed yet
    std::size_t misbehaved = 0;
    std::string asked_name;
    std::vector<counted> counts;
    std::size_t admissions = 0;
    std::size_t attachments = 0;
    std::size_t service_subscriptions = 0;
    std::optional<std::chrono::nanoseconds> wake;
    bool flush_wanted = false;
    std::string closed_because;
    std::optional<connection> own;
};

TEST(connection, counts_blocks_with_several_commands_by_their_first) {
    rig world;
    world.send_commands(1);
    EXPECT_TRUE(world.counts.empty());
    world.send_commands(5);
    EXPECT_EQ(world.counts, std::vector{counted::subscribe_batches});
    world.send_pings(5);
    EXPECT_EQ(world.counts.size(), 1U);
}

TEST(connection, asks_for_names) {
    rig world;
    world.read_all();
    ASSERT_TRUE(world.client->send(cmd::rslv{as_bytes("alice.simplex")}, {}, nullptr, 1));
    smp::block_buffer block{};
    ASSERT_TRUE(world.client->next_block(block));
    world.give(block);
    EXPECT_EQ(world.asked_name, "alice.simplex");
    EXPECT_EQ(world.read_all(), 1U);
}

TEST(connection, takes_blocks_in_any_pieces) {
    rig world;
    const auto key = crypto::private_key::generate(crypto::key_type::ed25519, world.random);
    smp::block_buffer block{};
    for (const std::size_t piece : {1U, 5'000U, 16'383U}) {
        ASSERT_TRUE(world.client->send(cmd::sub{}, bytes(24, 1), &key, 1));
        ASSERT_TRUE(world.client->next_block(block));
        const auto before = world.submitted;
        for (std::size_t at = 0; at < block.size(); at += piece) {
            EXPECT_EQ(world.submitted, before);
            world.give(bytes_view(block).subspan(at, std::min(piece, block.size() - at)));
        }
        EXPECT_EQ(world.submitted, before + 1);
        EXPECT_EQ(world.read_all(), 1U);
    }
}

TEST(connection, answers_of_one_turn_share_blocks) {
    rig world;
    world.send_commands(100);
    EXPECT_EQ(world.submitted, 100U);
    EXPECT_EQ(world.peer.outgoing.size() % smp::block_size, 0U);
    EXPECT_LE(world.peer.outgoing.size(), 2 * smp::block_size);
    EXPECT_EQ(world.read_all(), 100U);
}

TEST(connection, a_message_to_its_sender_has_a_block_of_its_own) {
    rig world;
    reply_to to;
    to.version = 17;
    to.entity = short_id(bytes(24, 1));
    for (const bool to_its_sender : {false, true}) {
        world.give_way = true;
        world.deliver(to_its_sender);
        world.own->answer(to, as_bytes("OK"));
        world.give_way = false;
        world.turn();
        EXPECT_EQ(world.peer.outgoing.size(), (to_its_sender ? 2 : 1) * smp::block_size);
        smp::block_buffer block{};
        world.take(block);
        ASSERT_TRUE(world.client->receive(block));
        const auto first = world.client->next();
        ASSERT_TRUE(first);
        EXPECT_EQ(std::holds_alternative<msg::message>(first->content), to_its_sender);
        while (world.client->next()) {
        }
        world.read_all();
    }
}

TEST(connection, a_client_that_reads_nothing_is_heard_no_more) {
    rig world;
    world.peer.room = 0;
    for (int i = 0; i < 20; ++i) world.send_commands(100);
    const auto heard = world.submitted;
    EXPECT_LT(heard, 2'000U) << "answers wait, so its commands do";
    EXPECT_TRUE(world.own->is_open());
    world.peer.room = 1 << 30;
    world.peer.handler->writable(world.peer.context);
    world.turn();
    EXPECT_EQ(world.submitted, 2'000U);
    EXPECT_EQ(world.read_all(), 2'000U);
}

TEST(connection, an_answer_that_fits_no_block_is_an_error) {
    rig world;
    world.read_all();
    world.peer.room = 10 * smp::block_size;
    reply_to to;
    to.version = 17;
    to.correlation = short_id(bytes(255, 'c'));
    to.entity = short_id(bytes(24, 'e'));
    world.own->answer(to, bytes(16'200, 'x'));
    auto message = std::make_shared<stored_message>();
    world.own->deliver(to, {message, crypto::box_key(secret_array<32>())});
    world.turn();
    EXPECT_EQ(world.peer.outgoing.size(), smp::block_size) << "and not one empty block after the other";
    smp::block_buffer block{};
    world.take(block);
    ASSERT_TRUE(world.client->receive(block));
    for (int i = 0; i < 2; ++i) {
        const auto event = world.client->next();
        ASSERT_TRUE(event);
        const auto* failed = std::get_if<msg::err>(&event->content);
        ASSERT_TRUE(failed);
        EXPECT_EQ(smp::to_text(failed->error), "LARGE_MSG");
    }
}

TEST(connection, blocks_that_are_none_are_bounded_in_a_turn) {
    rig world;
    world.read_all();
    world.limits.turn_commands = 20;
    world.own->flush();
    world.give_way = true;
    world.give(bytes(100 * smp::block_size, 7));
    EXPECT_GE(world.peer.incoming.size(), 79 * smp::block_size) << "others have their turn";
    world.give_way = false;
    world.turn();
    EXPECT_TRUE(world.peer.incoming.empty());
    EXPECT_EQ(world.read_all(), 100U) << "each is answered";
    world.send_commands(1);
    EXPECT_EQ(world.read_all(), 1U);
}

TEST(connection, blocks_that_are_none_of_a_client_that_reads_nothing_wait) {
    rig world;
    world.limits.pause_output = 100;
    world.peer.room = 0;
    world.give(bytes(100 * smp::block_size, 7));
    EXPECT_GE(world.peer.incoming.size(), 50 * smp::block_size);
    world.peer.room = 1 << 30;
    world.peer.handler->writable(world.peer.context);
    world.turn();
    EXPECT_TRUE(world.peer.incoming.empty());
    EXPECT_EQ(world.read_all(), 100U);
}

TEST(connection, a_turn_has_fewer_commands_that_cost_more) {
    rig world;
    world.limits.turn_commands = 20;
    world.own->flush();
    world.give_way = true;
    const auto dear = crypto::private_key::generate(crypto::key_type::ed448, world.random);
    for (std::size_t i = 0; i < 20; ++i) ASSERT_TRUE(world.client->send(cmd::sub{}, bytes(24, 1), &dear, i));
    smp::block_buffer block{};
    while (world.client->next_block(block)) world.give(block);
    EXPECT_EQ(world.submitted, 5U);
    world.give_way = false;
    world.turn();
    EXPECT_EQ(world.submitted, 20U);
}

TEST(connection, small_pieces_are_bounded_in_a_turn) {
    rig world;
    world.read_all();
    world.limits.turn_fragments = 20;
    world.peer.most_read = 100;
    world.give_way = true;
    world.give(bytes(2 * smp::block_size, 7));
    EXPECT_EQ(world.peer.incoming.size(), 2 * smp::block_size - 20 * 100) << "others have their turn";
    world.give_way = false;
    world.turn();
    EXPECT_EQ(world.read_all(), 2U);
}

TEST(connection, commands_without_an_answer_are_bounded) {
    rig world;
    world.limits.most_in_flight = 10;
    world.answering = false;
    world.send_commands(50);
    EXPECT_EQ(world.submitted, 10U);
    EXPECT_EQ(world.own->in_flight(), 10U);
    world.answering = true;
    for (int i = 0; i < 10; ++i) world.own->request_done();
    world.own->flush();
    world.turn();
    EXPECT_EQ(world.submitted, 50U);
}

TEST(connection, commands_for_other_servers_are_bounded) {
    rig world;
    world.limits.most_proxied = 3;
    cmd::pfwd forward;
    forward.relay_version = 17;
    forward.key = crypto::private_key::generate(crypto::key_type::x25519, world.random).public_part();
    for (std::size_t i = 0; i < 9; ++i) ASSERT_TRUE(world.client->send(forward, bytes(32, 1), nullptr, i));
    smp::block_buffer block{};
    while (world.client->next_block(block)) world.give(block);
    EXPECT_EQ(world.proxied, 3U);
    world.own->request_done(true);
    world.own->flush();
    world.turn();
    EXPECT_EQ(world.proxied, 4U);
}

TEST(connection, a_refusal_takes_its_time) {
    rig world;
    world.refusing = true;
    world.send_commands(3);
    EXPECT_EQ(world.submitted, 3U);
    EXPECT_EQ(world.read_all(), 0U);
    ASSERT_EQ(world.wake, world.limits.refusal_delay);
    world.time = *world.wake - std::chrono::nanoseconds(1);
    world.own->due();
    world.turn();
    EXPECT_EQ(world.read_all(), 0U);
    world.time = *world.wake;
    world.own->due();
    world.turn();
    EXPECT_EQ(world.read_all(), 3U);
}

TEST(connection, refused_commands_cost_bounded_work) {
    rig world;
    world.limits.refusals = 100;
    world.restart();
    world.refusing = true;
    world.send_commands(500);
    EXPECT_EQ(world.submitted, 100U);
    EXPECT_GE(world.misbehaved, 1U);
    for (int second = 1; second <= 5; ++second) {
        world.time += std::chrono::seconds(1);
        world.own->due();
        world.own->check_deadlines();
        world.turn();
        EXPECT_LE(world.submitted, 100U * static_cast<std::size_t>(second + 1));
    }
    world.time += std::chrono::seconds(1);
    world.own->due();
    world.turn();
    EXPECT_EQ(world.submitted, 500U);
    EXPECT_EQ(world.read_all(), 500U);
}

TEST(connection, others_have_their_turn) {
    rig world;
    world.limits.turn_commands = 10;
    world.restart();
    world.give_way = true;
    world.send_commands(50);
    EXPECT_LE(world.submitted, 20U);
    world.give_way = false;
    world.turn();
    EXPECT_EQ(world.submitted, 50U);
}

TEST(connection, a_client_that_is_too_slow_is_closed) {
    rig world;
    world.peer.room = 0;
    for (int i = 0; i < 30 && world.own->is_open(); ++i) {
        world.deliver();
        world.turn();
    }
    EXPECT_TRUE(world.peer.destroyed);
    EXPECT_NE(world.closed_because, "");
}

TEST(connection, blocks_are_written_in_pieces) {
    rig world;
    world.peer.room = 1'000;
    world.send_pings(1);
    EXPECT_EQ(world.peer.outgoing.size(), 1'000U);
    world.peer.room = smp::block_size;
    world.peer.handler->writable(world.peer.context);
    EXPECT_EQ(world.read_all(), 1U);
}

TEST(connection, deadlines) {
    rig silent;
    silent.time = silent.limits.idle + std::chrono::seconds(1);
    silent.own->check_deadlines();
    EXPECT_FALSE(silent.own->is_open());

    rig stuck;
    stuck.peer.room = 0;
    stuck.send_pings(1);
    stuck.time = stuck.limits.write + std::chrono::seconds(1);
    stuck.own->check_deadlines();
    EXPECT_FALSE(stuck.own->is_open());

    rig fine;
    fine.time = fine.limits.write + std::chrono::seconds(1);
    fine.own->check_deadlines();
    EXPECT_TRUE(fine.own->is_open()) << "nothing is to be written";
}

TEST(connection, the_end_of_the_stream_ends_it) {
    rig world;
    world.peer.ended = true;
    world.give({});
    EXPECT_FALSE(world.own->is_open());
    EXPECT_TRUE(world.peer.destroyed);
    reply_to to;
    world.own->answer(to, as_bytes("OK"));
    world.deliver();
}

} // namespace
} // namespace plexus::smp_server::test
