// Every combination of hosts, settings and proxy: what is dialed, by which road, when.
#include "policy.hpp"

#include "plexus/abi.hpp"

#include <gmock/gmock.h>

namespace plexus::network {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const encoding::host onion{encoding::host_kind::onion,
                           "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion"};
const encoding::host name{encoding::host_kind::domain, "smp.example.com"};
const encoding::host address{encoding::host_kind::ipv4, "192.0.2.1"};

/// "onion/proxy@0 name/direct" and so on; without @ an attempt waits for those before it to fail.
std::string shown(const std::vector<encoding::host>& hosts, const result<std::vector<attempt>>& planned) {
    if (!planned) return planned.error().retryable() ? "no road" : "refused";
    std::string out;
    for (const auto& each : *planned) {
        const auto& host = hosts[each.host];
        out += out.empty() ? "" : " ";
        out += host == onion ? "onion" : host == name ? "name" : "address";
        out += each.by == road::proxy ? "/proxy" : "/direct";
        if (each.after)
            out +=
                "@" + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(*each.after).count());
    }
    return out;
}

struct row {
    std::vector<encoding::host> hosts;
    host_mode mode;
    bool required;
    socks_mode socks;
    bool fallback;
    proxy_state proxy;
    std::string expected;
};

constexpr auto via_socks = host_mode::onion_via_socks;
constexpr auto only_onion = host_mode::onion;
constexpr auto public_first = host_mode::public_;
constexpr auto always = socks_mode::always;
constexpr auto for_onion = socks_mode::onion;
constexpr auto ready = proxy_state::ready;
constexpr auto failed = proxy_state::failed;
constexpr auto off = proxy_state::off;

TEST(policy, table) {
    const row rows[] = {
        // Without a proxy: public hosts directly, and no .onion host at all.
        {{name}, via_socks, false, always, false, off, "name/direct@0"},
        {{name, onion}, via_socks, false, always, false, off, "name/direct@0"},
        {{onion, name}, via_socks, false, always, false, off, "name/direct@0"},
        {{onion, name}, via_socks, true, always, false, off, "name/direct@0"},
        {{name, address}, via_socks, false, always, false, off, "name/direct@0 address/direct@5"},
        {{onion}, via_socks, false, always, false, off, "no road"},
        {{onion}, via_socks, true, always, false, off, "refused"},
        {{onion}, only_onion, true, always, true, off, "no road"},
        {{onion, name}, only_onion, true, always, true, off, "no road"},
        {{onion, name}, only_onion, false, always, false, off, "name/direct@0"},
        {{name}, only_onion, true, always, true, off, "refused"},
        {{onion}, public_first, false, for_onion, true, off, "no road"},
        // A proxy for everything.
        {{name}, via_socks, false, always, false, ready, "name/proxy@0"},
        {{name, onion}, via_socks, false, always, false, ready, "onion/proxy@0 name/proxy@5"},
        {{name, onion}, via_socks, true, always, false, ready, "onion/proxy@0"},
        {{name}, via_socks, true, always, true, ready, "refused"},
        {{name, onion}, only_onion, false, always, false, ready, "onion/proxy@0 name/proxy@5"},
        {{name, onion}, public_first, false, always, false, ready, "name/proxy@0 onion/proxy@5"},
        {{name, onion}, public_first, true, always, false, ready, "name/proxy@0"},
        {{onion}, public_first, true, always, true, ready, "refused"},
        {{onion}, public_first, false, always, false, ready, "onion/proxy@0"},
        // A proxy for .onion hosts alone: what could go through it does not go past it.
        {{name}, via_socks, false, for_onion, false, ready, "name/direct@0"},
        {{name, onion}, via_socks, false, for_onion, false, ready, "onion/proxy@0"},
        {{name, onion}, via_socks, false, for_onion, true, ready, "onion/proxy@0 name/direct"},
        {{name, onion}, via_socks, true, for_onion, true, ready, "onion/proxy@0"},
        {{name, onion}, public_first, false, for_onion, false, ready, "name/direct@0 onion/proxy@5"},
        {{name, onion}, public_first, true, for_onion, false, ready, "name/direct@0"},
        // Fallback: directly, when all that goes through the proxy failed; at once when it is known to be
        // down.
        {{name}, via_socks, false, always, true, ready, "name/proxy@0 name/direct"},
        {{name, onion}, via_socks, false, always, true, ready, "onion/proxy@0 name/proxy@5 name/direct"},
        {{name, onion}, via_socks, true, always, true, ready, "onion/proxy@0"},
        {{name}, via_socks, false, always, true, failed, "name/direct@0"},
        {{name, onion}, via_socks, false, always, true, failed, "name/direct@0"},
        {{onion}, via_socks, false, always, true, failed, "onion/proxy@0"},
        {{name, onion}, via_socks, true, always, true, failed, "onion/proxy@0"},
        // Fail closed.
        {{name}, via_socks, false, always, false, failed, "name/proxy@0"},
        {{name, onion}, via_socks, false, always, false, failed, "onion/proxy@0 name/proxy@5"},
        {{name, onion}, via_socks, false, for_onion, false, failed, "onion/proxy@0"},
        {{name}, via_socks, false, always, false, proxy_state::starting, "name/proxy@0"},
    };
    for (const auto& each : rows) {
        policy rules;
        rules.hosts = each.mode;
        rules.required = each.required;
        rules.socks = each.socks;
        rules.fallback = each.fallback;
        EXPECT_EQ(shown(each.hosts, plan(each.hosts, rules, each.proxy)), each.expected)
            << "row " << &each - rows;
    }
}

