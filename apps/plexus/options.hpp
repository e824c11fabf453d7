// The command line of plexus, as the official terminal app has it.
#pragma once

#include "plexus/result.hpp"
#include "plexus/secret.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace plexus::messenger_app {

struct options {
    std::filesystem::path database;     ///< prefix; the data stand in PREFIX_db
    std::vector<std::string> servers;   ///< empty: those of the agent's preset
    secret_bytes passphrase;            ///< empty: none was given
    bool asks_passphrase = false;       ///< ask at the terminal
    std::optional<std::string> command; ///< run this alone
    std::optional<unsigned> seconds;    ///< how long to wait with it
    std::vector<std::filesystem::path> plugin_folders;
    /// Keys of the network's section that the command line sets, and their values as TOML has them.
    std::vector<std::pair<std::string, std::string>> network;
    bool tor = false; ///< a Tor of our own
    std::string log_level = "warning";
    bool help = false;
    bool version = false;

    std::filesystem::path folder() const { return database.string() + "_db"; }
    std::filesystem::path socket() const { return folder() / "control.sock"; }
};

/// Errors say what is wrong with the command line. A passphrase in `argv` or in the environment is
/// overwritten.
result<options> parse_options(int argc, char** argv);
std::string usage();

} // namespace plexus::messenger_app
