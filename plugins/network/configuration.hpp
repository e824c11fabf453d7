// The keys of the plugin's section, and their values as a change of settings.
#pragma once

#include "settings.hpp"

#include "plexus/abi/plugin.h"
#include "plexus/host.hpp"

#include <span>

namespace plexus::network {

std::span<const plexus_key> configuration_keys() noexcept;

/// What the configuration says outright, as `apply` takes it.
json::object configured(const config_view& config);

} // namespace plexus::network
