// The network over a transport that a test plays: which attempts are made, when, by which road, and what of
// it is told.
#include "network_world.hpp"

#include <gmock/gmock.h>

namespace plexus::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string onion = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";
const std::string name = "smp.example.com";
constexpr ending stands{20ms, PLEXUS_OK};
constexpr ending refused{20ms, PLEXUS_E_REFUSED};

/// "onion/carried", in the order of the calls.
std::vector<std::string> shown(const fake_network& fake) {
    std::vector<std::string> out;
    for (const auto& each : fake.calls)
        out.push_back((each.host == onion ? "onion" : each.host) + (each.direct() ? "/direct" : "") +
                      (each.carried() ? "/carried" : "") + (each.cancelled ? "/cancelled" : ""));
    return out;
}

TEST(network, without_a_proxy_the_road_is_the_transports_own) {
    network_world world({}, false);
    world.fake().direct[name] = stands;
    auto& made = world.wait(world.dial({{onion, name}}));
    EXPECT_EQ(made.status, PLEXUS_OK);
    EXPECT_EQ(made.host, name);
    EXPECT_EQ(made.port, 5223U);
    EXPECT_EQ(made.flags, 0U);
    EXPECT_EQ(made.response, 30s);
    // Neither is named: a carrier without plexus.proxy/0 that the transport may have is not passed by.
    EXPECT_THAT(shown(world.fake()), ElementsAre(name));
    EXPECT_EQ(world.fake().calls[0].alpn, "smp/1");
    EXPECT_EQ(world.fake().calls[0].timeout, 45s);
    EXPECT_EQ(world.fake().calls[0].keepalive, static_cast<std::uint32_t>(PLEXUS_KEEPALIVE_ON));
    EXPECT_EQ(world.fake().calls[0].keepalive_idle, 30U);
}

TEST(network, an_onion_without_a_proxy_is_dialed_nowhere) {
    for (const bool with_proxy : {false, true}) {
        network_world world({}, with_proxy);
        auto& made = world.wait(world.dial({{onion}}));
        EXPECT_EQ(made.status, PLEXUS_E_DENIED);
        EXPECT_THAT(made.message, HasSubstr("--tor"));
        for (const auto* odd : {"hidden.onion", "hidden.onion.", "HIDDEN.Onion"})
            EXPECT_EQ(world.wait(world.dial({{odd}})).status, PLEXUS_E_DENIED) << odd;
        EXPECT_THAT(world.fake().calls, IsEmpty());
    }
}

TEST(network, the_preferred_host_has_a_head_start) {
    network_world world({}, true, PLEXUS_PROXY_READY);
    world.fake().carried[onion] = {8s, PLEXUS_OK};
    world.fake().carried[name] = {1s, PLEXUS_OK};
    auto& made = world.wait(world.dial({{name, onion}}));
    EXPECT_EQ(made.host, name);
    EXPECT_EQ(made.flags, static_cast<std::uint32_t>(PLEXUS_NETWORK_PROXIED));
    EXPECT_EQ(made.response, 40s); // with a proxy
    EXPECT_THAT(shown(world.fake()), ElementsAre("onion/carried/cancelled", name + "/carried"));
    EXPECT_EQ(world.fake().calls[1].at - world.fake().calls[0].at, 5s);
    EXPECT_EQ(world.fake().calls[0].timeout, 60s);
    EXPECT_EQ(world.fake().streams, 1);

    world.fake().calls.clear();
    world.fake().carried[onion] = stands;
    EXPECT_EQ(world.wait(world.dial({{name, onion}})).host, onion);
    world.run_for(1min);
    EXPECT_THAT(shown(world.fake()), ElementsAre("onion/carried"));
}

TEST(network, the_next_host_does_not_wait_when_the_first_one_failed) {
    network_world world({}, true, PLEXUS_PROXY_READY);
    world.fake().carried[onion] = refused;
    world.fake().carried[name] = stands;
    EXPECT_EQ(world.wait(world.dial({{name, onion}})).host, name);
    EXPECT_LT(world.fake().calls[1].at - world.fake().calls[0].at, 100ms);
}

