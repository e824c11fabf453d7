#include "network_command.hpp"

#include "plexus/abi.hpp"
#include "plexus/encoding/text.hpp"

#include <boost/json/parse.hpp>

namespace plexus::chat_plugin {

namespace {

constexpr std::string_view usage =
    "/network socks=on|off|ADDRESS [socks-mode=always|onion] [host-mode=onion|public] [required-host-mode] "
    "[smp-web-port-servers=all|preset|off] [timeout=SECONDS] [fallback=on|off] "
    "[session-mode=user|session|server|entity] [head-start=SECONDS] [ping=SECONDS] [ping-count=N] "
    "[keepalive=off|IDLE,INTERVAL,COUNT] [reconnect=LEAST,MOST]";

/// Members of the official networkConfig.
constexpr std::string_view official_members[] = {
    "socksProxy",        "socksMode",       "hostMode",         "requiredHostMode",
    "sessionMode",       "smpProxyMode",    "smpProxyFallback", "smpWebPortServers",
    "tcpConnectTimeout", "tcpTimeout",      "tcpTimeoutPerKb",  "rcvConcurrency",
    "tcpKeepAlive",      "smpPingInterval", "smpPingCount",     "logTLSErrors"};

bool is_official(std::string_view member) {
    return std::find(std::begin(official_members), std::end(official_members), member) !=
           std::end(official_members);
}

error wrong(const std::string& what) {
    return error("plexus.chat", 2, what + ": write " + std::string(usage));
}

constexpr std::int64_t second = 1'000'000; // in microseconds, as the settings count

result<std::int64_t> number(std::string_view word, std::string_view value, std::uint64_t most) {
    const auto read = encoding::parse_decimal(value, most);
    if (!read) return wrong(std::string(word) + " takes a number up to " + std::to_string(most));
    return static_cast<std::int64_t>(*read);
}

result<std::vector<std::int64_t>> numbers(std::string_view word, std::string_view value, std::size_t count) {
    std::vector<std::int64_t> out;
    for (std::size_t begin = 0; begin <= value.size();) {
        const auto end = std::min(value.find(',', begin), value.size());
        PLEXUS_TRY(const auto one, number(word, value.substr(begin, end - begin), 32'767));
        out.push_back(one);
        begin = end + 1;
    }
    if (out.size() != count)
        return wrong(std::string(word) + " takes " + std::to_string(count) + " numbers with commas");
    return out;
}

result<bool> on_off(std::string_view word, std::string_view value) {
    if (value != "on" && value != "off") return wrong(std::string(word) + " is on or off");
    return value == "on";
}

void set_timeout(json::object& out, std::int64_t seconds) {
    // As the official app spreads one number over four.
    const auto pair = [](std::int64_t time) {
        return json::object{{"backgroundTimeout", time * 3}, {"interactiveTimeout", time}};
    };
    out["tcpTimeout"] = pair(seconds * second);
    out["tcpConnectTimeout"] = pair(seconds * second * 3 / 2);
}

void set_proxy(json::object& out, std::string_view value) {
    const bool off = value == "off";
    const auto address = value == "on" ? std::string_view("127.0.0.1:9050") : value;
    if (off)
        out["socksProxy"] = nullptr;
    else
        out["socksProxy"] = address;
    // Credentials that are given, or none, share circuits: .onion hosts are preferred where they do not.
    const bool isolates = !off && address.find('@') == std::string_view::npos;
    out["socksMode"] = "always";
    out["hostMode"] = isolates ? "onionViaSocks" : "public";
    out["requiredHostMode"] = false;
    out["smpWebPortServers"] = "preset";
}

result<void> take_word(json::object& out, std::string_view word, std::string_view value, bool has_value) {
    if (word == "socks-mode") {
        out["socksMode"] = value;
    } else if (word == "host-mode") {
        out["hostMode"] = value == "onion" || value == "onion-via-socks" ? "onionViaSocks" : value;
    } else if (word == "required-host-mode") {
        PLEXUS_TRY(const bool on, has_value ? on_off(word, value) : result<bool>(true));
        out["requiredHostMode"] = on;
    } else if (word == "smp-proxy") {
        out["smpProxyMode"] = value;
    } else if (word == "smp-proxy-fallback") {
        if (value != "yes" && value != "no" && value != "protected")
            return wrong("smp-proxy-fallback is yes, no or protected");
    } else if (word == "smp-web-port-servers") {
        out["smpWebPortServers"] = value;
    } else if (word == "smp-web-port" && !has_value) {
        out["smpWebPortServers"] = "all";
    } else if (word == "timeout") {
        PLEXUS_TRY(const auto seconds, number(word, value, 120));
        set_timeout(out, seconds);
    } else if (word == "log") {
        PLEXUS_CHECK([&]() -> result<void> {
            PLEXUS_TRY(const bool on, on_off(word, value));
            out["logTLSErrors"] = on;
            return {};
        }());
    } else if (word == "fallback") {
        PLEXUS_TRY(const bool on, on_off(word, value));
        out["fallback"] = on;
    } else if (word == "session-mode") {
        out["sessionMode"] = value;
    } else if (word == "head-start") {
        PLEXUS_TRY(const auto seconds, number(word, value, 600));
        out["headStart"] = seconds * second;
    } else if (word == "ping") {
        PLEXUS_TRY(const auto seconds, number(word, value, 86'400));
        out["smpPingInterval"] = seconds * second;
    } else if (word == "ping-count") {
        PLEXUS_TRY(const auto count, number(word, value, 1'000));
        out["smpPingCount"] = count;
    } else if (word == "keepalive" && value == "off") {
        out["tcpKeepAlive"] = nullptr;
    } else if (word == "keepalive") {
        PLEXUS_TRY(const auto all, numbers(word, value, 3));
        out["tcpKeepAlive"] = {{"keepIdle", all[0]}, {"keepIntvl", all[1]}, {"keepCnt", all[2]}};
    } else if (word == "reconnect") {
        PLEXUS_TRY(const auto both, numbers(word, value, 2));
        out["reconnectLeast"] = both[0] * second;
        out["reconnectMost"] = both[1] * second;
    } else {
        return wrong("/network knows no " + std::string(word.substr(0, 40)));
    }
    return {};
}

} // namespace

result<json::object> parse_network_words(std::string_view text) {
    json::object out;
    for (bool first = true;; first = false) {
        const auto begin = text.find_first_not_of(' ');
        if (begin == std::string_view::npos) break;
        text.remove_prefix(begin);
        const auto whole = text.substr(0, text.find(' '));
        text.remove_prefix(whole.size());
        const auto equals = whole.find('=');
        const bool has_value = equals != std::string_view::npos;
        const auto word = whole.substr(0, equals);
        const auto value = has_value ? whole.substr(equals + 1) : std::string_view();
        if (word == "socks") {
            if (!first || value.empty()) return wrong("socks= stands first and says on, off or an address");
            set_proxy(out, value);
            continue;
        }
        PLEXUS_CHECK(take_word(out, word, value, has_value));
    }
    return out;
}

json::object whole_network_config(json::object given) {
    for (const auto* optional : {"socksProxy", "tcpKeepAlive"})
        if (!given.contains(optional)) given[optional] = nullptr;
    return given;
}

json::object read_network(const plexus_network& network, std::uint32_t what) {
    json::object out;
    network.read(
        network.service.self, what,
        [](void* context, plexus_view text) {
            json::error_code failure;
            auto parsed = json::parse(text_of(text), failure);
            if (!failure && parsed.is_object())
                *static_cast<json::object*>(context) = std::move(parsed.get_object());
        },
        &out);
    return out;
}

json::object network_answer(const plexus_network& network) {
    json::object official;
    json::object own;
    for (auto& [member, value] : read_network(network, PLEXUS_NETWORK_SETTINGS)) {
        if (value.is_null()) continue; // off
        if (is_official(member))
            official.emplace(member, value);
        else
            own.emplace(member, value);
    }
    for (auto& [member, value] : read_network(network, PLEXUS_NETWORK_STATUS)) own.emplace(member, value);
    return {{"type", "networkConfig"}, {"networkConfig", std::move(official)}, {"plexus", std::move(own)}};
}

} // namespace plexus::chat_plugin
