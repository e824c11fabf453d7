#include "network_options.hpp"

#include "deployment.hpp"

#include <initializer_list>

namespace plexus::messenger_app {
namespace {

namespace po = boost::program_options;

error wrong(const std::string& message) { return error("plexus.app", 1, message); }

/// One of the words, or how the option is written.
result<std::string> word(const po::variables_map& given, const char* name,
                         std::initializer_list<const char*> known) {
    const auto& value = given[name].as<std::string>();
    std::string all;
    for (const auto* each : known) {
        if (value == each) return value;
        all += (all.empty() ? "" : ", ") + std::string(each);
    }
    return wrong("--" + std::string(name) + " " + value + ": it is one of " + all);
}

/// One number for all timeouts, as the official app spreads it.
void set_timeout(options& out, const std::string& kind, std::uint64_t milliseconds) {
    const auto add = [&](const char* key, std::uint64_t time) {
        out.network.emplace_back(kind + key, "\"" + std::to_string(time) + "ms\"");
    };
    add("interactive-response-timeout", milliseconds);
    add("response-timeout", milliseconds * 3);
    add("interactive-connect-timeout", milliseconds * 3 / 2);
    add("connect-timeout", milliseconds * 9 / 2);
}

} // namespace

void describe_network(po::options_description& out) {
    auto add = out.add_options();
    add("socks,x", "reach servers through the SOCKS proxy at 127.0.0.1:9050, that of Tor for example");
    add("socks-proxy", po::value<std::string>()->value_name("ADDRESS"),
        "reach servers through this SOCKS proxy, [USER:PASSWORD@|@][HOST][:PORT]; @ alone: no "
        "authentication");
    add("tor", "start a Tor of our own, and reach servers through it");
    add("socks-mode", po::value<std::string>()->value_name("MODE"),
        "what goes through the proxy: always (everything, preset) or onion (.onion servers alone)");
    add("host-mode", po::value<std::string>()->value_name("MODE"),
        "which host of a server is preferred: onion (preset with a proxy that isolates) or public");
    add("required-host-mode", "never dial a host that is not preferred");
    add("smp-web-port", "the same as --smp-web-port-servers all");
    add("smp-web-port-servers", po::value<std::string>()->value_name("SERVERS"),
        "which SMP servers are dialed on port 443 if their address names none: all, preset (preset) or off");
    add("tcp-timeout", po::value<unsigned>()->value_name("SECONDS"),
        "how long an answer may take while you wait; the other timeouts follow from it");
}

result<void> read_network(options& out, const po::variables_map& given) {
    const auto set = [&](const char* key, const std::string& value) {
        out.network.emplace_back(key, toml_text(value));
    };
    out.tor = given.contains("tor");
    const bool proxied = given.contains("socks") || given.contains("socks-proxy");
    if (out.tor && proxied)
        return wrong(
            "--tor starts a Tor of its own, and -x and --socks-proxy use a proxy that runs: choose one");
    const std::string proxy =
        given.contains("socks-proxy") ? given["socks-proxy"].as<std::string>() : "127.0.0.1:9050";
    if (proxied) {
        if (proxy.empty()) return wrong("--socks-proxy takes an address, for example 127.0.0.1:9050");
        set("socks-proxy", proxy);
    }
    if (given.contains("socks-mode")) {
        PLEXUS_TRY(const auto mode, word(given, "socks-mode", {"always", "onion"}));
        set("socks-mode", mode);
    }
    if (given.contains("host-mode")) {
        PLEXUS_TRY(const auto mode, word(given, "host-mode", {"onion", "public"}));
        set("host-mode", mode == "onion" ? "onion-via-socks" : mode);
    } else if (proxied && proxy.find('@') != std::string::npos) {
        set("host-mode", "public"); // credentials that are given, or none, share circuits
    }
    if (given.contains("required-host-mode")) set("required-host-mode", "on");
    if (given.contains("smp-web-port-servers")) {
        PLEXUS_TRY(const auto which, word(given, "smp-web-port-servers", {"all", "preset", "off"}));
        set("smp-web-port-servers", which);
    } else if (given.contains("smp-web-port")) {
        set("smp-web-port-servers", "all");
    }
    if (given.contains("tcp-timeout")) {
        const auto seconds = given["tcp-timeout"].as<unsigned>();
        if (seconds == 0 || seconds > 120) return wrong("--tcp-timeout takes 1 to 120 seconds");
        for (const auto* kind : {"", "proxied-"}) set_timeout(out, kind, std::uint64_t{seconds} * 1000);
    }
    return {};
}

} // namespace plexus::messenger_app
