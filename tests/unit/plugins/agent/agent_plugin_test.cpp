// The agent plugin on the simulated network, against our SMP server.
#include "agent_user.hpp"

#include "plexus/abi.hpp"
#include "plexus/abi/draft/network.h"

#include <gmock/gmock.h>

namespace plexus::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

struct agent_plugin_test : testing::Test {
    explicit agent_plugin_test(std::uint64_t seed = 3) : world(seed) {}

    kernel::simulation world;
    smp_machine server{world};
    std::unique_ptr<agent_user> alice;
    std::unique_ptr<agent_user> bob;
    std::uint64_t alices = 0;
    std::uint64_t bobs = 0;

    void SetUp() override {
        server.host().start();
        alice = std::make_unique<agent_user>(world, "alice", server.address());
        bob = std::make_unique<agent_user>(world, "bob", server.address());
        alice->start();
        bob->start();
    }
    void TearDown() override {
        for (auto* each : {alice.get(), bob.get()}) {
            each->stop();
            EXPECT_TRUE(each->host().left_behind().empty()) << each->host().left_behind().front();
        }
        server.host().stop();
    }
    void connect(bool short_link = true) {
        const auto link = alice->create();
        alices = link.connection;
        EXPECT_FALSE(link.short_.empty());
        bobs = bob->join(short_link ? link.short_ : link.full);
        ASSERT_TRUE(world.run_until([&] { return alice->connected() && bob->connected(); }));
    }
    bool arrive(const agent_user& at, std::size_t count) {
        return world.run_until([&] { return at.texts().size() >= count; });
    }
};

TEST_F(agent_plugin_test, two_people_connect_by_either_link_and_talk) {
    for (const bool short_link : {true, false}) {
        connect(short_link);
        EXPECT_EQ(alice->security_code(alices), bob->security_code(bobs));
        alice->send(alices, "hello");
        bob->send(bobs, "good day");
        EXPECT_TRUE(arrive(*bob, 1));
        EXPECT_TRUE(arrive(*alice, 1));
        EXPECT_EQ(alice->kept(PLEXUS_AGENT_CONFIRMATION).at(0).body, "bob");
        EXPECT_EQ(bob->kept(PLEXUS_AGENT_INFO).at(0).body, "alice");
        EXPECT_THAT(bob->texts(), ElementsAre("hello"));
        EXPECT_THAT(alice->texts(), ElementsAre("good day"));
        ASSERT_TRUE(world.run_until([&] { return alice->kept(PLEXUS_AGENT_SENT).size() == 1; }));
        alice->events.clear();
        bob->events.clear();
    }
}

TEST_F(agent_plugin_test, a_restart_changes_nothing) {
    connect();
    alice->stop();
    bob->send(bobs, "while you were away");
    ASSERT_TRUE(world.run_until([&] { return bob->kept(PLEXUS_AGENT_SENT).size() == 1; }));
    bob->stop();
    alice->start();
    EXPECT_TRUE(arrive(*alice, 1));
    bob->start();
    alice->send(alices, "welcome back");
    EXPECT_TRUE(arrive(*bob, 1));
    EXPECT_THAT(alice->texts(), ElementsAre("while you were away"));
    EXPECT_THAT(bob->texts(), ElementsAre("welcome back"));
}

TEST_F(agent_plugin_test, what_is_sent_without_a_server_goes_out_when_it_is_there) {
    connect();
    server.host().stop();
    for (int i = 0; i < 12; ++i) alice->send(alices, std::to_string(i));
    ASSERT_TRUE(world.run_until(
        [&] { return !alice->passing.empty() && alice->passing.back().kind == PLEXUS_AGENT_SERVER_DOWN; }));
    world.run_for(30min);
    server.host().start();
    EXPECT_TRUE(arrive(*bob, 12));
    EXPECT_EQ(bob->texts().front(), "0");
    EXPECT_EQ(bob->texts().back(), "11");
}

TEST_F(agent_plugin_test, a_server_that_says_nothing_is_left_and_dialed_again) {
    connect();
    // Nothing gets through for longer than an answer may take.
    world.stall("alice", "server", 5min);
    alice->send(alices, "slow");
    ASSERT_TRUE(world.run_until(
        [&] { return !alice->passing.empty() && alice->passing.back().kind == PLEXUS_AGENT_SERVER_DOWN; }));
    EXPECT_TRUE(arrive(*bob, 1));
    EXPECT_THAT(bob->texts(), ElementsAre("slow"));
}

/// The network's settings of a user, and what it says of its servers.
class network_of {
  public:
    explicit network_of(agent_user& user)
        : user_(user), table_(user.host().service<plexus_network>("network", PLEXUS_NETWORK_ID)) {}

