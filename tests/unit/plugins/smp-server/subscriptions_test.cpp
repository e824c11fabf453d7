// The tables in memory: subscriptions against a plain model of them, and which queues leave the cache.
#include "engine_rig.hpp"

#include <map>
#include <set>

namespace plexus::smp_server::test {
namespace {

identifier id_of(std::uint32_t number) {
    // Four are the same where the table looks.
    identifier out{};
    out[10] = static_cast<std::uint8_t>(number >> 10);
    out[11] = static_cast<std::uint8_t>(number >> 2);
    out[20] = static_cast<std::uint8_t>(number >> 8);
    out[21] = static_cast<std::uint8_t>(number);
    return out;
}

class model {
  public:
    subscription_table table;
    std::map<identifier, std::uint64_t> owners;

    void add(const identifier& id, std::uint64_t client) {
        if (owners.count(id) > 0) erase(id);
        auto& made = table.add(id, {3, client}, 17);
        EXPECT_EQ(made.last, nullptr);
        made.sent(id, client);
        owners[id] = client;
    }
    void erase(const identifier& id) {
        table.erase(id);
        owners.erase(id);
    }
    void disconnect(std::uint64_t client) {
        table.disconnected({3, client});
        for (auto each = owners.begin(); each != owners.end();)
            each = each->second == client ? owners.erase(each) : std::next(each);
    }
    void check(const identifier& id) {
        const auto wanted = owners.find(id);
        const auto* found = table.find(id);
        ASSERT_EQ(found != nullptr, wanted != owners.end());
        if (found == nullptr) return;
        EXPECT_EQ(found->connection, (connection_id{3, wanted->second}));
        EXPECT_EQ(found->id, id);
        ASSERT_NE(found->last, nullptr);
        EXPECT_EQ(found->last->number, wanted->second) << "it goes where its entry goes";
    }
};

TEST(subscriptions, are_those_of_a_plain_model) {
    test_random random;
    constexpr std::uint32_t ids = 3'000;
    constexpr std::uint64_t clients = 5;
    model world;
    for (int step = 0; step < 60'000; ++step) {
        const auto dice = random.array<5>();
        const auto id = id_of((std::uint32_t{dice[0]} << 8 | dice[1]) % ids);
        const auto client = dice[2] % clients;
        if (dice[3] < 150)
            world.add(id, client);
        else if (dice[3] < 250)
            world.erase(id);
        else if (dice[3] == 250 && dice[4] < 100)
            world.disconnect(client);
        else if (dice[3] > 252)
            world.table.take_out();
        world.check(id);
        ASSERT_EQ(world.table.size(), world.owners.size());
    }
    for (std::uint32_t i = 0; i < ids; ++i) world.check(id_of(i));
    for (std::uint64_t client = 0; client < clients; ++client) {
        std::size_t count = 0;
        for (const auto& [id, owner] : world.owners) count += owner == client ? 1 : 0;
        EXPECT_EQ(world.table.count({3, client}), count);
        world.disconnect(client);
        EXPECT_EQ(world.table.count({3, client}), 0U);
    }
    while (world.table.has_leaving()) world.table.take_out();
    EXPECT_EQ(world.table.size(), 0U);
}

TEST(subscriptions, of_a_connection_that_is_gone_end_at_once) {
    model world;
    constexpr std::uint32_t ids = 20'000; // more than are taken out in one turn
    for (std::uint32_t i = 0; i < ids; ++i) world.add(id_of(i), 1);
    world.disconnect(1);
    EXPECT_TRUE(world.table.has_leaving());
    EXPECT_EQ(world.table.size(), 0U);
    EXPECT_EQ(world.table.find(id_of(0)), nullptr);
    EXPECT_EQ(world.table.find(id_of(ids - 1)), nullptr);
    for (std::uint32_t i = 0; i < ids; i += 2) world.add(id_of(i), 2);
    int turns = 0;
    for (; world.table.has_leaving(); ++turns) world.table.take_out();
    EXPECT_GT(turns, 1);
    EXPECT_EQ(world.table.size(), ids / 2);
    for (std::uint32_t i = 0; i < ids; ++i) world.check(id_of(i));
}

class cache_test : public ::testing::Test {
  protected:
    queue_ptr make(std::uint32_t number) {
        auto out = std::make_shared<queue>();
        out->record.recipient_id = id_of(number);
        cache.put(out, most);
        return out;
    }
    bool has(std::uint32_t number) const { return cache.contains(id_of(number)); }

    static constexpr std::size_t most = 3'000; // a few queues
    queue_cache cache;
};

TEST_F(cache_test, has_a_bound_in_bytes) {
    for (std::uint32_t i = 0; i < 50; ++i) {
        make(i);
        EXPECT_TRUE(has(i)) << "the newest stays, whatever there is";
    }
    EXPECT_LE(cache.weight(), most + 1'000);
    EXPECT_LT(cache.size(), 10U);
    const auto large = std::make_shared<stored_message>();
    large->body = bytes(16'000);
    make(50)->head = large;
    EXPECT_NE(cache.find(id_of(50)), nullptr);
    EXPECT_GT(cache.weight(), 16'000U);
    make(51);
    EXPECT_EQ(cache.size(), 1U) << "a message in memory weighs as much as it is";
}

TEST_F(cache_test, what_is_being_stored_stays) {
    const auto pinned = make(0);
    pinned->pins = 1;
    for (std::uint32_t i = 1; i < 50; ++i) make(i);
    EXPECT_TRUE(has(0));
    cache.clear();
    EXPECT_TRUE(has(0));
    EXPECT_EQ(cache.size(), 1U);
    pinned->pins = 0;
    cache.clear();
    EXPECT_EQ(cache.size(), 0U);
    EXPECT_EQ(cache.weight(), 0U);
}

TEST_F(cache_test, what_is_not_used_leaves_after_a_while) {
    make(0);
    make(1);
    for (int second = 0; second < 100; ++second) {
        cache.tick();
        EXPECT_NE(cache.find(id_of(1)), nullptr);
    }
    EXPECT_FALSE(has(0));
    for (int second = 0; second < 100; ++second) cache.tick();
    EXPECT_EQ(cache.size(), 0U);
}

TEST_F(cache_test, another_queue_of_the_same_id_is_left_alone) {
    const auto first = make(0);
    const auto second = make(0);
    cache.erase(*first);
    EXPECT_EQ(*cache.find(id_of(0)), second);
    cache.erase(*second);
    EXPECT_EQ(cache.find(id_of(0)), nullptr);
}

TEST(waiting_entries, first_in_first_out) {
    waiting_entries list;
    std::uint64_t in = 0;
    std::uint64_t out = 0;
    test_random random;
    for (int step = 0; step < 2'000; ++step) {
        const auto dice = random.array<1>()[0];
        if (dice < 130) {
            list.push_back({in, static_cast<std::int64_t>(in) * 2});
            ++in;
        } else if (!list.empty()) {
            list.pop_front();
            ++out;
        }
        ASSERT_EQ(list.size(), in - out);
        auto wanted = out;
        for (const auto& each : list) EXPECT_EQ(each.number, wanted++);
        if (list.empty()) continue;
        EXPECT_EQ(list.front().number, out);
    }
    while (!list.empty()) list.pop_front();
    EXPECT_LE(list.capacity(), 4U) << "an empty list holds next to nothing";
}

} // namespace
} // namespace plexus::smp_server::test
