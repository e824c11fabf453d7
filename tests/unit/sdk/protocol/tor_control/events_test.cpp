#include "plexus/tor_control/events.hpp"

#include <gtest/gtest.h>

namespace plexus::tor_control {
namespace {

event of(std::string_view line) {
    reply one;
    one.code = 650;
    one.lines.push_back({std::string(line), {}});
    return parse_event(one);
}

TEST(TorEvents, Bootstrap) {
    const auto one = of("STATUS_CLIENT NOTICE BOOTSTRAP PROGRESS=45 TAG=requesting_descriptors "
                        "SUMMARY=\"Asking for relay descriptors\"");
    ASSERT_TRUE(one.bootstrap);
    EXPECT_EQ(one.bootstrap->percent, 45U);
    EXPECT_EQ(one.bootstrap->summary, "Asking for relay descriptors");
    EXPECT_EQ(one.bootstrap->warning, "");
    const auto stuck =
        of("STATUS_CLIENT WARN BOOTSTRAP PROGRESS=10 TAG=conn_done SUMMARY=\"Connected to a relay\" "
           "WARNING=\"Connection refused\" REASON=CONNECTREFUSED COUNT=3 RECOMMENDATION=warn "
           "HOSTID=\"AAAA\" HOSTADDR=\"127.0.0.1:1\"");
    ASSERT_TRUE(stuck.bootstrap);
    EXPECT_EQ(stuck.bootstrap->warning, "Connection refused (CONNECTREFUSED)");
    EXPECT_TRUE(stuck.bootstrap->is_final);
    EXPECT_EQ(stuck.trouble, "");
    EXPECT_FALSE(of("STATUS_CLIENT NOTICE BOOTSTRAP PROGRESS=101").bootstrap);
    EXPECT_FALSE(of("STATUS_CLIENT NOTICE BOOTSTRAP").bootstrap);
    const auto info = parse_bootstrap("NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY=\"Done\"");
    ASSERT_TRUE(info);
    EXPECT_EQ(info->percent, 100U);
    EXPECT_FALSE(parse_bootstrap("NOTICE"));
}

TEST(TorEvents, CircuitsAndTrouble) {
    EXPECT_EQ(of("STATUS_CLIENT NOTICE CIRCUIT_ESTABLISHED").circuits, true);
    EXPECT_EQ(of("STATUS_CLIENT NOTICE CIRCUIT_NOT_ESTABLISHED REASON=CLOCK_JUMPED").circuits, false);
    EXPECT_EQ(of("STATUS_GENERAL WARN CLOCK_SKEW SKEW=-7200 SOURCE=\"OR:1.2.3.4\"").trouble,
              "CLOCK_SKEW SKEW=-7200 SOURCE=OR:1.2.3.4");
    EXPECT_EQ(of("STATUS_GENERAL NOTICE CONSENSUS_ARRIVED").trouble, "");
}

TEST(TorEvents, Descriptors) {
    const auto up = of("HS_DESC UPLOADED abc UNKNOWN $AAAA~relay1");
    ASSERT_TRUE(up.descriptor);
    EXPECT_EQ(up.descriptor->what, descriptor_event::kind::uploaded);
    EXPECT_EQ(up.descriptor->service, "abc");
    const auto failed = of("HS_DESC FAILED abc NO_AUTH $AAAA~relay1 x REASON=UPLOAD_REJECTED");
    ASSERT_TRUE(failed.descriptor);
    EXPECT_EQ(failed.descriptor->what, descriptor_event::kind::failed);
    EXPECT_EQ(failed.descriptor->reason, "UPLOAD_REJECTED");
    const auto none = of("HS_DESC");
    ASSERT_TRUE(none.descriptor);
    EXPECT_EQ(none.descriptor->what, descriptor_event::kind::other);
    EXPECT_FALSE(of("BW 1 2").descriptor);
    EXPECT_FALSE(of("").bootstrap);
}

TEST(TorEvents, LogLines) {
    using severity = log_line::severity;
    const auto warned = parse_log_line("Nov 28 03:59:48.000 [warn] You are running Tor as root.");
    EXPECT_EQ(warned.level, severity::warning);
    EXPECT_EQ(warned.text, "You are running Tor as root.");
    EXPECT_EQ(parse_log_line("Nov 28 03:59:48.000 [err] x").level, severity::error);
    EXPECT_EQ(parse_log_line("Nov 28 03:59:48.000 [notice] Bootstrapped 5%").level, severity::notice);
    EXPECT_EQ(parse_log_line("no level \x1b[0m").text, "no level ?[0m");
    EXPECT_EQ(parse_log_line(std::string(40, 'x') + "[err] y").level, severity::notice);
}

TEST(TorEvents, Listeners) {
    const std::vector<std::string> expected{"unix:/a b/socks", "127.0.0.1:9050"};
    EXPECT_EQ(parse_listeners("\"unix:/a b/socks\" \"127.0.0.1:9050\""), expected);
    EXPECT_TRUE(parse_listeners("").empty());
    EXPECT_TRUE(parse_listeners("\"").empty());
}

} // namespace
} // namespace plexus::tor_control
