#include "report.hpp"

#include <boost/json.hpp>
#include <gmock/gmock.h>

#include <cmath>

namespace plexus::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

figures of(double cpu, double rate) {
    return {{"server_cpu_us", "server CPU a message", unit::microseconds, cpu},
            {"messages_per_second", "messages a second", unit::per_second, rate}};
}

TEST(bench_report, shows_values_with_their_units) {
    EXPECT_EQ(shown(1234567, unit::count), "1,234,567");
    EXPECT_EQ(shown(999, unit::count), "999");
    EXPECT_EQ(shown(-1234, unit::count), "-1,234");
    EXPECT_EQ(shown(1530.4, unit::microseconds), "1530 us");
    EXPECT_EQ(shown(0.4321, unit::milliseconds), "0.43 ms");
    EXPECT_EQ(shown(43.2, unit::milliseconds), "43.2 ms");
    EXPECT_EQ(shown(206'000, unit::bytes), "206 KB");
    EXPECT_EQ(shown(320, unit::bytes), "320 B");
    EXPECT_EQ(shown(12'345'678, unit::bytes), "12.3 MB");
    EXPECT_EQ(shown(14600, unit::per_second), "14,600/s");
}

TEST(bench_report, is_json_with_the_ratio_of_two_servers) {
    report given{"throughput",
                 "a \"machine\"",
                 {{"queues", "64"}},
                 {{"smp://a", of(400, 2000)}, {"smp://b", of(1600, 600)}}};
    const auto parsed = boost::json::parse(to_json(given));
    EXPECT_EQ(parsed.at("workload").as_string(), "throughput");
    EXPECT_EQ(parsed.at("machine").as_string(), "a \"machine\"");
    EXPECT_EQ(parsed.at("options").at("queues").as_string(), "64");
    EXPECT_EQ(parsed.at("servers").at(1).at("address").as_string(), "smp://b");
    EXPECT_EQ(parsed.at("servers").at(1).at("figures").at("server_cpu_us").to_number<double>(), 1600);
    EXPECT_EQ(parsed.at("ratio").at("server_cpu_us").to_number<double>(), 0.25);
}

TEST(bench_report, leaves_out_what_cannot_be_divided) {
    report given{"idle", "", {}, {{"a", of(1, NAN)}, {"b", of(0, 5)}}};
    const auto parsed = boost::json::parse(to_json(given));
    EXPECT_TRUE(parsed.at("servers").at(0).at("figures").at("messages_per_second").is_null());
    EXPECT_FALSE(parsed.at("ratio").as_object().contains("server_cpu_us"));
}

TEST(bench_report, is_a_table) {
    report given{"throughput",
                 "machine",
                 {{"queues", "64"}},
                 {{"smp://a", of(400, 2000)}, {"smp://b", of(1600, 600)}}};
    const auto two = to_table(given, false);
    EXPECT_THAT(two, HasSubstr("A = smp://a"));
    EXPECT_THAT(two, HasSubstr("server CPU a message      400 us     1600 us        0.25"));
    EXPECT_THAT(two, Not(HasSubstr("\x1b")));
    EXPECT_THAT(to_table(given, true), HasSubstr("\x1b["));
    given.servers.pop_back();
    EXPECT_THAT(to_table(given, false), Not(HasSubstr("A / B")));
}

TEST(bench_report, takes_the_median_of_rounds) {
    const auto found = median_of({of(3, 10), of(1, 30), of(2, 20)});
    EXPECT_EQ(value_of(found, "server_cpu_us"), 2);
    EXPECT_EQ(value_of(found, "messages_per_second"), 20);
    EXPECT_EQ(value_of(found, "nothing"), 0);
    EXPECT_TRUE(median_of({}).empty());
}

} // namespace
} // namespace plexus::bench
