// Hundreds of conversations with faults, each by its seed. `--seeds N` or PLEXUS_SIM_SEEDS says how many
// (300), `--seed K` or PLEXUS_SIM_SEED runs that one alone and tells what happens.
#include "conversation.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <set>

namespace plexus::test {
namespace {

std::uint64_t number_from(const char* name, std::uint64_t preset) {
    const char* text = std::getenv(name);
    return text == nullptr || *text == '\0' ? preset : std::strtoull(text, nullptr, 10);
}

void expect_well(std::uint64_t seed, const run_report& report) {
    for (const auto& one : report.problems)
        ADD_FAILURE() << "seed " << seed << ": " << one << "\nPLEXUS_SIM_SEED=" << seed << " runs it alone";
}

constexpr std::uint64_t groups = 10; // so that ctest can run some side by side

class conversations : public testing::TestWithParam<std::uint64_t> {};

TEST_P(conversations, lose_double_and_disorder_nothing) {
    if (const std::uint64_t alone = number_from("PLEXUS_SIM_SEED", 0); alone != 0) {
        if (alone % groups != GetParam()) GTEST_SKIP() << "not of this group";
        const auto report =
            run_conversation(alone, [](const std::string& line) { std::cout << line << '\n'; });
        expect_well(alone, report);
        return;
    }
    std::set<std::uint64_t> traces;
    run_report sum;
    std::uint64_t count = 0;
    for (std::uint64_t seed = 1; seed <= number_from("PLEXUS_SIM_SEEDS", 300); ++seed) {
        if (seed % groups != GetParam()) continue;
        const auto report = run_conversation(seed);
        expect_well(seed, report);
        traces.insert(report.trace);
        sum.steps += report.steps;
        sum.crashes += report.crashes;
        sum.cuts += report.cuts;
        sum.stalls += report.stalls;
        sum.messages += report.messages;
        ++count;
    }
    EXPECT_EQ(traces.size(), count) << "different seeds ran the same way";
    if (count >= 10) { // or the faults test nothing
        EXPECT_GT(sum.crashes, count);
        EXPECT_GT(sum.cuts, count);
        EXPECT_GT(sum.stalls, count);
        EXPECT_GT(sum.messages, 10 * count);
    }
    std::cout << count << " seeds: " << sum.messages << " messages, " << sum.crashes << " crashes, "
              << sum.cuts << " cuts, " << sum.stalls << " stalls, " << sum.steps << " steps\n";
}
INSTANTIATE_TEST_SUITE_P(seeds, conversations, testing::Range<std::uint64_t>(0, groups));

TEST(conversation, runs_the_same_way_twice) {
    for (const std::uint64_t seed : {1, 2, 3, 4, 5}) {
        const auto first = run_conversation(seed);
        const auto second = run_conversation(seed);
        EXPECT_EQ(first.trace, second.trace) << "seed " << seed;
        EXPECT_EQ(first.steps, second.steps) << "seed " << seed;
        EXPECT_EQ(first.messages, second.messages) << "seed " << seed;
    }
}

} // namespace
} // namespace plexus::test

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view option(argv[i]);
        if (option == "--seeds")
            ::setenv("PLEXUS_SIM_SEEDS", argv[i + 1], 1);
        else if (option == "--seed")
            ::setenv("PLEXUS_SIM_SEED", argv[i + 1], 1);
        else
            std::cerr << option << " is not known: --seeds N or --seed K\n";
    }
    return RUN_ALL_TESTS();
}
