#include "policy.hpp"

#include "plexus/abi.hpp"

namespace plexus::network {

namespace {

error no_attempt(const std::vector<encoding::host>& hosts, const policy& rules, bool proxied) {
    const auto name = encoding::to_text(hosts);
    const bool has_onion = std::any_of(
        hosts.begin(), hosts.end(), [](const auto& each) { return each.kind == encoding::host_kind::onion; });
    const bool wants_public =
        rules.hosts == host_mode::public_ || (rules.hosts == host_mode::onion_via_socks && !proxied);
    if (rules.required && wants_public)
        return make_error(status::denied,
                          "the server " + name +
                              " has no public address, and required-host-mode refuses others: "
                              "allow .onion addresses, or turn required-host-mode off");
    if (rules.required && !has_onion)
        return make_error(status::denied,
                          "the server " + name +
                              " has no .onion address, and required-host-mode refuses others: "
                              "allow public addresses, or turn required-host-mode off");
    return make_error(
        status::denied,
        "the server " + name +
            " is reached by a .onion address, which takes a SOCKS proxy or Tor: set a proxy with "
            "/network socks=ADDRESS, or start with --tor",
        true);
}

} // namespace

result<std::vector<attempt>> plan(const std::vector<encoding::host>& hosts, const policy& rules,
                                  proxy_state proxy) {
    if (hosts.empty()) return make_error(status::invalid, "a server without hosts cannot be dialed");
    const bool proxied = proxy != proxy_state::none && proxy != proxy_state::off;
    const bool wants_onion =
        rules.hosts == host_mode::onion || (rules.hosts == host_mode::onion_via_socks && proxied);
    const auto is_onion = [&](std::size_t i) { return hosts[i].kind == encoding::host_kind::onion; };

    std::vector<std::size_t> allowed; // the preferred kind first
    for (const bool preferred : {true, false}) {
        if (!preferred && rules.required) break;
        for (std::size_t i = 0; i < hosts.size(); ++i)
            if ((is_onion(i) == wants_onion) == preferred && (proxied || !is_onion(i))) allowed.push_back(i);
    }

    std::vector<attempt> out;
    const auto add = [&](std::size_t host, road by, bool races) {
        if (out.size() == most_attempts) return;
        attempt made{host, by, std::nullopt};
        if (out.empty())
            made.after = nanoseconds(0);
        else if (races && rules.head_start.count() > 0)
            made.after = rules.head_start * static_cast<std::int64_t>(out.size());
        out.push_back(made);
    };
    const auto road_of = [&](std::size_t i) {
        return proxied && (is_onion(i) || rules.socks == socks_mode::always) ? road::proxy : road::direct;
    };
    const bool through = !allowed.empty() && road_of(allowed.front()) == road::proxy;
    if (!through) {
        for (const auto i : allowed) add(i, road_of(i), true);
    } else {
        const bool falls_back = rules.fallback && std::any_of(allowed.begin(), allowed.end(),
                                                              [&](auto i) { return !is_onion(i); });
        // The proxy is known to be down, and there is another road.
        if (proxy != proxy_state::failed || !falls_back) {
            for (const auto i : allowed)
                if (road_of(i) == road::proxy && out.size() + (falls_back ? 1 : 0) < most_attempts)
                    add(i, road::proxy, true);
        }
        if (falls_back)
            for (const auto i : allowed)
                if (!is_onion(i)) add(i, road::direct, out.empty());
    }
    if (out.empty()) return no_attempt(hosts, rules, proxied);
    return out;
}

} // namespace plexus::network