/// What must hold whatever is set.
TEST(policy, invariants_of_every_combination) {
    const std::vector<std::vector<encoding::host>> servers = {
        {name}, {onion}, {name, onion}, {onion, name}, {address, name, onion}, {onion, onion, name, address}};
    std::size_t seen = 0;
    for (const auto& hosts : servers)
        for (const auto mode : {via_socks, only_onion, public_first})
            for (const bool required : {false, true})
                for (const auto socks : {always, for_onion})
                    for (const bool fallback : {false, true})
                        for (const auto start : {0s, 5s})
                            for (const auto proxy :
                                 {proxy_state::none, off, proxy_state::starting, ready, failed}) {
                                const policy rules{mode, required, socks, fallback, start};
                                const auto planned = plan(hosts, rules, proxy);
                                if (!planned) continue;
                                ++seen;
                                const bool on = proxy != proxy_state::none && proxy != off;
                                bool proxied = false;
                                ASSERT_FALSE(planned->empty());
                                ASSERT_LE(planned->size(), most_attempts);
                                EXPECT_EQ(planned->front().after, 0ns);
                                for (const auto& each : *planned) {
                                    const bool is_onion = hosts[each.host] == onion;
                                    // A .onion name goes to the proxy or nowhere.
                                    if (is_onion) {
                                        EXPECT_EQ(each.by, road::proxy);
                                    }
                                    if (each.by == road::proxy) {
                                        EXPECT_TRUE(on);
                                    }
                                    if (each.by == road::direct && on && socks == always) {
                                        EXPECT_TRUE(fallback);
                                    }
                                    // Past the proxy only when what went through it has failed, and by
                                    // fallback.
                                    if (each.by == road::direct && proxied) {
                                        EXPECT_TRUE(fallback);
                                        EXPECT_FALSE(each.after);
                                    }
                                    if (required) {
                                        const bool wants = mode == only_onion || (mode == via_socks && on);
                                        EXPECT_EQ(is_onion, wants);
                                    }
                                    proxied = proxied || each.by == road::proxy;
                                }
                            }
    EXPECT_GT(seen, 500U);
}

TEST(policy, a_server_with_very_many_hosts_is_dialed_a_few_times) {
    const std::vector<encoding::host> hosts(200, name);
    policy rules;
    rules.fallback = true;
    const auto planned = plan(hosts, rules, ready);
    ASSERT_TRUE(planned);
    EXPECT_EQ(planned->size(), most_attempts);
    EXPECT_EQ(planned->back().by, road::direct); // the fallback has its place
}

TEST(policy, refusals_name_the_server_and_the_way_out) {
    EXPECT_THAT(plan({onion}, {}, off).error().message(), HasSubstr("--tor"));
    EXPECT_THAT(plan({onion}, {}, off).error().message(), HasSubstr(onion.name));
    EXPECT_TRUE(plan({onion}, {}, off).error().retryable());
    policy strict;
    strict.required = true;
    EXPECT_THAT(plan({name}, strict, ready).error().message(), HasSubstr("has no .onion address"));
    EXPECT_FALSE(plan({name}, strict, ready).error().retryable());
    EXPECT_THAT(plan({onion}, strict, off).error().message(), HasSubstr("has no public address"));
    EXPECT_TRUE(plan({}, {}, off).error().is(status::invalid));
}

} // namespace
} // namespace plexus::network
