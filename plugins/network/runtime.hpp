// What the parts of one network instance share: host services, what is in force, how servers fare, and the
// account of what is under way.
#pragma once

#include "health.hpp"
#include "rules.hpp"

#include "plexus/abi/draft/network.h"
#include "plexus/net/account.hpp"

#include <set>

namespace plexus::network {

class dial;

struct runtime {
    net::account account;
    logger log;
    clock_view clock;
    const plexus_transport* transport = nullptr;
    std::string road_name = "proxy"; ///< how the road through the proxy is called: "socks", "tor"
    current rules;
    network::health health;
    std::vector<std::set<dial*>> waiting; ///< by shard: for saved settings

    nanoseconds wall() const { return clock.wall(); }
};

} // namespace plexus::network
