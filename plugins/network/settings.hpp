// The settings of the network: their presets, and their JSON, which is the official bot API's networkConfig
// with more members.
#pragma once

#include "policy.hpp"

#include <boost/json/object.hpp>

#include <string>

namespace plexus::network {

namespace json = boost::json;
using std::chrono::microseconds;

/// What shares circuits: all of a profile, all of a run of the program, of a server, or of an entity.
enum class session_mode : std::uint8_t { user, session, server, entity };
/// Servers dialed on port 443 if their address names none.
enum class web_ports : std::uint8_t { all, preset, off };

struct timeout {
    microseconds background{};
    microseconds interactive{};
    friend bool operator==(const timeout&, const timeout&) = default;
};
struct timeouts {
    timeout connect;
    timeout response;
    microseconds per_kilobyte{};
    friend bool operator==(const timeouts&, const timeouts&) = default;
};
struct keep_alive {
    std::uint32_t idle = 30; ///< seconds
    std::uint32_t interval = 15;
    std::uint32_t count = 4;
    friend bool operator==(const keep_alive&, const keep_alive&) = default;
};

struct settings {
    std::optional<std::string> proxy; ///< in the official form; none: off
    policy rules;
    session_mode sessions = session_mode::session;
    web_ports web = web_ports::preset;
    timeouts plain;
    timeouts proxied;
    std::optional<keep_alive> alive = keep_alive();
    microseconds ping_interval = std::chrono::minutes(10); ///< 0: no PING
    std::uint32_t ping_count = 3;
    microseconds reconnect_least = std::chrono::seconds(1);
    microseconds reconnect_most = std::chrono::minutes(1);

    settings();
    friend bool operator==(const settings&, const settings&) = default;
};

/// Whether connections made under `before` may be kept under `after`.
bool same_roads(const settings& before, const settings& after);

/// What is off is null. `proxied`: whether the members of the official shape that hold timeouts are those of
/// connections through a proxy. `managed`: there is no address of a proxy.
json::object to_json(const settings& from, bool proxied, bool managed);
/// Takes what `change` names into `into`. Errors name the member, its value and what it can be; `into` is
/// then what it was. `managed`: the proxy has no address to set, and is always on (Tor).
result<void> apply(settings& into, const json::object& change, bool managed);

} // namespace plexus::network
