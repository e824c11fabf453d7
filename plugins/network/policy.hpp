// The decision of the network, pure: a server's hosts, the settings and the state of the proxy give the
// attempts to connect, in order. Official rules (simplexmq, chooseTransportHost), with a race and a fallback
// beyond them.
#pragma once

#include "plexus/encoding/text.hpp"
#include "plexus/result.hpp"

#include <chrono>
#include <optional>
#include <vector>

namespace plexus::network {

using std::chrono::nanoseconds;

/// Which hosts are preferred, or with `required` alone dialed.
enum class host_mode : std::uint8_t {
    onion_via_socks, ///< .onion with a proxy, public without
    onion,
    public_
};
/// What goes through the proxy.
enum class socks_mode : std::uint8_t {
    always,
    onion ///< .onion hosts alone
};
/// `none`: no proxy is wired; `off`: one is, and it is switched off.
enum class proxy_state : std::uint8_t { none, off, starting, ready, failed };

struct policy {
    host_mode hosts = host_mode::onion_via_socks;
    bool required = false;
    socks_mode socks = socks_mode::always;
    bool fallback = false; ///< public hosts are dialed directly when the road through the proxy fails
    nanoseconds head_start = std::chrono::seconds(5); ///< of each attempt before the next; 0: no race
    friend bool operator==(const policy&, const policy&) = default;
};

enum class road : std::uint8_t { direct, proxy };

/// An attempt begins when all before it failed, or `after` that long since the first one began.
struct attempt {
    std::size_t host = 0; ///< index
    road by = road::direct;
    std::optional<nanoseconds> after;
    friend bool operator==(const attempt&, const attempt&) = default;
};

/// Attempts that one call makes at most, however many hosts a server has.
inline constexpr std::size_t most_attempts = 6;

/// At least one attempt, or why there is none. A .onion host is only ever reached through the proxy, and
/// nothing that goes through the proxy goes past it but by `fallback`, and never while an attempt through it
/// is under way.
result<std::vector<attempt>> plan(const std::vector<encoding::host>& hosts, const policy& rules,
                                  proxy_state proxy);

} // namespace plexus::network
