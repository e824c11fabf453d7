#include "engine_world.hpp"

#include "plexus/agent/link.hpp"

#include <gtest/gtest.h>

namespace plexus::test {
namespace {

using agent::event_kind;

bool is_connected(const world::node& n) { return !kept(n, event_kind::connected).empty(); }

std::vector<std::string> texts(const world::node& n) {
    std::vector<std::string> out;
    for (const auto& each : kept(n, event_kind::message)) out.push_back(to_string(each.body));
    return out;
}

/// Two agents, connected by a link.
struct pair {
    explicit pair(world& w, bool short_link = false) : alice(w.add_node("alice")), bob(w.add_node("bob")) {
        const auto link = w.create(alice, short_link);
        bobs = w.join(bob, link);
        w.run([this] { return is_connected(alice) && is_connected(bob); });
        alices = kept(alice, event_kind::connected).at(0).connection;
    }
    world::node& alice;
    world::node& bob;
    agent::connection_id alices = 0;
    agent::connection_id bobs = 0;
};

void expect_connected(const pair& p) {
    ASSERT_EQ(kept(p.alice, event_kind::confirmation).size(), 1U);
    EXPECT_EQ(to_string(kept(p.alice, event_kind::confirmation)[0].body), "bob");
    ASSERT_EQ(kept(p.bob, event_kind::info).size(), 1U);
    EXPECT_EQ(to_string(kept(p.bob, event_kind::info)[0].body), "alice");
    EXPECT_EQ(kept(p.alice, event_kind::connected).size(), 1U);
    EXPECT_EQ(kept(p.bob, event_kind::connected).size(), 1U);
}

void expect_conversation(world& w, pair& p) {
    for (int i = 0; i < 5; ++i) {
        w.send(p.alice, p.alices, "a" + std::to_string(i));
        w.send(p.bob, p.bobs, "b" + std::to_string(i));
    }
    w.run();
    EXPECT_EQ(texts(p.bob), (std::vector<std::string>{"a0", "a1", "a2", "a3", "a4"}));
    EXPECT_EQ(texts(p.alice), (std::vector<std::string>{"b0", "b1", "b2", "b3", "b4"}));
    for (const auto* n : {&p.alice, &p.bob}) {
        EXPECT_EQ(kept(*n, event_kind::sent).size(), 5U);
        for (const auto& each : kept(*n, event_kind::message)) EXPECT_EQ(each.order, agent::integrity::ok);
    }
    EXPECT_EQ(w.servers[0]->waiting_messages(), 0U);
}

class agent_engine_versions : public testing::TestWithParam<std::tuple<smp::version, bool>> {};

TEST_P(agent_engine_versions, connect_and_talk) {
    world w(1, std::get<0>(GetParam()));
    pair p(w, std::get<1>(GetParam()));
    expect_connected(p);
    expect_conversation(w, p);
}
// 17: fast, with short links; 9: fast without them; 8: slow, with KEY and HELLO.
INSTANTIATE_TEST_SUITE_P(all, agent_engine_versions,
                         testing::Combine(testing::Values<smp::version>(6, 8, 9, 14, 15, 17, 20),
                                          testing::Bool()));

TEST(agent_engine, the_security_code_is_the_same_on_both_sides) {
    world w(2);
    pair p(w);
    std::vector<std::string> codes;
    p.alice.engine->security_code(w.call(p.alice, [&](const auto& reply) { codes.push_back(reply.text); }),
                                  p.alices);
    p.bob.engine->security_code(w.call(p.bob, [&](const auto& reply) { codes.push_back(reply.text); }),
                                p.bobs);
    w.crash(*w.nodes[0]);
    w.crash(*w.nodes[1]);
    p.alice.engine->security_code(w.call(p.alice, [&](const auto& reply) { codes.push_back(reply.text); }),
                                  p.alices);
    p.bob.engine->security_code(w.call(p.bob, [&](const auto& reply) { codes.push_back(reply.text); }),
                                p.bobs);
    w.run();
    ASSERT_EQ(codes.size(), 2U);
    EXPECT_EQ(codes[0], codes[1]);
    EXPECT_GT(codes[0].size(), 60U);
}

TEST(agent_engine, a_message_of_the_largest_size_passes_and_a_larger_one_is_refused) {
    world w(3);
    pair p(w);
    // The padded size less its length, tag and number, the previous hash with its length, and two tags.
    const std::size_t largest = 15'840 - 2 - 1 - 8 - 33 - 1;
    EXPECT_GT(w.send(p.alice, p.alices, std::string(largest, 'x')), 0);
    EXPECT_THROW(w.send(p.alice, p.alices, std::string(largest + 1, 'x')), std::logic_error);
    w.send(p.alice, p.alices, "after");
    w.run();
    EXPECT_EQ(texts(p.bob), (std::vector<std::string>{std::string(largest, 'x'), "after"}));
}

TEST(agent_engine, a_link_that_was_used_fails_for_the_second_joiner) {
    for (const bool short_link : {false, true}) {
        world w(4);
        auto& alice = w.add_node("alice");
        auto& bob = w.add_node("bob");
        auto& carol = w.add_node("carol");
        const auto link = w.create(alice, short_link);
        w.join(bob, link);
        w.run([&] { return is_connected(alice) && is_connected(bob); });
        const auto id = w.join(carol, link);
        w.run();
        ASSERT_EQ(kept(carol, event_kind::failed).size(), 1U);
        EXPECT_EQ(kept(carol, event_kind::failed)[0].connection, id);
        EXPECT_EQ(kept(alice, event_kind::confirmation).size(), 1U);
        // The ruin can be removed.
        carol.engine->remove(w.call(carol, {}), id, false);
        w.run();
        EXPECT_EQ(kept(carol, event_kind::deleted).size(), 1U);
        EXPECT_EQ(carol.engine->connection_count(), 0U);
    }
}

TEST(agent_engine, bad_links_are_refused_at_once) {
    world w(5);
    auto& bob = w.add_node("bob");
    EXPECT_THROW(w.join(bob, "hello"), std::logic_error);
    EXPECT_THROW(w.join(bob, "https://smp8.example/a#7KD2J3EufHEKi_8dy_fH-00gD_x_inTaG-3plcMtiUU"),
                 std::logic_error);
    EXPECT_THROW(w.join(bob, "https://smp8.example/i#abcd/7KD2J3EufHEKi_8dy_fH-00gD_x_inTaG-3plcMtiUU"),
                 std::logic_error);
    EXPECT_EQ(bob.engine->connection_count(), 0U);
    EXPECT_TRUE(bob.store.empty());
}

TEST(agent_engine, the_creators_server_being_away_fails_the_call_and_not_the_joiner) {
    world w(6);
    auto& alice = w.add_node("alice");
    const auto link = w.create(alice, false);
    auto& bob = w.add_node("bob");
    w.servers[0]->address.port = "1"; // nobody listens where the link says
    w.cut(alice, 1);
    EXPECT_THROW(w.create(alice, false), std::logic_error);
    w.servers[0]->address.port = "5223";
    w.join(bob, link);
    w.run([&] { return is_connected(alice) && is_connected(bob); });
    EXPECT_TRUE(is_connected(bob));
}

TEST(agent_engine, another_server_makes_the_link_when_one_is_away) {
    world w(7);
    w.add_server("smp://0YuTwO05YJWS8rkjn9eLJDjQhFKvIYd8d4xG8X1blIU=@two.example");
    auto& alice = w.add_node("alice", {0, 1});
    w.servers[0]->address.port = "1";
    const auto link = agent::parse_connection_request(w.create(alice, false)).value();
    EXPECT_EQ(link.queues[0].address.server.hosts[0].name, "two.example");
}

TEST(agent_engine, a_link_under_way_is_made_though_connections_are_grouped_anew) {
    world w(10);
    w.add_server("smp://0YuTwO05YJWS8rkjn9eLJDjQhFKvIYd8d4xG8X1blIU=@two.example");
    auto& alice = w.add_node("alice", {0, 1});
    std::optional<agent::action::reply> got;
    alice.engine->create(w.call(alice, [&got](const auto& reply) { got = reply; }), false, to_bytes("{}"));
    alice.engine->set_rules(true, std::chrono::seconds(1), std::chrono::seconds(60));
    w.run([&got] { return got.has_value(); });
    ASSERT_TRUE(got);
    EXPECT_FALSE(got->failed);
}

TEST(agent_engine, a_server_is_dialed_in_haste_while_somebody_waits) {
    world w(9);
    auto& alice = w.add_node("alice");
    const auto link = w.create(alice, true);
    EXPECT_EQ(alice.dialed, std::vector{true});
    auto& bob = w.add_node("bob");
    w.servers[0]->address.port = "1";
    w.join(bob, link);
    w.run([&] { return bob.dialed.size() == 3; });
    EXPECT_EQ(bob.dialed, (std::vector{true, false, false})) << "then the agent goes on alone";
    w.servers[0]->address.port = "5223";
    w.run([&] { return is_connected(alice) && is_connected(bob); });
    w.cut(bob, bob.sessions.begin()->first);
    w.run([&] { return bob.sessions.size() == 1; });
    EXPECT_FALSE(bob.dialed.back()) << "nobody waits for a subscription";
}

TEST(agent_engine, pauses_grow_while_a_server_is_away) {
    world w(8);
    pair p(w);
    w.servers[0]->address.port = "1";
    const auto session = p.alice.sessions.begin()->first;
    w.cut(p.alice, session);
    std::vector<std::int64_t> pauses;
    auto before = w.now;
    w.run([&] {
        if (w.now != before) {
            pauses.push_back(w.now - before);
            before = w.now;
        }
        return pauses.size() >= 12;
    });
    EXPECT_LE(pauses.front(), 1'000);
    EXPECT_GE(pauses.back(), 25'000);
    EXPECT_LE(*std::max_element(pauses.begin(), pauses.end()), 60'000);
    EXPECT_EQ(p.alice.passing.back().kind, event_kind::server_down);
    w.servers[0]->address.port = "5223";
    expect_conversation(w, p);
    EXPECT_EQ(p.alice.passing.back().kind, event_kind::server_up);
}

TEST(agent_engine, a_full_queue_is_waited_for_and_goes_on_at_the_peers_word) {
    world w(9);
    w.servers[0]->quota = 3;
    pair p(w);
    // Bob's user is away: his agent is crashed, and stays so while Alice sends.
    p.bob.engine->set_receiver(false);
    for (int i = 0; i < 10; ++i) w.send(p.alice, p.alices, std::to_string(i));
    const auto began = w.now;
    w.run([&] {
        return std::any_of(p.alice.passing.begin(), p.alice.passing.end(),
                           [](const auto& each) { return each.kind == event_kind::quota; });
    });
    p.bob.engine->set_receiver(true);
    w.run([&] { return kept(p.alice, event_kind::sent).size() == 10; });
    // The word came before the slow retry would have.
    EXPECT_LT(w.now - began, 300'000);
    EXPECT_EQ(texts(p.bob), (std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}));
    EXPECT_EQ(kept(p.alice, event_kind::sent).size(), 10U);
}

TEST(agent_engine, deleting_removes_everything_here_and_at_the_server) {
    for (const bool wait_sent : {false, true}) {
        world w(10);
        pair p(w);
        p.alice.engine->send(w.call(p.alice, {}), p.alices, 0, true, as_bytes("bye"));
        p.alice.engine->remove(w.call(p.alice, {}), p.alices, wait_sent);
        w.run();
        EXPECT_EQ(kept(p.alice, event_kind::deleted).size(), 1U);
        EXPECT_EQ(p.alice.engine->connection_count(), 0U);
        EXPECT_EQ(p.alice.engine->session_count(), 0U);
        EXPECT_EQ(w.servers[0]->queue_count(), 1U);
        if (wait_sent) {
            EXPECT_EQ(texts(p.bob), (std::vector<std::string>{"bye"}));
        }
        // Nothing but the counters is left in the store.
        for (const auto& [place, value] : p.alice.store) EXPECT_EQ(place.first, agent::table::counters);
        // What Bob sends now has nowhere to go.
        w.send(p.bob, p.bobs, "hello?");
        w.run();
        EXPECT_EQ(kept(p.bob, event_kind::send_failed).size(), 1U);
    }
}

TEST(agent_engine, messages_wait_for_the_creators_user_and_come_before_it_allowed_nothing) {
    world w(11);
    auto& alice = w.add_node("alice");
    alice.allows = false;
    auto& bob = w.add_node("bob");
    const auto link = w.create(alice, true);
    w.join(bob, link);
    w.run();
    ASSERT_EQ(kept(alice, event_kind::confirmation).size(), 1U);
    EXPECT_FALSE(is_connected(bob));
    // The question comes again after a restart, until it is answered.
    alice.allows = true;
    w.crash(alice);
    w.run([&] { return is_connected(alice) && is_connected(bob); });
    EXPECT_TRUE(is_connected(bob));
    EXPECT_EQ(kept(alice, event_kind::confirmation).size(), 1U);
}

TEST(agent_engine, a_broken_store_stops_everything_and_loses_nothing) {
    world w(12);
    pair p(w);
    w.lossy_store = true;
    p.alice.engine->send(w.call(p.alice, {}), p.alices, 0, true, as_bytes("lost with the disk"));
    w.run([&] { return w.steps > 0 && w.now > 1'000'000; });
    EXPECT_TRUE(texts(p.bob).empty());
    w.lossy_store = false;
    w.crash(p.alice);
    w.crash(p.bob);
    expect_conversation(w, p);
}

TEST(agent_engine, what_is_offered_again_with_its_tag_is_sent_once) {
    for (std::uint64_t seed = 20; seed < 28; ++seed) {
        world w(seed);
        pair p(w);
        std::vector<std::string> expected;
        for (std::uint64_t tag = 1; tag <= 6; ++tag) {
            expected.push_back(std::to_string(tag));
            p.alice.engine->send(w.call(p.alice, {}), p.alices, tag, true, as_bytes(expected.back()));
            if (tag % 3 != 0) continue;
            w.crash(p.alice); // some of it is stored, and nobody knows what
            for (std::uint64_t old = 1; old <= tag; ++old) w.offer(p.alice, p.alices, old, expected[old - 1]);
        }
        w.run([&] { return kept(p.alice, event_kind::sent).size() == 6 && texts(p.bob).size() == 6; });
        EXPECT_EQ(texts(p.bob), expected);
        const auto sent = kept(p.alice, event_kind::sent);
        for (std::size_t i = 0; i < sent.size(); ++i) EXPECT_EQ(sent[i].tag, i + 1);
        EXPECT_EQ(w.offer(p.alice, p.alices, 6, "6"), 0);
        EXPECT_GT(w.offer(p.alice, p.alices, 7, "7"), 0);
    }
}

TEST(agent_engine, a_long_outbox_is_kept_in_the_store_and_read_back) {
    world w(13);
    pair p(w);
    w.servers[0]->address.port = "1";
    for (const auto* n : {&p.alice, &p.bob})
        while (!n->sessions.empty()) w.cut(*w.nodes[n->index], n->sessions.begin()->first);
    std::vector<std::string> expected;
    for (int i = 0; i < 40; ++i) {
        expected.push_back(std::to_string(i));
        EXPECT_GT(w.send(p.alice, p.alices, expected.back()), 0);
        if (i == 20) w.crash(p.alice);
    }
    w.servers[0]->address.port = "5223";
    w.run([&] { return texts(p.bob).size() == 40; });
    EXPECT_EQ(texts(p.bob), expected);
}

TEST(agent_engine, subscriptions_go_out_in_portions) {
    world w(14);
    auto& alice = w.add_node("alice");
    for (int i = 0; i < 30; ++i) w.create(alice, false);
    agent::engine::options options;
    options.subscriptions_at_once = 7;
    seeded_random random(1);
    agent::engine engine(options, random);
    for (const auto& [place, value] : alice.store)
        ASSERT_TRUE(engine.restore(place.first, place.second, value));
    engine.start();
    engine.set_receiver(true);
    std::deque<std::uint64_t> tokens;
    std::size_t subscribed = 0;
    std::size_t most = 0;
    bool announced = false;
    const auto drain = [&] {
        while (auto action = engine.next()) {
            if (const auto* dial = std::get_if<agent::action::dial>(&*action))
                engine.server_up(dial->session, 17);
            if (const auto* command = std::get_if<agent::action::command>(&*action)) {
                ASSERT_TRUE(std::holds_alternative<smp::cmd::sub>(command->value));
                tokens.push_back(command->token);
            }
            if (const auto* told = std::get_if<agent::action::notify>(&*action))
                announced = told->what.kind == event_kind::server_up;
        }
        most = std::max(most, tokens.size());
    };
    drain();
    while (!tokens.empty()) {
        EXPECT_FALSE(announced);
        engine.response(tokens.front(), smp::msg::ok{});
        tokens.pop_front();
        ++subscribed;
        drain();
    }
    EXPECT_EQ(subscribed, 30U);
    EXPECT_EQ(most, 7U);
    EXPECT_TRUE(announced);
}

agent::connection connection_of(const world::node& n) {
    for (const auto& [place, value] : n.store)
        if (place.first == agent::table::connections) return agent::decode_connection(1, value).value();
    throw std::logic_error("no connection is stored");
}
agent::progress progress_of(const world::node& n) {
    for (const auto& [place, value] : n.store)
        if (place.first == agent::table::progress) return agent::decode_progress(value).value();
    throw std::logic_error("no progress is stored");
}

std::size_t count(const std::vector<agent::event>& events, event_kind kind) {
    return static_cast<std::size_t>(
        std::count_if(events.begin(), events.end(), [&](const auto& each) { return each.kind == kind; }));
}

TEST(agent_engine, garbage_in_an_open_queue_is_named_and_put_away) {
    world w(16);
    auto& alice = w.add_node("alice");
    auto& bob = w.add_node("bob");
    const auto link = w.create(alice, false);
    const auto queue = agent::parse_connection_request(link).value().queues[0];
    seeded_random random(1);
    const auto stranger = crypto::private_key::generate(crypto::key_type::x25519, random);
    const auto secret = agent::queue_secret::agree(stranger, queue.address.dh_key).value();
    const auto sealed = [&](bytes inside) {
        return agent::encode(agent::seal_client_message(secret.key, crypto::random_nonce(random), 4,
                                                        stranger.public_part(), {{}, std::move(inside)},
                                                        agent::client_confirmation_padding)
                                 .value());
    };
    agent::confirmation_envelope without_keys{7, {}, to_bytes("nothing")};
    agent::confirmation_envelope wrong{7, crypto::x3dh_keys::generate(random).params(3), bytes(15'000)};
    const std::vector<bytes> bodies = {
        {},
        to_bytes("garbage"),
        bytes(16'000),
        sealed(to_bytes("garbage")),
        sealed(agent::encode(without_keys)),
        sealed(agent::encode(wrong)),
        sealed(agent::encode(agent::message_envelope{7, bytes(100)})),
    };
    for (const auto& body : bodies) w.intrude(queue.address.sender_id, {}, body);
    w.run();
    EXPECT_EQ(count(alice.passing, event_kind::error), bodies.size());
    EXPECT_EQ(w.servers[0]->waiting_messages(), 0U);
    // The invitation is still good.
    w.join(bob, link);
    w.run([&] { return is_connected(alice) && is_connected(bob); });
    EXPECT_TRUE(is_connected(bob));
}

TEST(agent_engine, every_agent_message_keeps_its_place_and_is_acknowledged) {
    world w(17);
    pair p(w);
    w.run();
    // Bob's side goes on by hand, with what his agent stored.
    const auto bob = connection_of(p.bob);
    auto progress = progress_of(p.bob);
    seeded_random random(1);
    const auto say = [&](const agent::message_content& content) {
        const auto plaintext =
            agent::encode(agent::numbered_message{progress.sent.last + 1, progress.sent.last_hash, content});
        progress.sent.add(progress.sent.last + 1, plaintext);
        const agent::message_envelope envelope{
            7, progress.ratchet->encrypt(plaintext, agent::message_padding(7, false)).value()};
        const auto sealed =
            agent::seal_client_message(bob.send->secret.key, crypto::random_nonce(random), 4, {},
                                       {{}, agent::encode(envelope)}, agent::client_message_padding)
                .value();
        w.intrude(bob.send->sender_id, bob.send->key, agent::encode(sealed));
        return agent::encode(sealed);
    };
    const agent::queue_reference other{w.servers[0]->address, bytes(24, 7)};
    const agent::queue_uri uri{{1, 4}, bob.receive->address()};
    const agent::queue_info info{4, bob.receive->address()};
    say(agent::queue_add{{{uri, other}}});
    say(agent::queue_key{{{info, bob.send->key.public_part()}}});
    say(agent::queue_use{{{other, true}}});
    say(agent::queue_test{{other}});
    say(agent::ratchet_ready{3});
    say(agent::queue_continue{other});
    say(agent::receipts{{{1, {}, {}}, {99, {}, {}}}});
    say(agent::hello{});
    const auto twice = say(agent::user_message{to_bytes("in order")});
    // The same again, as after a lost OK, is put away silently.
    w.intrude(bob.send->sender_id, bob.send->key, twice);
    w.run();
    EXPECT_EQ(texts(p.alice), (std::vector<std::string>{"in order"}));
    EXPECT_EQ(kept(p.alice, event_kind::message)[0].order, agent::integrity::ok);
    EXPECT_EQ(kept(p.alice, event_kind::message)[0].id, 10);
    EXPECT_EQ(count(p.alice.passing, event_kind::error), 0U);
    EXPECT_EQ(w.servers[0]->waiting_messages(), 0U);
    // Receipts name messages that were sent, and confirmations are none.
    EXPECT_TRUE(kept(p.alice, event_kind::receipt).empty());
    w.send(p.alice, p.alices, "noted?");
    say(agent::receipts{{{2, bytes(32), {}}}});
    w.run();
    ASSERT_EQ(kept(p.alice, event_kind::receipt).size(), 1U);
    EXPECT_EQ(kept(p.alice, event_kind::receipt)[0].id, 2);
}

TEST(agent_engine, a_gap_in_the_chain_is_told) {
    world w(18);
    pair p(w);
    w.run();
    const auto bob = connection_of(p.bob);
    auto progress = progress_of(p.bob);
    seeded_random random(1);
    const auto say = [&](std::int64_t number, bytes hash, bool deliver) {
        const auto plaintext = agent::encode(agent::numbered_message{number, hash, agent::user_message{{}}});
        const agent::message_envelope envelope{
            7, progress.ratchet->encrypt(plaintext, agent::message_padding(7, false)).value()};
        const auto sealed =
            agent::seal_client_message(bob.send->secret.key, crypto::random_nonce(random), 4, {},
                                       {{}, agent::encode(envelope)}, agent::client_message_padding)
                .value();
        if (deliver) w.intrude(bob.send->sender_id, bob.send->key, agent::encode(sealed));
        const auto digest = crypto::sha256(plaintext);
        return bytes(digest.begin(), digest.end());
    };
    auto hash = say(2, progress.sent.last_hash, true);
    hash = say(3, hash, false); // lost by the server
    hash = say(4, hash, true);
    say(5, bytes(32, 1), true);
    say(1, {}, true);
    w.run();
    std::vector<agent::integrity> order;
    for (const auto& each : kept(p.alice, event_kind::message)) order.push_back(each.order);
    EXPECT_EQ(order, (std::vector<agent::integrity>{agent::integrity::ok, agent::integrity::skipped,
                                                    agent::integrity::bad_hash, agent::integrity::bad_id}));
}

TEST(agent_engine, damaged_records_are_named) {
    world w(15);
    pair p(w);
    for (const auto& [place, value] : p.alice.store) {
        if (place.first == agent::table::counters) continue;
        seeded_random random(1);
        agent::engine engine({}, random);
        const auto restored = engine.restore(place.first, place.second, bytes_view(value).first(3));
        // Progress and messages of connections that are not there are skipped.
        if (place.first == agent::table::connections || place.first == agent::table::progress) {
            ASSERT_FALSE(restored);
            EXPECT_TRUE(restored.error().is(agent::failure::corrupt));
        }
    }
}

} // namespace
} // namespace plexus::test
