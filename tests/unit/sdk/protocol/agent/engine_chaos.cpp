// The whole life of a connection while agents crash and sessions are cut between any two steps, with commits
// that reach the disk or do not: nothing that was accepted is lost, doubled or out of order.
#include "engine_world.hpp"

#include <gtest/gtest.h>

namespace plexus::test {
namespace {

using agent::event_kind;

bool is_connected(const world::node& n) { return !kept(n, event_kind::connected).empty(); }

struct scenario {
    smp::version version;
    bool short_link;
    unsigned disturbance;
};

class agent_engine_chaos : public testing::TestWithParam<scenario> {
  protected:
    /// Messages of one direction: every accepted number arrives, once, in order, with a whole chain.
    static void expect_complete(const world::node& to, const std::map<std::int64_t, std::string>& accepted) {
        std::map<std::int64_t, std::string> arrived;
        std::int64_t last = 0;
        for (const auto& each : kept(to, event_kind::message)) {
            EXPECT_GT(each.id, last) << "out of order, or twice";
            EXPECT_EQ(each.order, agent::integrity::ok);
            last = each.id;
            arrived[each.id] = to_string(each.body);
        }
        for (const auto& [number, text] : accepted) {
            ASSERT_EQ(arrived.count(number), 1U) << "message " << number << " is lost";
            EXPECT_EQ(arrived[number], text);
        }
    }

    void run(std::uint64_t seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        world w(seed, GetParam().version);
        auto& alice = w.add_node("alice");
        auto& bob = w.add_node("bob");
        const auto link = w.create(alice, GetParam().short_link);
        const auto bobs = w.join(bob, link);
        w.disturbance = GetParam().disturbance;
        w.run([&] { return is_connected(alice) && is_connected(bob); });
        ASSERT_TRUE(is_connected(alice));
        ASSERT_TRUE(is_connected(bob));
        EXPECT_EQ(kept(alice, event_kind::confirmation).size(), 1U);
        EXPECT_EQ(to_string(kept(alice, event_kind::confirmation)[0].body), "bob");
        EXPECT_EQ(to_string(kept(bob, event_kind::info).at(0).body), "alice");
        const auto alices = kept(alice, event_kind::connected)[0].connection;

        std::map<std::int64_t, std::string> from_alice;
        std::map<std::int64_t, std::string> from_bob;
        for (int i = 0; i < 12; ++i) {
            const auto text = std::to_string(i);
            if (const auto number = w.send(alice, alices, text)) from_alice[number] = text;
            if (const auto number = w.send(bob, bobs, text)) from_bob[number] = text;
        }
        const auto all_sent = [](const world::node& n, const std::map<std::int64_t, std::string>& accepted) {
            std::set<std::int64_t> sent;
            for (const auto& each : kept(n, event_kind::sent)) sent.insert(each.id);
            return std::all_of(accepted.begin(), accepted.end(),
                               [&](const auto& each) { return sent.count(each.first) != 0; });
        };
        w.run([&] { return all_sent(alice, from_alice) && all_sent(bob, from_bob); });
        w.disturbance = 0;
        w.run();
        expect_complete(bob, from_alice);
        expect_complete(alice, from_bob);
        for (const auto* n : {&alice, &bob}) {
            EXPECT_TRUE(kept(*n, event_kind::send_failed).empty());
            EXPECT_TRUE(kept(*n, event_kind::failed).empty());
            EXPECT_EQ(kept(*n, event_kind::connected).size(), 1U);
        }
        EXPECT_EQ(w.servers[0]->waiting_messages(), 0U);
        // What is left in the stores is what a connection at rest consists of.
        for (const auto* n : {&alice, &bob})
            for (const auto& [place, value] : n->store) {
                EXPECT_NE(place.first, agent::table::outbox);
                EXPECT_NE(place.first, agent::table::events);
            }

        w.disturbance = GetParam().disturbance;
        const auto removed = [](const world::node& n) { return !kept(n, event_kind::deleted).empty(); };
        while (!removed(alice)) {
            alice.engine->remove(w.call(alice, {}), alices, false);
            const auto epoch = alice.epoch;
            w.run([&] { return removed(alice) || alice.epoch != epoch; });
        }
        w.disturbance = 0;
        w.run();
        EXPECT_EQ(alice.engine->connection_count(), 0U);
    }
};

TEST_P(agent_engine_chaos, nothing_is_lost_doubled_or_out_of_order) {
    for (std::uint64_t seed = 1; seed <= 25 && !HasFatalFailure(); ++seed) run(seed);
}

INSTANTIATE_TEST_SUITE_P(all, agent_engine_chaos,
                         testing::Values(scenario{17, true, 10}, scenario{17, false, 10},
                                         scenario{8, false, 10}, scenario{17, true, 40},
                                         scenario{8, false, 60}));

TEST(agent_engine_order, the_same_seed_gives_the_same_run) {
    const auto trace = [](std::uint64_t seed) {
        world w(seed);
        auto& alice = w.add_node("alice");
        auto& bob = w.add_node("bob");
        w.join(bob, w.create(alice, true));
        w.disturbance = 10;
        w.run([&] { return is_connected(alice) && is_connected(bob); });
        return std::pair(w.steps, w.now);
    };
    EXPECT_EQ(trace(7), trace(7));
}

} // namespace
} // namespace plexus::test
