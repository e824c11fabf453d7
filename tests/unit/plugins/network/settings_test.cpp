#include "rules.hpp"

#include "plexus/abi.hpp"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>

namespace plexus::network {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

json::object parsed(std::string_view text) { return json::parse(text).as_object(); }

TEST(settings, presets_are_those_of_the_official_apps) {
    const auto shown = to_json(settings(), false, false);
    EXPECT_EQ(shown.at("socksProxy"), nullptr);
    EXPECT_EQ(shown.at("socksMode"), "always");
    EXPECT_EQ(shown.at("hostMode"), "onionViaSocks");
    EXPECT_EQ(shown.at("requiredHostMode"), false);
    EXPECT_EQ(shown.at("sessionMode"), "session");
    EXPECT_EQ(shown.at("smpWebPortServers"), "preset");
    EXPECT_EQ(shown.at("tcpConnectTimeout"),
              json::value({{"backgroundTimeout", 45'000'000}, {"interactiveTimeout", 15'000'000}}));
    EXPECT_EQ(shown.at("tcpTimeout"),
              json::value({{"backgroundTimeout", 30'000'000}, {"interactiveTimeout", 10'000'000}}));
    EXPECT_EQ(shown.at("tcpKeepAlive"), json::value({{"keepIdle", 30}, {"keepIntvl", 15}, {"keepCnt", 4}}));
    EXPECT_EQ(shown.at("smpPingInterval"), 600'000'000);
    EXPECT_EQ(shown.at("smpPingCount"), 3);
}

TEST(settings, what_was_written_is_read_again) {
    settings made;
    ASSERT_TRUE(apply(made, parsed(R"({"socksProxy":"user:secret@127.0.0.1:9050","socksMode":"onion",
        "hostMode":"public","requiredHostMode":true,"sessionMode":"entity","smpWebPortServers":"all",
        "tcpTimeout":{"backgroundTimeout":21000000,"interactiveTimeout":7000000},"tcpKeepAlive":null,
        "smpPingInterval":0,"smpPingCount":5,"fallback":true,"headStart":1000000,
        "reconnectLeast":2000000,"reconnectMost":120000000})"),
                      false));
    EXPECT_EQ(made.proxied.response.background, 21s); // a proxy is set: these are its timeouts
    EXPECT_EQ(made.plain, settings().plain);
    EXPECT_FALSE(made.alive);
    settings again;
    ASSERT_TRUE(apply(again, to_json(made, true, false), false));
    EXPECT_EQ(again, made);
}

TEST(settings, a_change_is_taken_whole_or_not_at_all) {
    settings made;
    const auto refused = [&](std::string_view text) {
        const auto outcome = apply(made, parsed(text), false);
        EXPECT_EQ(made, settings()) << text;
        return outcome ? std::string() : outcome.error().message();
    };
    EXPECT_THAT(refused(R"({"requiredHostMode":true,"socksMode":"sometimes"})"),
                testing::AllOf(HasSubstr("socksMode"), HasSubstr("sometimes"), HasSubstr("always, onion")));
    EXPECT_THAT(refused(R"({"requiredHostMode":true,"nonsense":1})"), HasSubstr("nonsense"));
    EXPECT_THAT(refused(R"({"smpPingCount":-1})"), HasSubstr("from 0 to 1000"));
    EXPECT_THAT(refused(R"({"tcpTimeout":7})"), HasSubstr("an object"));
    EXPECT_THAT(refused(R"({"tcpTimeout":{"interactiveTimeout":1}})"), HasSubstr("interactiveTimeout"));
    EXPECT_THAT(refused(R"({"socksProxy":""})"), HasSubstr("127.0.0.1:9050"));
    EXPECT_THAT(refused(R"({"tcpKeepAlive":{"keepIdle":0}})"), HasSubstr("keepIdle"));
    EXPECT_THAT(refused(R"({"smpProxyMode":"always"})"), HasSubstr("never"));
    EXPECT_THAT(refused(R"({"reconnectLeast":60000000,"reconnectMost":1000})"), HasSubstr("reconnectMost"));
}

TEST(settings, an_own_tor_has_no_address_to_set) {
    settings made;
    EXPECT_THAT(apply(made, parsed(R"({"socksProxy":"127.0.0.1:9050"})"), true).error().message(),
                HasSubstr("--tor"));
    EXPECT_FALSE(apply(made, parsed(R"({"socksProxy":null})"), true));
    ASSERT_TRUE(apply(made, parsed(R"({"tcpTimeoutPerKb":20000})"), true));
    EXPECT_EQ(made.proxied.per_kilobyte, 20ms);
    EXPECT_FALSE(to_json(made, true, true).contains("socksProxy"));
}

TEST(settings, connections_are_kept_when_only_times_change) {
    const settings before;
    settings after;
    after.plain.response.background = 1s;
    after.ping_interval = 1min;
    after.reconnect_most = 1h;
    EXPECT_TRUE(same_roads(before, after));
    after.rules.required = true;
    EXPECT_FALSE(same_roads(before, after));
}

TEST(isolation, what_shares_a_circuit) {
    in_force now;
    now.nonce = "run";
    const auto of = [&](session_mode mode, std::string_view profile, std::string_view server,
                        std::string_view entity) {
        now.set.sessions = mode;
        return isolation_of(now, profile, server, entity);
    };
    EXPECT_EQ(of(session_mode::user, "1", "a", "x"), of(session_mode::user, "1", "b", "y"));
    EXPECT_NE(of(session_mode::user, "1", "a", "x"), of(session_mode::user, "2", "a", "x"));
    EXPECT_EQ(of(session_mode::session, "1", "a", "x"), of(session_mode::session, "1", "b", "y"));
    EXPECT_NE(of(session_mode::session, "1", "a", "x"), of(session_mode::user, "1", "a", "x"));
    EXPECT_EQ(of(session_mode::server, "1", "a", "x"), of(session_mode::server, "1", "a", "y"));
    EXPECT_NE(of(session_mode::server, "1", "a", "x"), of(session_mode::server, "1", "b", "x"));
    EXPECT_NE(of(session_mode::entity, "1", "a", "x"), of(session_mode::entity, "1", "a", "y"));
    const auto before = of(session_mode::session, "1", "a", "x");
    now.nonce = "next run";
    EXPECT_NE(before, of(session_mode::session, "1", "a", "x"));
}

} // namespace
} // namespace plexus::network
