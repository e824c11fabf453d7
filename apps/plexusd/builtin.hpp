// The commands of plexusd itself; all others come from plugins.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace plexus::plexusd {

struct invocation {
    std::vector<std::filesystem::path> plugin_folders; ///< --plugins
    std::string command;
    std::vector<std::string> arguments; ///< what follows the command
};

struct builtin_command {
    std::string_view name;
    std::string_view arguments;
    std::string_view summary;
    std::string_view help;
    int (*run)(const invocation& call);
};

const std::vector<builtin_command>& builtin_commands();

/// "plexusd 0.1.0"
std::string program_name();

} // namespace plexus::plexusd