TEST(network, fails_closed) {
    for (const auto state : {PLEXUS_PROXY_READY, PLEXUS_PROXY_STARTING, PLEXUS_PROXY_FAILED}) {
        network_world world({}, true, state);
        world.fake().carried[onion] = refused;
        world.fake().carried[name] = refused;
        world.fake().direct[name] = stands;
        auto& made = world.wait(world.dial({{name, onion}}));
        EXPECT_EQ(made.status, PLEXUS_E_REFUSED);
        EXPECT_THAT(made.message, HasSubstr(name + " by socks: the test says so"));
        world.run_for(10min);
        EXPECT_THAT(shown(world.fake()), ElementsAre("onion/carried", name + "/carried"));
    }
}

TEST(network, falls_back_when_that_is_allowed) {
    network_world world("fallback = 'on'\n", true, PLEXUS_PROXY_READY);
    world.fake().carried[onion] = {3s, PLEXUS_E_REFUSED};
    world.fake().carried[name] = {3s, PLEXUS_E_TIMEOUT};
    world.fake().direct[name] = stands;
    auto& made = world.wait(world.dial({{name, onion}}));
    EXPECT_EQ(made.status, PLEXUS_OK);
    EXPECT_EQ(made.flags, 0U);
    EXPECT_THAT(shown(world.fake()), ElementsAre("onion/carried", name + "/carried", name + "/direct"));
    // The direct road is taken when the last attempt by the proxy has failed, not before.
    EXPECT_GE(world.fake().calls[2].at - world.fake().calls[1].at, 3s);

    // Known to be down, the proxy is not asked again.
    world.fake().calls.clear();
    world.proxy_becomes(PLEXUS_PROXY_FAILED);
    EXPECT_EQ(world.wait(world.dial({{name, onion}})).status, PLEXUS_OK);
    EXPECT_THAT(shown(world.fake()), ElementsAre(name + "/direct"));
}

TEST(network, required_host_mode_refuses_before_anything_is_dialed) {
    network_world world("required-host-mode = 'on'\nfallback = 'on'\n", true, PLEXUS_PROXY_READY);
    auto& made = world.wait(world.dial({{name}}));
    EXPECT_EQ(made.status, PLEXUS_E_DENIED);
    EXPECT_THAT(made.message, HasSubstr("required-host-mode"));
    EXPECT_THAT(world.fake().calls, IsEmpty());
}

TEST(network, a_cancelled_call_ends_once_and_leaves_nothing) {
    network_world world({}, true, PLEXUS_PROXY_READY);
    auto& at_once = world.dial({{name}});
    world.cancel(at_once);
    EXPECT_EQ(world.wait(at_once).status, PLEXUS_E_CANCELLED);
    world.fake().calls.clear();
    auto& later = world.dial({{name, onion}});
    world.run_for(6s); // both hosts
    world.cancel(later);
    EXPECT_EQ(world.wait(later).status, PLEXUS_E_CANCELLED);
    world.run_for(10min);
    EXPECT_THAT(shown(world.fake()), ElementsAre("onion/carried/cancelled", name + "/carried/cancelled"));
}

TEST(network, a_stop_ends_what_is_under_way) {
    network_world world({}, true, PLEXUS_PROXY_READY);
    auto& one = world.dial({{name}});
    auto& other = world.dial({{name}});
    world.run_for(1s);
    world.stop();
    EXPECT_EQ(one.status, PLEXUS_E_STOPPING);
    EXPECT_EQ(other.status, PLEXUS_E_STOPPING);
}

TEST(network, nothing_is_dialed_before_the_saved_settings) {
    network_world world("wait-for-settings = true\nsession-mode = 'server'\n");
    world.fake().direct[name] = stands;
    world.fake().carried[name] = stands;
    auto& waiting = world.dial({{name}});
    auto& given_up = world.dial({{name}});
    world.run_for(2s);
    EXPECT_FALSE(waiting.over);
    EXPECT_THAT(world.change(R"({"tcpTimeoutPerKb":1000})"), IsEmpty()); // not the saved ones
    world.cancel(given_up);
    EXPECT_EQ(world.wait(given_up).status, PLEXUS_E_CANCELLED);
    EXPECT_THAT(world.change(R"({"socksProxy":"nonsense"})", PLEXUS_NETWORK_SAVED), HasSubstr("nonsense"));
    world.run_for(2s);
    EXPECT_FALSE(waiting.over);
    EXPECT_THAT(world.fake().calls, IsEmpty());
    // The configuration says outright what the session mode is.
    EXPECT_THAT(world.change(R"({"socksProxy":"127.0.0.1:9150","sessionMode":"user"})", PLEXUS_NETWORK_SAVED),
                IsEmpty());
    EXPECT_EQ(world.wait(waiting).status, PLEXUS_OK);
    EXPECT_THAT(shown(world.fake()), ElementsAre(name + "/carried"));
    EXPECT_THAT(world.fake().configured, ElementsAre("127.0.0.1:9150"));
    EXPECT_EQ(world.settings().at("sessionMode"), "server");
}

