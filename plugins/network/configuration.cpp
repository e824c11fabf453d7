#include "configuration.hpp"

namespace plexus::network {

namespace {

constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t minute = 60'000 * ms;
constexpr std::int64_t day = 24 * 60 * minute;

constexpr plexus_key text(const char* name, const char* choices, const char* what) {
    return {name, PLEXUS_KEY_TEXT, 0, nullptr, choices, 0, 0, what};
}
constexpr plexus_key flag(const char* name, const char* what) {
    return {name, PLEXUS_KEY_TEXT, 0, nullptr, "on|off", 0, 0, what};
}
constexpr plexus_key duration(const char* name, std::int64_t least, std::int64_t most, const char* what) {
    return {name, PLEXUS_KEY_DURATION, 0, nullptr, nullptr, least, most, what};
}
constexpr plexus_key number(const char* name, std::int64_t least, std::int64_t most, const char* what) {
    return {name, PLEXUS_KEY_INTEGER, 0, nullptr, nullptr, least, most, what};
}

constexpr plexus_key keys[] = {
    {"socks-proxy", PLEXUS_KEY_TEXT, PLEXUS_KEY_SECRET, nullptr, nullptr, 0, 0,
     "the SOCKS proxy of transport-socks: [USER:PASSWORD@|@]HOST[:PORT], where \"@\" is no authentication "
     "and "
     "neither is isolation by credentials; or \"off\""},
    text("socks-mode", "always|onion",
         "what goes through the proxy: everything, or .onion hosts alone (preset: always)"),
    text(
        "host-mode", "onion-via-socks|onion|public",
        "which host of a server is preferred; onion-via-socks: .onion with a proxy, public without (preset)"),
    flag("required-host-mode", "\"on\": hosts that are not preferred are never dialed (preset: off)"),
    flag("fallback",
         "\"on\": public hosts are dialed directly, which shows the own address, when the proxy or Tor "
         "fails (preset: off)"),
    duration("head-start", 0, 10 * minute,
             "of the preferred host before the next one is tried, too; 0s: only when it failed (preset: 5s)"),
    text("session-mode", "user|session|server|entity",
         "what has circuits of its own behind the proxy: a profile, a run of the program, each server, or "
         "each "
         "contact, which then has a connection of its own as well (preset: session)"),
    text("smp-web-port-servers", "all|preset|off",
         "which SMP servers are dialed on port 443 if their address names none (preset: those of SimpleX)"),
    duration("connect-timeout", 10 * ms, 10 * minute, "until a connection stands (preset: 45s)"),
    duration("interactive-connect-timeout", 10 * ms, 10 * minute,
             "the same while somebody waits (preset: 15s)"),
    duration("response-timeout", 10 * ms, 10 * minute, "until a server has answered (preset: 30s)"),
    duration("interactive-response-timeout", 10 * ms, 10 * minute,
             "the same while somebody waits (preset: 10s)"),
    duration("timeout-per-kilobyte", 0, 10 * minute, "added for each KiB sent (preset: 5ms)"),
    duration("proxied-connect-timeout", 10 * ms, 10 * minute, "these five through a proxy (preset: 60s)"),
    duration("proxied-interactive-connect-timeout", 10 * ms, 10 * minute, "(preset: 30s)"),
    duration("proxied-response-timeout", 10 * ms, 10 * minute, "(preset: 40s)"),
    duration("proxied-interactive-response-timeout", 10 * ms, 10 * minute, "(preset: 20s)"),
    duration("proxied-timeout-per-kilobyte", 0, 10 * minute, "(preset: 15ms)"),
    flag("keepalive", "whether TCP asks if the other side is there (preset: on)"),
    duration("keepalive-idle", 1000 * ms, 32'767'000 * ms, "silence before it asks (preset: 30s)"),
    duration("keepalive-interval", 1000 * ms, 32'767'000 * ms, "between questions (preset: 15s)"),
    number("keepalive-count", 1, 127, "questions without an answer that end a connection (preset: 4)"),
    duration("ping-interval", 0, day, "silence of a server before a PING; 0s: none is sent (preset: 10m)"),
    number("ping-count", 0, 1'000,
           "PINGs without an answer after which a server is left; 0: never (preset: 3)"),
    duration("reconnect-least", ms, day, "first pause before a server is dialed again (preset: 1s)"),
    duration("reconnect-most", ms, day, "longest pause before a server is dialed again (preset: 1m)"),
    {"wait-for-settings", PLEXUS_KEY_BOOLEAN, 0, "false", nullptr, 0, 0,
     "nothing is dialed before the messenger has given the settings that it saved"},
};

struct pair {
    const char* key;
    const char* member;
};

constexpr pair words[] = {{"socks-mode", "socksMode"},
                          {"session-mode", "sessionMode"},
                          {"smp-web-port-servers", "smpWebPortServers"}};
constexpr pair flags[] = {{"required-host-mode", "requiredHostMode"}, {"fallback", "fallback"}};
constexpr pair durations[] = {{"head-start", "headStart"},
                              {"ping-interval", "smpPingInterval"},
                              {"reconnect-least", "reconnectLeast"},
                              {"reconnect-most", "reconnectMost"}};

std::int64_t in_us(nanoseconds time) { return std::chrono::duration_cast<microseconds>(time).count(); }

json::object configured_timeouts(const config_view& config, const std::string& prefix) {
    json::object out;
    const auto take = [&](json::object& into, const char* member, const std::string& key) {
        if (const auto value = config.duration((prefix + key).c_str())) into[member] = in_us(*value);
    };
    json::object connect;
    json::object response;
    take(connect, "backgroundTimeout", "connect-timeout");
    take(connect, "interactiveTimeout", "interactive-connect-timeout");
    take(response, "backgroundTimeout", "response-timeout");
    take(response, "interactiveTimeout", "interactive-response-timeout");
    take(out, "tcpTimeoutPerKb", "timeout-per-kilobyte");
    if (!connect.empty()) out["tcpConnectTimeout"] = std::move(connect);
    if (!response.empty()) out["tcpTimeout"] = std::move(response);
    return out;
}

} // namespace

std::span<const plexus_key> configuration_keys() noexcept { return keys; }

json::object configured(const config_view& config) {
    json::object out;
    if (const auto proxy = config.text("socks-proxy")) {
        if (*proxy == "off")
            out["socksProxy"] = nullptr;
        else
            out["socksProxy"] = *proxy;
    }
    for (const auto& each : words)
        if (const auto value = config.text(each.key)) out[each.member] = *value;
    if (const auto mode = config.text("host-mode"))
        out["hostMode"] = *mode == "onion-via-socks" ? std::string_view("onionViaSocks") : *mode;
    for (const auto& each : flags)
        if (const auto value = config.text(each.key)) out[each.member] = *value == "on";
    for (const auto& each : durations)
        if (const auto value = config.duration(each.key)) out[each.member] = in_us(*value);
    if (const auto count = config.integer("ping-count")) out["smpPingCount"] = *count;

    json::object alive;
    const auto seconds = [&](const char* key, const char* member) {
        if (const auto value = config.duration(key))
            alive[member] = std::chrono::duration_cast<std::chrono::seconds>(*value).count();
    };
    seconds("keepalive-idle", "keepIdle");
    seconds("keepalive-interval", "keepIntvl");
    if (const auto count = config.integer("keepalive-count")) alive["keepCnt"] = *count;
    if (config.text("keepalive") == "off")
        out["tcpKeepAlive"] = nullptr;
    else if (!alive.empty())
        out["tcpKeepAlive"] = std::move(alive);

    json::object timeouts{{"plain", configured_timeouts(config, "")},
                          {"proxied", configured_timeouts(config, "proxied-")}};
    out["timeouts"] = std::move(timeouts);
    return out;
}

} // namespace plexus::network
