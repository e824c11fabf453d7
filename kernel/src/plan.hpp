// From the text of a configuration to everything the kernel needs to create instances, or to the list of all
// that is wrong with it. Nothing is created here; plugins are only loaded and asked for their descriptors.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "graph.hpp"
#include "plexus/kernel/kernel.hpp"
#include "plexus/kernel/library.hpp"
#include "values.hpp"

namespace plexus::kernel {

struct planned_instance {
    std::string name;
    plugin_library library;
    std::unique_ptr<value_set> values;
};

struct plan {
    std::unique_ptr<value_set> settings; ///< of [kernel]
    std::vector<planned_instance> instances;
    service_graph graph; ///< of the instances, by index
};

/// `built_in` and `plugin_folders` of the options matter.
result<plan> make_plan(const config_source& config, const kernel_options& options);

/// Those instances and the ones that they require.
plan part_of(plan whole, const std::vector<std::string>& names);

} // namespace plexus::kernel
