// The daily line: when it is due, which periods end with it, and what stands in its columns.
#include "daily.hpp"
#include "readable.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace plexus::smp_admin::test {
namespace {

using std::chrono::seconds;
constexpr seconds monday{1'795'392'000}; // 2026-11-23, midnight UTC
constexpr seconds hour{3'600};
constexpr seconds day{86'400};

std::vector<std::string> split(const std::string& line) {
    std::vector<std::string> out(1);
    for (const char c : line) {
        if (c == ',')
            out.emplace_back();
        else
            out.back() += c;
    }
    return out;
}

TEST(daily, is_due_at_the_next_such_time_of_day) {
    EXPECT_EQ(due_after(monday, seconds(0)), monday + day);
    EXPECT_EQ(due_after(monday - seconds(1), seconds(0)), monday);
    EXPECT_EQ(due_after(monday + hour, 2 * hour), monday + 2 * hour);
    EXPECT_EQ(due_after(monday + 2 * hour, 2 * hour), monday + day + 2 * hour);
}

TEST(daily, ends_weeks_on_mondays_and_months_on_the_first) {
    EXPECT_EQ(date_of(monday), "2026-11-23");
    EXPECT_EQ(periods_ending(monday), (std::vector<std::string>{"day", "week"}));
    EXPECT_EQ(periods_ending(monday + day), std::vector<std::string>{"day"});
    EXPECT_EQ(periods_ending(monday + 8 * day),
              (std::vector<std::string>{"day", "month"})); // Tuesday, December 1
}

TEST(daily, has_the_official_columns) {
    const auto before = boost::json::parse(R"({"qCreated":5,"msgSent":100,"qSubEnd":9})").get_object();
    const auto now =
        boost::json::parse(R"({"qCreated":7,"msgSent":160,"msgRecv":3,"qSubEnd":2,"qCount":11,"msgCount":4,
        "dayCount":21,"weekCount":22,"monthCount":23,"dayCountNtf":31,"weekCountNtf":32,"monthCountNtf":33})")
            .get_object();
    const auto on_monday = split(daily_line(before, now, monday - day, monday));
    ASSERT_EQ(on_monday.size(), 101U);
    const std::vector<std::string> begin(on_monday.begin(), on_monday.begin() + 17);
    const std::vector<std::string> expected{"2026-11-22", "2", "0",  "0",  "60", "3",  "21", "22", "",
                                            "0",          "0", "31", "32", "",   "11", "4",  "0"};
    EXPECT_EQ(begin, expected);
    EXPECT_EQ(on_monday[60], "11"); // queues, the second time
    EXPECT_EQ(on_monday[69], "0") << "a counter that fell back in a crash is not negative"; // qSubEnd
    const auto on_tuesday = split(daily_line(before, now, monday, monday + day));
    EXPECT_EQ(on_tuesday[6], "21");
    EXPECT_EQ(on_tuesday[7], "");
}

TEST(readable, shows_numbers_in_lines_and_lists_as_tables) {
    const auto answer =
        boost::json::parse(R"({"count":2,"clients":[{"version":17,"seconds":4},{"version":6,"seconds":100}],
        "private":true,"none":[]})")
            .get_object();
    EXPECT_EQ(readable(answer), "count    2\nversion  seconds\n17       4\n6        100\nprivate  yes\n");
}

} // namespace
} // namespace plexus::smp_admin::test
