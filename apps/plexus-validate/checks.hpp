// What plexus-validate asks of every plugin. Each check loads the plugin anew, in a process of its own.
#pragma once

#include "child.hpp"

#include "store_suite.hpp"
#include "transport_suite.hpp"

#include <optional>
#include <span>

namespace plexus::validate {

/// The plugin under test, and how to run it.
struct subject {
    std::filesystem::path file;
    std::string settings;              ///< lines of TOML for its section
    std::string companions;            ///< further sections: what it requires
    std::optional<std::string> config; ///< a whole configuration instead of these two
    std::vector<std::filesystem::path> plugin_folders;
};

struct check {
    const char* name;
    const char* sentence; ///< what holds if it passes
    finding (*run)(const subject& of);
};

std::span<const check> all_checks();

/// "id version" of the plugin.
finding describe(const subject& of);

/// A store plugin as the suite of plexus.store/1 takes it. `bounded` is added to the settings for a small
/// one.
store_target make_store_target(const subject& of, const std::string& bounded);

/// A plugin that connects as the suite of plexus.transport/1 and plexus.carrier/1 takes it.
transport_target make_transport_target(const subject& of, const std::string& peer_path);

} // namespace plexus::validate