    void change(std::string_view json) {
        user_.host().on_shard(
            0, [&] { ASSERT_EQ(table_->change(table_->service.self, to_abi(json), 0, nullptr), PLEXUS_OK); });
    }
    std::string status() {
        std::string out;
        table_->read(
            table_->service.self, PLEXUS_NETWORK_STATUS,
            [](void* context, plexus_view json) { *static_cast<std::string*>(context) = text_of(json); },
            &out);
        return out;
    }
    std::size_t connections() {
        const auto text = status();
        std::size_t count = 0;
        for (auto at = text.find("\"since\""); at != std::string::npos; at = text.find("\"since\"", at + 1))
            ++count;
        return count;
    }

  private:
    agent_user& user_;
    const plexus_network* table_;
};

TEST_F(agent_plugin_test, sessions_are_grouped_anew_while_it_runs) {
    connect();
    const auto second = alice->create();
    const auto other = bob->join(second.short_);
    ASSERT_TRUE(world.run_until([&] {
        return alice->kept(PLEXUS_AGENT_CONNECTED).size() == 2 &&
               bob->kept(PLEXUS_AGENT_CONNECTED).size() == 2;
    }));
    network_of network(*alice);
    EXPECT_EQ(network.connections(), 1U); // to one server
    std::size_t expected = 0;
    for (const auto& [mode, count] : {std::pair("entity", std::size_t{2}), {"session", 1}, {"entity", 2}}) {
        network.change(R"({"sessionMode":")" + std::string(mode) + "\"}");
        EXPECT_TRUE(world.run_until([&, wanted = count] { return network.connections() == wanted; })) << mode;
        for (const auto connection : {alices, second.connection}) alice->send(connection, mode);
        bob->send(bobs, mode);
        bob->send(other, mode);
        expected += 2;
        EXPECT_TRUE(arrive(*bob, expected)) << mode;
        EXPECT_TRUE(arrive(*alice, expected)) << mode;
    }
}

TEST_F(agent_plugin_test, a_new_road_is_taken_at_once) {
    connect();
    network_of network(*alice);
    alice->passing.clear();
    network.change(R"({"smpWebPortServers":"off"})");
    ASSERT_TRUE(world.run_until(
        [&] { return !alice->passing.empty() && alice->passing.back().kind == PLEXUS_AGENT_SERVER_UP; }));
    EXPECT_EQ(network.connections(), 1U);
    // Settings that concern no road leave the session as it is.
    alice->passing.clear();
    network.change(R"({"smpPingCount":5,"reconnectMost":120000000})");
    world.run_for(1min);
    EXPECT_TRUE(alice->passing.empty());
    alice->send(alices, "by the new road");
    EXPECT_TRUE(arrive(*bob, 1));
}

TEST_F(agent_plugin_test, mistakes_are_told_at_once) {
    EXPECT_EQ(alice->inspect(alice->create().full), "invitation");
    EXPECT_EQ(alice->inspect("https://smp8.example/a#7KD2J3EufHEKi_8dy_fH-00gD_x_inTaG-3plcMtiUU"),
              "address");
    const auto message = [&](const auto& what) -> std::string {
        try {
            what();
        } catch (const std::exception& e) {
            return e.what();
        }
        return {};
    };
    EXPECT_THAT(message([&] { alice->inspect("hello"); }), HasSubstr("begins neither"));
    EXPECT_THAT(message([&] { alice->join("hello"); }), HasSubstr("begins neither"));
    EXPECT_THAT(message([&] { alice->send(77, "hello"); }), HasSubstr("no connection 77"));
    EXPECT_THAT(message([&] { alice->security_code(77); }), HasSubstr("no connection 77"));
    server.host().stop();
    EXPECT_THAT(message([&] { alice->create(); }), HasSubstr(""));
}

TEST_F(agent_plugin_test, deleting_lets_the_last_words_through) {
    connect();
    alice->send(alices, "good bye");
    alice->remove(alices, true);
    EXPECT_TRUE(arrive(*bob, 1));
    EXPECT_TRUE(world.run_until([&] { return !alice->kept(PLEXUS_AGENT_DELETED).empty(); }));
    bob->send(bobs, "gone?");
    EXPECT_TRUE(world.run_until([&] { return !bob->kept(PLEXUS_AGENT_SEND_FAILED).empty(); }));
}

