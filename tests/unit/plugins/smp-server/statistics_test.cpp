// What shards count, added up, and estimates of how many queues were active.
#include "engine/statistics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace plexus::smp_server::test {
namespace {

class ids {
  public:
    identifier next() {
        identifier out;
        for (auto& each : out) each = static_cast<std::uint8_t>(source_());
        return out;
    }

  private:
    std::mt19937_64 source_{42};
};

TEST(statistics, estimates_few_ids_nearly_exactly_and_many_within_a_few_percent) {
    ids source;
    auto seen = std::make_unique<distinct_ids>();
    EXPECT_EQ(seen->estimate(), 0U);
    std::size_t added = 0;
    for (const std::size_t count : {1U, 10U, 300U, 5'000U, 12'000U, 100'000U, 300'000U}) {
        for (; added < count; ++added) {
            const auto id = source.next();
            seen->add(id);
            seen->add(id);
        }
        const double wrong = std::abs(static_cast<double>(seen->estimate()) / static_cast<double>(count) - 1);
        EXPECT_LT(wrong, count <= 10 ? 0.001 : 0.06)
            << count; // four standard errors and the bend between two formulas
    }
}

TEST(statistics, of_shards_are_added_and_active_queues_united) {
    ids source;
    auto first = std::make_unique<statistics>();
    auto second = std::make_unique<statistics>();
    const auto both = source.next();
    first->saw(both, true);
    second->saw(both, false);
    second->saw(source.next(), false);
    first->add(counted::sent, 3);
    second->add(counted::sent, 4);
    first->add(counted::queues);
    second->take(counted::queues);
    first->merge(*second);
    EXPECT_EQ(first->of(counted::sent), 7U);
    EXPECT_EQ(first->of(counted::queues), 0U);
    EXPECT_EQ(first->active[0].estimate(), 2U);
    EXPECT_EQ(first->active_notified[0].estimate(), 1U);
    first->end(period::day);
    EXPECT_EQ(first->active[0].estimate(), 0U);
    EXPECT_EQ(first->active[1].estimate(), 2U);
}

TEST(statistics, are_stored_and_nothing_else_is_taken_for_them) {
    ids source;
    auto own = std::make_unique<statistics>();
    own->add(counted::created, 9);
    own->saw(source.next(), true);
    const auto data = encode(*own, true, 1234);
    const auto back = decode_statistics(data);
    ASSERT_TRUE(back);
    EXPECT_TRUE(back->clean);
    EXPECT_EQ(back->from, 1234);
    EXPECT_EQ(back->value.counts, own->counts);
    EXPECT_EQ(back->value.active_notified[2].estimate(), 1U);
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, std::size_t{11}, std::size_t{20}, data.size() - 1})
        EXPECT_FALSE(decode_statistics(bytes_view(data).first(size))) << size;
}

} // namespace
} // namespace plexus::smp_server::test
