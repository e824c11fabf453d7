#include "network_view.hpp"

#include "text_width.hpp"
#include "view.hpp"

#include <boost/json/array.hpp>

namespace plexus::ui_terminal {

namespace json = boost::json;

namespace {

std::string line(std::string text) { return std::move(text) + "\n"; }

std::int64_t number_in(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    const auto* number = value != nullptr ? value->if_int64() : nullptr;
    return number != nullptr ? *number : 0;
}

bool flag_in(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_bool() && value->get_bool();
}

/// Microseconds as people write them: "7 s", "1.5 s", "5 ms".
std::string time_text(std::int64_t microseconds) {
    constexpr std::int64_t second = 1'000'000;
    if (microseconds >= second && microseconds % (second / 10) == 0) {
        const auto tenth = microseconds / (second / 10) % 10;
        return std::to_string(microseconds / second) + (tenth != 0 ? "." + std::to_string(tenth) : "") + " s";
    }
    if (microseconds % 1'000 == 0) return std::to_string(microseconds / 1'000) + " ms";
    return std::to_string(microseconds) + " us";
}

std::string both_times(const json::object& timeout) {
    return time_text(number_in(timeout, "backgroundTimeout")) + ", " +
           time_text(number_in(timeout, "interactiveTimeout")) + " while you wait";
}

/// USER:PASSWORD@HOST without the password.
std::string without_password(const std::string& proxy) {
    const auto at = proxy.rfind('@');
    const auto colon = proxy.find(':');
    if (at == std::string::npos || colon == std::string::npos || colon > at) return proxy;
    return proxy.substr(0, colon) + ":***" + proxy.substr(at);
}

std::string road_line(const json::object& config, const json::object& proxy) {
    const bool onion_only = text_in(config, "socksMode") == "onion";
    const std::string_view which = onion_only ? " for onion servers ONLY." : " for ALL servers.";
    const auto address = harmless(text_in(config, "socksProxy"));
    if (text_in(proxy, "kind") == "tor") return "using Tor" + std::string(which);
    if (address.empty()) return "direct network connection";
    return "using SOCKS5 proxy " + without_password(address) + std::string(which);
}

std::string hosts_line(const json::object& config, const json::object& own) {
    const auto mode = text_in(config, "hostMode");
    std::string out = "hosts: ";
    out += mode == "public" ? "public ones" : mode == "onion" ? ".onion ones" : ".onion ones through a proxy";
    out += flag_in(config, "requiredHostMode") ? ", no others" : " first";
    if (flag_in(own, "fallback")) out += "; directly when the proxy fails";
    return out;
}

std::string server_lines(const json::object& server, const style& colours) {
    const auto name = harmless(text_in(server, "server"));
    const auto state = text_in(server, "state");
    const auto why = harmless(text_in(server, "lastError"));
    std::string out;
    for (const auto& each : array_in(server, "connections")) {
        if (!each.is_object()) continue;
        const auto& link = each.get_object();
        const auto route = harmless(text_in(link, "route"));
        std::string text =
            "  " + name + ": " + colours.good("connected") + " to " + harmless(text_in(link, "host")) +
            (route == "direct" ? " directly" : " by " + route) + " since " + harmless(text_in(link, "since"));
        if (const auto* trip = link.if_contains("roundTripMs"); trip != nullptr && trip->is_number()) {
            const auto tenths = static_cast<std::int64_t>(trip->to_number<double>() * 10);
            text += ", round trip " + std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " ms";
        }
        out += line(std::move(text));
    }
    if (!out.empty()) return out;
    out = "  " + name + ": " + (state == "connecting" ? "connecting" : colours.bad("not connected"));
    if (!why.empty()) out += ": " + why;
    return line(std::move(out));
}

} // namespace

std::string show_proxy(const json::object& proxy, const style& colours) {
    const auto kind = harmless(text_in(proxy, "kind"));
    const auto state = text_in(proxy, "state");
    const auto summary = harmless(text_in(proxy, "summary"));
    if (state == "starting")
        return line(colours.dim(kind + ": " + std::to_string(number_in(proxy, "percent")) + " % " + summary));
    if (state == "failed") return line(colours.bad(kind + ": " + summary));
    if (state == "ready")
        return line(colours.dim(kind + " is ready" + (summary.empty() ? "" : ": " + summary)));
    return {};
}

std::string show_network(const json::object& answer, const style& colours) {
    const auto& config = object_in(answer, "networkConfig");
    const auto& own = object_in(answer, "plexus");
    const auto& proxy = object_in(own, "proxy");
    std::string out = line(road_line(config, proxy));
    if (text_in(proxy, "state") != "ready") out += show_proxy(proxy, colours);
    out += line(hosts_line(config, own));
    out += line("TCP timeout: " + both_times(object_in(config, "tcpTimeout")) + ", and " +
                time_text(number_in(config, "tcpTimeoutPerKb")) +
                " for each KiB; connecting: " + both_times(object_in(config, "tcpConnectTimeout")));
    const auto& alive = object_in(config, "tcpKeepAlive");
    out += line(alive.empty() ? std::string("TCP keep-alive: off")
                              : "TCP keep-alive: after " + std::to_string(number_in(alive, "keepIdle")) +
                                    " s, each " + std::to_string(number_in(alive, "keepIntvl")) + " s, " +
                                    std::to_string(number_in(alive, "keepCnt")) + " times");
    out += line("PING after " + time_text(number_in(config, "smpPingInterval")) + " of silence, " +
                std::to_string(number_in(config, "smpPingCount")) + " times; dialed again after " +
                time_text(number_in(own, "reconnectLeast")) + " to " +
                time_text(number_in(own, "reconnectMost")));
    out += line("isolation: " + harmless(text_in(config, "sessionMode")) +
                "; port 443: " + harmless(text_in(config, "smpWebPortServers")) + " servers");
    const auto& servers = array_in(own, "servers");
    if (!servers.empty()) out += line("servers:");
    for (const auto& each : servers)
        if (each.is_object()) out += server_lines(each.get_object(), colours);
    return out;
}

} // namespace plexus::ui_terminal