TEST(network, saved_settings_that_never_come_are_a_failure) {
    network_world world("wait-for-settings = true\n");
    auto& made = world.wait(world.dial({{name}}));
    EXPECT_EQ(made.status, PLEXUS_E_TIMEOUT);
    EXPECT_THAT(made.message, HasSubstr("saved settings"));
}

TEST(network, changes_are_told_to_those_who_watch) {
    network_world world;
    EXPECT_THAT(world.change(R"({"socksProxy":"127.0.0.1:9050"})"), IsEmpty());
    EXPECT_THAT(world.take_events(), testing::Contains(PLEXUS_NETWORK_ROADS_CHANGED));
    EXPECT_EQ(world.settings().at("socksProxy"), "127.0.0.1:9050");
    EXPECT_THAT(world.change(R"({"smpPingCount":7})"), IsEmpty());
    EXPECT_THAT(world.take_events(), ElementsAre(PLEXUS_NETWORK_ROAD_OPENED)); // connections are kept
    EXPECT_THAT(world.change(R"({"socksProxy":"nonsense","smpPingCount":9})"), HasSubstr("nonsense"));
    EXPECT_THAT(world.change("[]"), HasSubstr("JSON object"));
    EXPECT_EQ(world.settings().at("smpPingCount"), 7);
    EXPECT_EQ(world.settings().at("socksProxy"), "127.0.0.1:9050");
    EXPECT_THAT(world.take_events(), IsEmpty());
    world.proxy_becomes(PLEXUS_PROXY_FAILED);
    EXPECT_THAT(world.take_events(), ElementsAre(PLEXUS_NETWORK_PROXY_CHANGED));
    world.proxy_becomes(PLEXUS_PROXY_READY);
    EXPECT_THAT(world.take_events(), ElementsAre(PLEXUS_NETWORK_ROAD_OPENED, PLEXUS_NETWORK_PROXY_CHANGED));
}

TEST(network, new_circuits_have_new_credentials) {
    network_world world({}, true, PLEXUS_PROXY_READY);
    world.fake().carried[name] = stands;
    world.wait(world.dial({{name}}));
    world.wait(world.dial({{name}}));
    EXPECT_THAT(world.renew(), IsEmpty());
    world.wait(world.dial({{name}}));
    const auto& calls = world.fake().calls;
    EXPECT_EQ(calls[0].isolation, calls[1].isolation);
    EXPECT_NE(calls[1].isolation, calls[2].isolation);
    EXPECT_EQ(world.fake().renewed, 1);
    EXPECT_THAT(world.take_events(), testing::Contains(PLEXUS_NETWORK_ROADS_CHANGED));
    network_world direct({}, false);
    EXPECT_THAT(direct.renew(), HasSubstr("no proxy is in use"));
}

TEST(network, an_own_tor_is_no_proxy_to_set) {
    network_world world({}, true, PLEXUS_PROXY_STARTING, "tor");
    EXPECT_THAT(world.change(R"({"socksProxy":"127.0.0.1:9050"})"), HasSubstr("--tor"));
    EXPECT_THAT(world.change(R"({"socksProxy":"127.0.0.1:9050"})", PLEXUS_NETWORK_SAVED), IsEmpty());
    EXPECT_THAT(world.fake().configured, IsEmpty());
    world.fake().carried[name] = stands;
    EXPECT_EQ(world.wait(world.dial({{name}})).status, PLEXUS_OK);
    EXPECT_THAT(shown(world.fake()), ElementsAre(name + "/carried"));
    network_world wrong("socks-proxy = '127.0.0.1:9050'\n", true, PLEXUS_PROXY_STARTING, "tor");
    EXPECT_THAT(wrong.failure(), HasSubstr("Tor"));
}

