#include "options.hpp"

#include <gmock/gmock.h>

namespace plexus::bench {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* address = "smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@127.0.0.1:5223";

std::string refused(const std::vector<std::string>& words) {
    const auto given = parse_options(words);
    return given ? "it is accepted" : given.error().message();
}

TEST(bench_options, has_presets_for_each_workload) {
    const auto given = parse_options({"throughput", address});
    ASSERT_TRUE(given) << given.error().message();
    EXPECT_EQ(given->what, workload::throughput);
    EXPECT_EQ(given->server.address, address);
    EXPECT_EQ(given->connections, 8U);
    EXPECT_EQ(given->queues, 64U);
    EXPECT_EQ(given->window, 4U);
    EXPECT_EQ(given->time, std::chrono::seconds(10));
    EXPECT_EQ(given->server.version, 17);
    EXPECT_EQ(given->server.group, key_group::x448);
    EXPECT_TRUE(given->baseline);
    EXPECT_FALSE(given->other);
}

TEST(bench_options, takes_amounts_and_kinds) {
    const auto given = parse_options({"throughput", "-c", "2", "--queues=1", "--window", "128", "--size",
                                      "100", "--auth", "x25519", "--group", "x25519", "--smp-version", "11",
                                      "--json", "--no-baseline", "--pid", "smp-server", address});
    ASSERT_TRUE(given) << given.error().message();
    EXPECT_EQ(given->connections, 2U);
    EXPECT_EQ(given->queues, 1U);
    EXPECT_EQ(given->window, 128U);
    EXPECT_EQ(given->size, 100U);
    EXPECT_EQ(given->authorization, crypto::key_type::x25519);
    EXPECT_EQ(given->server.group, key_group::x25519);
    EXPECT_EQ(given->server.version, 11);
    EXPECT_EQ(given->server.process, "smp-server");
    EXPECT_TRUE(given->json);
    EXPECT_FALSE(given->baseline);
}

TEST(bench_options, gives_the_other_server_the_same_terms) {
    const auto given =
        parse_options({"latency", address, "--vs", "smp://x@y", "--vs-pid", "12", "--smp-version", "9"});
    ASSERT_TRUE(given) << given.error().message();
    ASSERT_TRUE(given->other);
    EXPECT_EQ(given->other->address, "smp://x@y");
    EXPECT_EQ(given->other->process, "12");
    EXPECT_EQ(given->other->version, 9);
    EXPECT_THAT(refused({"latency", address, "--vs-pid", "12"}), HasSubstr("--vs"));
}

TEST(bench_options, takes_the_command_of_the_server_after_two_dashes) {
    const auto given = parse_options({"crash", "-r", "3", address, "--", "plexusd", "start", "--help"});
    ASSERT_TRUE(given) << given.error().message();
    EXPECT_THAT(given->command, ElementsAre("plexusd", "start", "--help"));
    EXPECT_EQ(given->rounds, 3U);
    EXPECT_FALSE(given->help);
    EXPECT_THAT(refused({"restart", address}), HasSubstr("-- plexusd start DIR"));
    EXPECT_THAT(refused({"idle", address, "--", "plexusd"}), HasSubstr("idle starts no server"));
}

TEST(bench_options, says_what_is_wrong) {
    EXPECT_THAT(refused({}), HasSubstr("which workload?"));
    EXPECT_THAT(refused({"thruput", address}), HasSubstr("'thruput'"));
    EXPECT_THAT(refused({"throughput"}), HasSubstr("smp://FINGERPRINT@HOST"));
    EXPECT_THAT(refused({"throughput", address, "--window", "129"}),
                HasSubstr("--window 129 is not from 1 to 128"));
    EXPECT_THAT(refused({"throughput", address, "--window", "-1"}), HasSubstr("--window -1"));
    EXPECT_THAT(refused({"throughput", address, "--auth", "rsa"}), HasSubstr("ed25519, ed448 or x25519"));
    EXPECT_THAT(refused({"throughput", address, "--group", "p256"}), HasSubstr("x448 or x25519"));
    EXPECT_THAT(refused({"throughput", address, "--smp-version", "5"}), HasSubstr("--smp-version 5"));
    EXPECT_THAT(refused({"throughput", address, "--smp-version", "6", "--auth", "x25519"}),
                HasSubstr("7 or higher"));
    EXPECT_THAT(refused({"latency", address, "--queues", "3"}), HasSubstr("see plexus-bench latency --help"));
}

TEST(bench_options, helps) {
    EXPECT_TRUE(parse_options({"--help"})->help);
    EXPECT_TRUE(parse_options({"soak", "--help"})->help);
    EXPECT_TRUE(parse_options({"--version"})->version);
    EXPECT_THAT(usage({}), HasSubstr("subscribe"));
    EXPECT_THAT(usage({"soak"}), HasSubstr("--churn"));
    EXPECT_THAT(usage({"crash"}), HasSubstr("-- COMMAND..."));
}

} // namespace
} // namespace plexus::bench
