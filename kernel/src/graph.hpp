// Who is wired to whom, and in which order instances start: a pure function of the configuration and the
// descriptors. Used by the kernel.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "document.hpp"
#include "plexus/abi/plugin.h"

namespace plexus::kernel {

struct wiring_choice {
    std::string instance;
    source_position where;
};

/// One instance as the graph sees it.
struct graph_node {
    std::string name;
    const plexus_descriptor* descriptor;
    source_position where;
    std::map<std::string, wiring_choice> choices; ///< service id to instance, from the table `services`
};

struct graph_edge {
    std::string service;
    std::size_t provider;
    bool required; ///< else used when there
    bool chosen;   ///< by `services`, else as the only provider
};

struct service_graph {
    std::vector<std::vector<graph_edge>> edges; ///< by node
    std::vector<std::size_t> order;             ///< providers of required services before their users
};

/// Reports every edge that is missing, ambiguous or wrong, then cycles of required services. A cycle through
/// services that are only used is none: there the order is free.
service_graph make_graph(const std::vector<graph_node>& nodes, problem_list& problems);

} // namespace plexus::kernel
