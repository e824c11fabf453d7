// Subcommands that plugins offer to programs (plexus.command/1): finding them, and running one in an instance
// of its plugin that is created and never initialised. Used by plexusd and plexus.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plexus/kernel/export.hpp"
#include "plexus/kernel/library.hpp"
#include "plexus/result.hpp"

namespace plexus::kernel {

struct plugin_command {
    plugin_library library;
    const plexus_command_info* info = nullptr;
};

struct offered_commands {
    std::vector<plugin_command> commands; ///< sorted by name
    std::vector<std::string> refused;     ///< why plugins could not be asked
};

/// Loads every plugin of the catalog.
PLEXUS_KERNEL_API offered_commands find_commands(const plugin_catalog& catalog);

struct command_input {
    std::string program;                                      ///< name and version, shown to the plugin
    std::vector<std::pair<std::string, std::string>> options; ///< as typed; a list's name may come again
    std::vector<std::string> arguments;
    /// As in kernel_options, for deployments that it opens.
    std::vector<std::filesystem::path> plugin_folders;
    std::function<void(bool to_error, std::string_view text)> print; ///< the text brings its own newlines
};

/// The command's exit code. kernel_error::command: the options or arguments are wrong (a line each).
PLEXUS_KERNEL_API result<int> run_command(const plugin_command& command, const command_input& input);

/// " (did you mean 'start'?)", or nothing if no known word is near.
PLEXUS_KERNEL_API std::string did_you_mean(std::string_view typed, const std::vector<std::string>& known);

/// "duration, preset 10s, from 1s to 1h": what a value of this key may be, for people.
PLEXUS_KERNEL_API std::string describe_key(const plexus_key& key);

} // namespace plexus::kernel
