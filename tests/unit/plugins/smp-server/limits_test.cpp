#include "limits.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace plexus::smp_server::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(limits, one_line_a_kind_and_minute) {
    log_limiter lines;
    std::uint64_t silent = 0;
    EXPECT_TRUE(lines.may_say(log_kind::memory, seconds(1), silent));
    EXPECT_EQ(silent, 0U);
    for (int i = 0; i < 1'000; ++i) EXPECT_FALSE(lines.may_say(log_kind::memory, seconds(2), silent));
    EXPECT_TRUE(lines.may_say(log_kind::clock, seconds(2), silent)) << "another kind";
    EXPECT_FALSE(lines.may_say(log_kind::memory, seconds(60), silent));
    EXPECT_TRUE(lines.may_say(log_kind::memory, seconds(61), silent));
    EXPECT_EQ(silent, 1'001U);
}

TEST(limits, a_budget_fills_up_with_time) {
    budget own(100);
    own.refill(seconds(10));
    own.spend(70);
    EXPECT_EQ(own.left(), 30U);
    own.spend(70);
    EXPECT_EQ(own.left(), 0U);
    own.refill(seconds(10) + milliseconds(250));
    EXPECT_EQ(own.left(), 25U);
    own.refill(hours(10));
    EXPECT_EQ(own.left(), 100U) << "never more than a second's worth";
    own.refill(seconds(1));
    EXPECT_EQ(own.left(), 100U);
}

TEST(limits, memory_goes_back_when_a_peak_is_over) {
    constexpr std::size_t mb = 1 << 20;
    heap_watch heap;
    EXPECT_FALSE(heap.due({4 * mb, 3 * mb, {}}, seconds(1)));
    EXPECT_FALSE(heap.due({120 * mb, 118 * mb, {}}, seconds(2))) << "what is in use cannot go back";
    EXPECT_TRUE(heap.due({120 * mb, 20 * mb, {}}, seconds(3)));
    heap.trimmed({30 * mb, 20 * mb, {}}, seconds(3));
    EXPECT_FALSE(heap.due({30 * mb, 20 * mb, {}}, seconds(60))) << "gaps within pages stay";
    EXPECT_TRUE(heap.due({30 * mb, 4 * mb, {}}, seconds(61))) << "more is free, though it is not less";
    heap.trimmed({6 * mb, 4 * mb, {}}, seconds(61));
    EXPECT_FALSE(heap.due({40 * mb, 4 * mb, {}}, seconds(62))) << "not again and again";
    EXPECT_FALSE(heap.due({40 * mb, 4 * mb, milliseconds(900)}, seconds(63))) << "there is much to do";
    EXPECT_TRUE(heap.due({40 * mb, 4 * mb, milliseconds(950)}, seconds(64)));
    EXPECT_TRUE(heap.due({40 * mb, 4 * mb, seconds(9)}, seconds(71))) << "much for long";
    heap.trimmed({6 * mb, 4 * mb, seconds(9)}, seconds(71));
    EXPECT_FALSE(heap.due({6 * mb + mb / 2, 4 * mb, milliseconds(9'100)}, seconds(80))) << "hardly worth it";
    EXPECT_TRUE(heap.due({6 * mb + mb / 2, 4 * mb, milliseconds(9'101)}, seconds(81)))
        << "nothing else to do";
    heap.trimmed({5 * mb, 4 * mb, milliseconds(9'101)}, seconds(81));
    EXPECT_FALSE(heap.due({9 * mb, 9 * mb, milliseconds(9'500)}, seconds(82)));
    heap.trimmed({9 * mb, 6 * mb, milliseconds(9'500)}, seconds(83));
    EXPECT_FALSE(heap.due({9 * mb, 6 * mb, milliseconds(9'501)}, seconds(84)));
    EXPECT_TRUE(heap.due({9 * mb, 6 * mb, milliseconds(9'502)}, seconds(85))) << "once more when it is calm";
    heap.trimmed({9 * mb, 6 * mb, milliseconds(9'502)}, seconds(85));
    EXPECT_FALSE(heap.due({9 * mb, 6 * mb, milliseconds(9'503)}, seconds(90)));
}

TEST(limits, the_process_knows_its_memory) {
    const auto before = own_memory();
    EXPECT_GT(before.resident, std::size_t{1} << 16);
    const std::vector<char> block(64 << 20, 'x');
    EXPECT_GT(own_memory().resident, before.resident + block.size() / 2);
}

TEST(limits, a_clock_that_jumps_forward_is_not_believed_at_once) {
    constexpr std::int64_t start = 1'751'328'000;
    constexpr std::int64_t year = 31'536'000;
    expiry_clock clock;
    bool jumped = false;
    EXPECT_EQ(clock.seconds(start, seconds(5), jumped), start);
    EXPECT_EQ(clock.seconds(start + 100, seconds(105), jumped), start + 100);
    EXPECT_EQ(clock.seconds(start + 400, seconds(205), jumped), start + 400) << "a small one";
    EXPECT_FALSE(jumped);
    EXPECT_EQ(clock.seconds(start + year, seconds(305), jumped), start + 500);
    EXPECT_TRUE(jumped);
    jumped = false;
    EXPECT_EQ(clock.seconds(start + year + 3'600, hours(1) + seconds(305), jumped), start + 4'100);
    EXPECT_FALSE(jumped) << "said once";
    EXPECT_EQ(clock.seconds(start + 4'200, hours(1) + seconds(405), jumped), start + 4'200) << "put right";
    EXPECT_EQ(clock.seconds(start + year, hours(1) + seconds(505), jumped), start + 4'300);
    EXPECT_EQ(clock.seconds(start + year + 86'400, hours(25) + seconds(505), jumped), start + year + 86'400)
        << "it has stood for a day";
    EXPECT_EQ(clock.seconds(start, hours(26), jumped), start) << "back: nothing gets older";
}

TEST(limits, memory_is_short_in_steps) {
    EXPECT_EQ(pressure_of(1'000'000, 0), pressure::none);
    EXPECT_EQ(pressure_of(799, 1'000), pressure::none);
    EXPECT_EQ(pressure_of(800, 1'000), pressure::caches);
    EXPECT_EQ(pressure_of(900, 1'000), pressure::newcomers);
    EXPECT_EQ(pressure_of(1'000, 1'000), pressure::clients);
    EXPECT_GT(own_memory().resident, 100'000U);
}

} // namespace
} // namespace plexus::smp_server::test