TEST(agent_plugin_passphrase_test, opens_with_its_passphrase_alone) {
    kernel::simulation world(4);
    smp_machine server(world);
    server.host().start();
    const std::string secret = "passphrase = 'correct horse'\n";
    std::string derived;
    {
        agent_user carol(world, "carol", server.address(), secret, "carol");
        carol.start();
        carol.create();
        derived = carol.derive_key("notes");
        EXPECT_NE(carol.derive_key("note"), derived);
    }
    {
        agent_user carol(world, "carol", server.address(), "passphrase = 'wrong'\n", "carol");
        EXPECT_THROW(carol.start(), std::exception);
    }
    {
        agent_user carol(world, "carol", server.address(), {}, "carol");
        EXPECT_THROW(carol.start(), std::exception);
    }
    {
        agent_user carol(world, "carol", server.address(), secret, "carol");
        carol.start();
        EXPECT_EQ(carol.derive_key("notes"), derived);
    }
    agent_user dora(world, "dora", server.address(), {}, "dora");
    dora.start();
    EXPECT_NE(dora.derive_key("notes"), derived);
}

/// Why an agent with these settings does not start; empty: it does.
std::string refusal(kernel::simulation& world, const std::string& settings) {
    agent_user carol(world, "carol", "smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@server", settings,
                     "kept");
    try {
        carol.start();
    } catch (const std::exception& failure) {
        return failure.what();
    }
    return {};
}

TEST(agent_plugin_passphrase_test, says_that_none_is_needed) {
    kernel::simulation world(5);
    EXPECT_EQ(refusal(world, {}), "");
    EXPECT_THAT(refusal(world, "passphrase = 'x'\n"), HasSubstr("has no passphrase"));
}

TEST(agent_plugin_passphrase_test, says_which_is_wrong) {
    kernel::simulation world(5);
    EXPECT_EQ(refusal(world, "passphrase = 'x'\n"), "");
    EXPECT_THAT(refusal(world, {}), HasSubstr("none was given"));
    EXPECT_THAT(refusal(world, "passphrase = 'y'\n"), HasSubstr("does not open"));
}

/// Crashes of each side, cuts and stalls while two people talk.
class agent_plugin_faults_test : public testing::TestWithParam<std::uint64_t> {};

TEST_P(agent_plugin_faults_test, nothing_is_lost_doubled_or_out_of_order) {
    kernel::simulation world(GetParam());
    smp_machine server(world);
    server.host().start();
    agent_user alice(world, "alice" + std::to_string(GetParam()), server.address());
    agent_user bob(world, "bob" + std::to_string(GetParam()), server.address());
    alice.start();
    bob.start();
    const auto link = alice.create();
    const auto bobs = bob.join(link.short_);

    const auto disturb = [&] {
        const std::string host = (world.choose(2) == 0 ? alice : bob).host().host();
        switch (world.choose(5)) {
        case 0:
            alice.crash();
            alice.start();
            break;
        case 1:
            bob.crash();
            bob.start();
            break;
        case 2:
            server.host().crash();
            server.host().start();
            break;
        case 3: world.cut(host, "server"); break;
        case 4: world.stall(host, "server", std::chrono::seconds(world.choose(60))); break;
        }
    };
    for (int i = 0; i < 6; ++i) {
        world.run_for(std::chrono::milliseconds(world.choose(300)));
        disturb();
    }
    ASSERT_TRUE(world.run_until([&] { return alice.connected() && bob.connected(); }));
    for (int i = 0; i < 15; ++i) {
        alice.begin_send(link.connection, std::to_string(i));
        bob.begin_send(bobs, std::to_string(i));
        world.run_for(std::chrono::milliseconds(world.choose(200)));
        if (i % 2 == 0) disturb();
    }
    const auto complete = [](const agent_user& from, const agent_user& to) {
        std::map<std::uint64_t, std::string> arrived;
        for (const auto& each : to.kept(PLEXUS_AGENT_MESSAGE)) arrived[each.id] = each.body;
        return std::all_of(from.accepted.begin(), from.accepted.end(),
                           [&](const auto& each) { return arrived.count(each.first) != 0; });
    };
    ASSERT_TRUE(world.run_until([&] { return complete(alice, bob) && complete(bob, alice); }, 24h));
    world.run_for(10min);
    for (const auto* to : {&alice, &bob}) {
        const auto& from = to == &alice ? bob : alice;
        std::uint64_t last = 0;
        for (const auto& each : to->kept(PLEXUS_AGENT_MESSAGE)) {
            EXPECT_GT(each.id, last);
            EXPECT_EQ(each.integrity, static_cast<std::uint32_t>(PLEXUS_INTEGRITY_OK));
            last = each.id;
            if (const auto said = from.accepted.find(each.id); said != from.accepted.end()) {
                EXPECT_EQ(each.body, said->second);
            }
        }
        EXPECT_EQ(to->kept(PLEXUS_AGENT_CONNECTED).size(), 1U);
        EXPECT_TRUE(to->kept(PLEXUS_AGENT_SEND_FAILED).empty());
    }
}

INSTANTIATE_TEST_SUITE_P(seeds, agent_plugin_faults_test, testing::Range<std::uint64_t>(1, 9));

} // namespace
} // namespace plexus::test
