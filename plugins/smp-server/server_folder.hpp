// The folder of a server: its files, its configuration, and how a file is made in it. Used by the commands
// that make such folders.
#pragma once

#include "plexus/smp/address.hpp"

#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <vector>

namespace plexus::smp_server {

constexpr const char* authority_key_file = "ca.key";
constexpr const char* authority_file = "ca.crt";
constexpr const char* server_key_file = "server.key";
constexpr const char* chain_file = "server.crt";
constexpr const char* onion_key_file = "onion.key";
constexpr const char* config_file = "plexus.toml";
constexpr const char* address_file = "address";

constexpr mode_t for_owner = S_IRUSR | S_IWUSR;
constexpr mode_t for_all = for_owner | S_IRGRP | S_IROTH;

/// Writes a file that is not there; one that is there stays as it is.
result<void> create_file(const std::filesystem::path& path, bytes_view content, mode_t mode);

/// Writes a file, or replaces one whose content differs, in one step.
result<void> replace_file(const std::filesystem::path& path, bytes_view content, mode_t mode);

std::string toml_text(std::string_view text);

struct server_config {
    std::vector<encoding::host> hosts;
    std::uint16_t port = smp::default_port;
    std::string password; ///< empty: none
    std::string onion;    ///< the name of its onion service; empty: it is none
    std::string more;     ///< lines of the section [plugin.smp-server]
};
std::string config_text(const server_config& from);
/// A line, with the password.
std::string address_text(const server_config& from, const smp::key_hash& fingerprint);

} // namespace plexus::smp_server
