// What a messenger with 100 contacts on 3 servers sends and receives when nothing happens: at its start and
// in a day, beside a client that has a connection a contact and asks each minute whether it stands. Bytes of
// blocks, without TLS and TCP. The table is printed by
//   build/release/tests/plexus_sim --gtest_filter='traffic.*'
#include "agent_user.hpp"

#include <gtest/gtest.h>

#include <cstdio>

namespace plexus::test {
namespace {

using namespace std::chrono_literals;

constexpr int contacts = 100;
constexpr std::uint64_t block = 16'384;

struct traffic {
    std::uint64_t start = 0; ///< bytes
    std::uint64_t day = 0;
};

class idle_messenger {
  public:
    idle_messenger() {
        for (auto* each : {&one_, &two_, &three_}) each->host().start();
        agent_user bob(world_, "bob", servers());
        agent_user alice(world_, "alice", servers(), {}, image_);
        alice.start();
        bob.start();
        for (int i = 0; i < contacts; ++i) alice.join(bob.create().short_);
        EXPECT_TRUE(world_.run_until([&] {
            return alice.kept(PLEXUS_AGENT_CONNECTED).size() == contacts &&
                   bob.kept(PLEXUS_AGENT_CONNECTED).size() == contacts;
        }));
        world_.run_for(10min);
        bob.stop();
        alice.stop();
        world_.run_for(1min);
    }
    ~idle_messenger() {
        for (auto* each : {&one_, &two_, &three_}) each->host().stop();
    }

    /// `settings`: of the network. The day is counted for `hours`, which are multiplied up to 24.
    traffic measure(const std::string& settings, int hours) {
        agent_user alice(world_, "alice", servers(), "[plugin.network]\n" + settings, image_);
        traffic out;
        const auto before = world_.bytes();
        alice.start();
        world_.run_for(5min);
        out.start = world_.bytes() - before;
        const auto started = world_.bytes();
        world_.run_for(std::chrono::hours(hours));
        out.day = (world_.bytes() - started) * static_cast<std::uint64_t>(24 / hours);
        alice.stop();
        world_.run_for(1min);
        return out;
    }

  private:
    std::string servers() const {
        return one_.address() + "', '" + two_.address() + "', '" + three_.address();
    }

    kernel::simulation world_{11};
    smp_machine one_{world_, "one"};
    smp_machine two_{world_, "two"};
    smp_machine three_{world_, "three"};
    std::string image_ = "idle-messenger";
};

void print(const char* what, const traffic& of) {
    std::printf("  %-52s %8llu KiB %10llu KiB\n", what, static_cast<unsigned long long>(of.start / 1024),
                static_cast<unsigned long long>(of.day / 1024));
}

TEST(traffic, of_a_day_in_which_nothing_happens) {
    idle_messenger messenger;
    const auto ours = messenger.measure({}, 24);
    const auto naive = messenger.measure("session-mode = 'entity'\nping-interval = '1m'\n", 1);
    std::printf("%d contacts on 3 servers, bytes in both directions:\n", contacts);
    std::printf("  %-52s %12s %14s\n", "", "start", "a day idle");
    print("a connection a server, PING after 10 min of silence", ours);
    print("a connection a contact, PING each minute", naive);
    std::printf("  %-52s %11.0fx %13.0fx\n", "",
                static_cast<double>(naive.start) / static_cast<double>(ours.start),
                static_cast<double>(naive.day) / static_cast<double>(ours.day));

    // Both hellos, the subscriptions in as few blocks as they fit into, and the answers as the server's
    // shards have them, which is far from a block for each of 100.
    EXPECT_LE(ours.start, 3 * 14 * block);
    // A PING and its answer each ten minutes and server, and no more.
    EXPECT_LE(ours.day, 3 * 24 * 6 * 2 * block);
    EXPECT_GT(ours.day, 0U);
    EXPECT_GE(naive.day, 100 * ours.day);
}

} // namespace
} // namespace plexus::test
