#include "statistics.hpp"

#include <gtest/gtest.h>

namespace plexus::bench {
namespace {

using std::chrono::nanoseconds;

TEST(latency_histogram, is_exact_for_the_smallest_and_within_a_64th_above) {
    for (std::int64_t value = 0; value < 64; ++value) {
        latency_histogram one;
        one.add(nanoseconds(value));
        EXPECT_EQ(one.quantile(0.5).count(), value);
    }
    for (std::int64_t value = 64; value < (std::int64_t{1} << 43); value = value * 5 / 3 + 1) {
        latency_histogram two;
        two.add(nanoseconds(value));
        two.add(nanoseconds(value * 2));
        const auto found = two.quantile(0.5).count();
        EXPECT_GE(found, value);
        EXPECT_LE(found, value + value / 64 + 1) << value;
    }
}

TEST(latency_histogram, orders_what_was_added) {
    latency_histogram all;
    for (int i = 1; i <= 1000; ++i) all.add(nanoseconds(i * 1000));
    EXPECT_EQ(all.count(), 1000U);
    EXPECT_NEAR(static_cast<double>(all.quantile(0.5).count()), 500'000, 500'000 / 64.0);
    EXPECT_NEAR(static_cast<double>(all.quantile(0.99).count()), 990'000, 990'000 / 64.0);
    EXPECT_EQ(all.quantile(1).count(), 1'000'000);
    EXPECT_EQ(all.longest().count(), 1'000'000);
}

TEST(latency_histogram, takes_any_duration) {
    latency_histogram all;
    EXPECT_EQ(all.quantile(0.5).count(), 0);
    all.add(nanoseconds(-5));
    all.add(std::chrono::hours(100));
    EXPECT_EQ(all.quantile(0.1).count(), 0);
    EXPECT_GT(all.quantile(0.9), std::chrono::hours(4));
    EXPECT_EQ(all.longest(), std::chrono::hours(100));
    all.clear();
    EXPECT_EQ(all.count(), 0U);
    EXPECT_EQ(all.longest().count(), 0);
}

TEST(statistics, takes_the_median) {
    EXPECT_EQ(median({}), 0);
    EXPECT_EQ(median({7}), 7);
    EXPECT_EQ(median({3, 1, 2}), 2);
    EXPECT_EQ(median({4, 1, 3, 2}), 2);
}

} // namespace
} // namespace plexus::bench