TEST(network, servers_of_simplex_are_dialed_on_the_web_port) {
    network_world world({}, false);
    const std::string preset = "smp8.simplex.im";
    for (const auto& host : {preset, name}) world.fake().direct[host] = stands;
    EXPECT_EQ(world.wait(world.dial({{preset}})).port, 443U);
    EXPECT_EQ(world.fake().calls[0].alpn, "http/1.1");
    EXPECT_EQ(world.wait(world.dial({{preset}, 5223})).port, 5223U);
    EXPECT_EQ(world.wait(world.dial({{name}})).port, 5223U);
    const std::string looks_alike = "smp8.simplex.im.example.com";
    world.fake().direct[looks_alike] = stands;
    EXPECT_EQ(world.wait(world.dial({{looks_alike}})).port, 5223U);
    world.change(R"({"smpWebPortServers":"off"})");
    EXPECT_EQ(world.wait(world.dial({{preset}})).port, 5223U);
    world.change(R"({"smpWebPortServers":"all"})");
    EXPECT_EQ(world.wait(world.dial({{name}})).port, 443U);
}

TEST(network, settings_of_the_configuration) {
    network_world world("connect-timeout = '9s'\ninteractive-connect-timeout = '3s'\nkeepalive = 'off'\n"
                        "ping-interval = '0s'\nsocks-proxy = '@10.0.0.1'\nproxied-connect-timeout = '11s'\n"
                        "host-mode = 'public'\nsmp-web-port-servers = 'off'\n");
    ASSERT_THAT(world.failure(), IsEmpty());
    world.fake().carried[name] = stands;
    world.wait(world.dial({{name}}));
    world.wait(world.dial({{name}, 0, PLEXUS_NETWORK_INTERACTIVE}));
    EXPECT_EQ(world.fake().calls[0].timeout, 11s);
    EXPECT_EQ(world.fake().calls[1].timeout, 30s);
    EXPECT_EQ(world.fake().calls[0].keepalive, static_cast<std::uint32_t>(PLEXUS_KEEPALIVE_OFF));
    EXPECT_EQ(world.settings().at("tcpKeepAlive"), nullptr);
    EXPECT_EQ(world.settings().at("smpPingInterval"), 0);
    EXPECT_THAT(world.fake().configured, ElementsAre("@10.0.0.1"));
    network_world none("socks-proxy = '127.0.0.1:9050'\n", false);
    EXPECT_THAT(none.failure(), HasSubstr("[plugin.transport-socks]"));
}

TEST(network, health_of_each_server) {
    network_world world({}, true, PLEXUS_PROXY_READY);
    world.fake().carried[name] = stands;
    auto& made = world.wait(world.dial({{name}}));
    world.answered(made, 42ms);
    auto server = world.status().at("servers").as_array().at(0).as_object();
    EXPECT_EQ(server.at("server"), json::value(name + ":5223"));
    EXPECT_EQ(server.at("state"), "connected");
    const auto link = server.at("connections").as_array().at(0).as_object();
    EXPECT_EQ(link.at("host"), json::value(name));
    EXPECT_EQ(link.at("route"), "socks");
    EXPECT_EQ(link.at("roundTripMs"), 42.0);
    EXPECT_THAT(std::string(std::string_view(link.at("since").as_string())), HasSubstr("T"));
    world.close(made, "the peer went away");
    world.fake().carried[name] = refused;
    auto& failed = world.dial({{name}});
    world.run_for(10ms);
    EXPECT_EQ(world.status().at("servers").as_array().at(0).at("state"), "connecting");
    world.wait(failed);
    server = world.status().at("servers").as_array().at(0).as_object();
    EXPECT_EQ(server.at("state"), "disconnected");
    EXPECT_EQ(server.at("lastError"), "the test says so");
    EXPECT_EQ(server.at("failures"), 1);
    EXPECT_EQ(world.status().at("proxy").at("state"), "ready");
}

} // namespace
} // namespace plexus::test
