// smp-server.ini of an official server, as our configuration has it, and back.
#pragma once

#include "plexus/result.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace plexus::smp_server::official {

/// Values by section and name. Lines that are none are listed by number.
struct ini_file {
    std::map<std::string, std::map<std::string, std::string>> sections;
    std::vector<std::size_t> damaged;

    /// Null if it is not there.
    const std::string* find(const std::string& section, const std::string& name) const;
};
ini_file parse_ini(std::string_view text);

/// What the server of an imported folder is started with.
struct server_settings {
    std::vector<std::string> hosts;
    std::vector<std::string> ports;
    std::string password; ///< empty: none
    bool new_queues = true;
    std::uint64_t message_days = 21;
    std::uint64_t idle_seconds = 0;     ///< 0: not said
    std::vector<std::string> not_taken; ///< "[SECTION] name = value" without a counterpart
};
server_settings settings_of(const ini_file& from);

/// A text that an official server starts with.
std::string ini_text(const server_settings& from);

} // namespace plexus::smp_server::official
