#include "settings.hpp"

#include "plexus/abi.hpp"

#include <boost/json/serialize.hpp>

namespace plexus::network {

namespace {

using namespace std::chrono_literals;

template <typename Value>
struct word {
    std::string_view text;
    Value value;
};
constexpr word<host_mode> host_words[] = {{"onionViaSocks", host_mode::onion_via_socks},
                                          {"onion", host_mode::onion},
                                          {"public", host_mode::public_}};
constexpr word<socks_mode> socks_words[] = {{"always", socks_mode::always}, {"onion", socks_mode::onion}};
constexpr word<session_mode> session_words[] = {{"user", session_mode::user},
                                                {"session", session_mode::session},
                                                {"server", session_mode::server},
                                                {"entity", session_mode::entity}};
constexpr word<web_ports> web_words[] = {
    {"all", web_ports::all}, {"preset", web_ports::preset}, {"off", web_ports::off}};

template <typename Value, std::size_t Count>
std::string_view word_of(const word<Value> (&words)[Count], Value value) {
    for (const auto& each : words)
        if (each.value == value) return each.text;
    return {};
}

error wrong(std::string_view name, const json::value& value, std::string_view way_out) {
    return make_error(status::invalid, std::string(name) + " cannot be " +
                                           json::serialize(value).substr(0, 80) + ": " +
                                           std::string(way_out));
}

template <typename Value, std::size_t Count>
result<void> take(Value& into, std::string_view name, const json::value& from,
                  const word<Value> (&words)[Count]) {
    std::string known;
    for (const auto& each : words) {
        if (from.is_string() && std::string_view(from.get_string()) == each.text) {
            into = each.value;
            return {};
        }
        known += (known.empty() ? "" : ", ") + std::string(each.text);
    }
    return wrong(name, from, "it is one of " + known);
}

result<void> take(bool& into, std::string_view name, const json::value& from) {
    if (!from.is_bool()) return wrong(name, from, "it is true or false");
    into = from.get_bool();
    return {};
}

result<void> take_number(std::int64_t& into, std::string_view name, const json::value& from,
                         std::int64_t least, std::int64_t most) {
    json::error_code failure;
    const auto number = from.to_number<std::int64_t>(failure);
    if (failure || from.is_double() || number < least || number > most)
        return wrong(name, from,
                     "it is a number from " + std::to_string(least) + " to " + std::to_string(most));
    into = number;
    return {};
}

result<void> take(microseconds& into, std::string_view name, const json::value& from, microseconds least,
                  microseconds most) {
    std::int64_t number = 0;
    PLEXUS_CHECK(
        take_number(number, std::string(name) + " in microseconds", from, least.count(), most.count()));
    into = microseconds(number);
    return {};
}

result<void> take(std::uint32_t& into, std::string_view name, const json::value& from, std::int64_t most) {
    std::int64_t number = 0;
    PLEXUS_CHECK(take_number(number, name, from, name == "smpPingCount" ? 0 : 1, most));
    into = static_cast<std::uint32_t>(number);
    return {};
}

result<const json::object*> members_of(std::string_view name, const json::value& from) {
    if (!from.is_object()) return wrong(name, from, "it is an object");
    return &from.get_object();
}

constexpr microseconds least_timeout = 10ms;
constexpr microseconds most_timeout = 10min;

result<void> take(timeout& into, std::string_view name, const json::value& from) {
    PLEXUS_TRY(const auto* members, members_of(name, from));
    for (const auto& [key, value] : *members) {
        if (key == "backgroundTimeout")
            PLEXUS_CHECK(take(into.background, key, value, least_timeout, most_timeout));
        else if (key == "interactiveTimeout")
            PLEXUS_CHECK(take(into.interactive, key, value, least_timeout, most_timeout));
    }
    return {};
}

result<bool> take_timeouts(timeouts& into, std::string_view key, const json::value& value) {
    if (key == "tcpConnectTimeout")
        PLEXUS_CHECK(take(into.connect, key, value));
    else if (key == "tcpTimeout")
        PLEXUS_CHECK(take(into.response, key, value));
    else if (key == "tcpTimeoutPerKb")
        PLEXUS_CHECK(take(into.per_kilobyte, key, value, 0us, most_timeout));
    else
        return false;
    return true;
}

result<void> take(std::optional<keep_alive>& into, const json::value& from) {
    constexpr std::int64_t most = 32'767; // of the system
    if (from.is_null()) {
        into.reset();
        return {};
    }
    PLEXUS_TRY(const auto* members, members_of("tcpKeepAlive", from));
    keep_alive made = into.value_or(keep_alive());
    for (const auto& [key, value] : *members) {
        if (key == "keepIdle")
            PLEXUS_CHECK(take(made.idle, key, value, most));
        else if (key == "keepIntvl")
            PLEXUS_CHECK(take(made.interval, key, value, most));
        else if (key == "keepCnt")
            PLEXUS_CHECK(take(made.count, key, value, 127));
    }
    into = made;
    return {};
}

json::object to_json(const timeout& from) {
    return {{"backgroundTimeout", from.background.count()}, {"interactiveTimeout", from.interactive.count()}};
}

void write(json::object& into, const timeouts& from) {
    into["tcpConnectTimeout"] = to_json(from.connect);
    into["tcpTimeout"] = to_json(from.response);
    into["tcpTimeoutPerKb"] = from.per_kilobyte.count();
}

/// Everything but timeouts and the proxy. False: no such member.
result<bool> take_one(settings& into, std::string_view key, const json::value& value) {
    if (key == "socksMode")
        PLEXUS_CHECK(take(into.rules.socks, key, value, socks_words));
    else if (key == "hostMode")
        PLEXUS_CHECK(take(into.rules.hosts, key, value, host_words));
    else if (key == "requiredHostMode")
        PLEXUS_CHECK(take(into.rules.required, key, value));
    else if (key == "fallback")
        PLEXUS_CHECK(take(into.rules.fallback, key, value));
    else if (key == "headStart") {
        microseconds start{};
        PLEXUS_CHECK(take(start, key, value, 0us, most_timeout));
        into.rules.head_start = start;
    } else if (key == "sessionMode")
        PLEXUS_CHECK(take(into.sessions, key, value, session_words));
    else if (key == "smpWebPortServers")
        PLEXUS_CHECK(take(into.web, key, value, web_words));
    else if (key == "tcpKeepAlive")
        PLEXUS_CHECK(take(into.alive, value));
    else if (key == "smpPingInterval")
        PLEXUS_CHECK(take(into.ping_interval, key, value, 0us, 24h));
    else if (key == "smpPingCount")
        PLEXUS_CHECK(take(into.ping_count, key, value, 1'000));
    else if (key == "reconnectLeast")
        PLEXUS_CHECK(take(into.reconnect_least, key, value, 1ms, 24h));
    else if (key == "reconnectMost")
        PLEXUS_CHECK(take(into.reconnect_most, key, value, 1ms, 24h));
    else if (key == "smpProxyMode") {
        if (value != "never")
            return wrong(
                key, value,
                "messages go to the contact's server without another one between, which is \"never\"");
    } else
        return key == "smpProxyFallback" || key == "rcvConcurrency" || key == "logTLSErrors";
    return true;
}

result<void> take_proxy(settings& into, const json::value& value, bool managed) {
    if (managed)
        return make_error(
            status::unsupported,
            "this program reaches servers through its own Tor: a SOCKS proxy takes its place when "
            "it is started without --tor");
    if (value.is_null()) {
        into.proxy.reset();
        return {};
    }
    if (!value.is_string() || value.get_string().empty() || value.get_string().size() > 1'000)
        return wrong("socksProxy", value, "it is an address such as \"127.0.0.1:9050\", or null");
    into.proxy = std::string(std::string_view(value.get_string()));
    return {};
}

} // namespace

settings::settings() {
    // As the official apps have them.
    plain = {{45s, 15s}, {30s, 10s}, 5ms};
    proxied = {{60s, 30s}, {40s, 20s}, 15ms};
}

bool same_roads(const settings& before, const settings& after) {
    return before.proxy == after.proxy && before.rules == after.rules && before.sessions == after.sessions &&
           before.web == after.web && before.alive == after.alive;
}

json::object to_json(const settings& from, bool proxied, bool managed) {
    json::object out;
    if (from.proxy && !managed)
        out["socksProxy"] = *from.proxy;
    else if (!managed)
        out["socksProxy"] = nullptr;
    out["socksMode"] = word_of(socks_words, from.rules.socks);
    out["hostMode"] = word_of(host_words, from.rules.hosts);
    out["requiredHostMode"] = from.rules.required;
    out["sessionMode"] = word_of(session_words, from.sessions);
    out["smpProxyMode"] = "never";
    out["smpProxyFallback"] = "prohibit";
    out["smpWebPortServers"] = word_of(web_words, from.web);
    write(out, proxied ? from.proxied : from.plain);
    out["rcvConcurrency"] = 8;
    if (from.alive)
        out["tcpKeepAlive"] = {{"keepIdle", from.alive->idle},
                               {"keepIntvl", from.alive->interval},
                               {"keepCnt", from.alive->count}};
    else
        out["tcpKeepAlive"] = nullptr;
    out["smpPingInterval"] = from.ping_interval.count();
    out["smpPingCount"] = from.ping_count;
    out["logTLSErrors"] = false;
    out["fallback"] = from.rules.fallback;
    out["headStart"] = std::chrono::duration_cast<microseconds>(from.rules.head_start).count();
    out["reconnectLeast"] = from.reconnect_least.count();
    out["reconnectMost"] = from.reconnect_most.count();
    json::object plain;
    json::object through;
    write(plain, from.plain);
    write(through, from.proxied);
    out["timeouts"] = json::object{{"plain", std::move(plain)}, {"proxied", std::move(through)}};
    return out;
}

result<void> apply(settings& into, const json::object& change, bool managed) {
    settings made = into;
    if (const auto* proxy = change.if_contains("socksProxy")) PLEXUS_CHECK(take_proxy(made, *proxy, managed));
    auto& current = managed || made.proxy ? made.proxied : made.plain;
    for (const auto& [key, value] : change) {
        if (key == "socksProxy" || key == "timeouts") continue;
        PLEXUS_TRY(const bool timed, take_timeouts(current, key, value));
        if (timed) continue;
        PLEXUS_TRY(const bool known, take_one(made, key, value));
        if (!known)
            return make_error(status::invalid, "the network has no setting " +
                                                   std::string(key).substr(0, 80) + ": /network lists them");
    }
    if (const auto* both = change.if_contains("timeouts")) {
        PLEXUS_TRY(const auto* kinds, members_of("timeouts", *both));
        for (const auto& [kind, values] : *kinds) {
            PLEXUS_TRY(const auto* members, members_of(kind, values));
            if (kind != "plain" && kind != "proxied")
                return wrong("timeouts", *both, "its members are plain and proxied");
            for (const auto& [key, value] : *members)
                PLEXUS_CHECK(take_timeouts(kind == "plain" ? made.plain : made.proxied, key, value));
        }
    }
    if (made.reconnect_least > made.reconnect_most)
        return make_error(status::invalid, "reconnectLeast cannot be above reconnectMost");
    into = std::move(made);
    return {};
}

} // namespace plexus::network
