// The configuration of the tor that we own, as it reads it from its standard input. Used by the supervisor.
#pragma once

#include "plexus/result.hpp"

#include <string>
#include <vector>

namespace plexus::transport_tor {

/// What of the plugin's keys goes to tor.
struct torrc_settings {
    std::vector<std::string> bridges;        ///< "1.2.3.4:443 FINGERPRINT", "obfs4 1.2.3.4:443 ..."
    std::vector<std::string> client_plugins; ///< "obfs4 exec /usr/bin/obfs4proxy"
    std::vector<std::string> more;           ///< any lines
    std::string log_level = "notice";
};

/// INVALID: a line with a line break in it, or one that would take from us what we rely on.
result<void> check_torrc(const torrc_settings& settings);

/// Sockets in `folder`, which is its working folder too; it ends with the process `owner`, and when
/// descriptor `lifeline` closes.
std::string torrc_text(const torrc_settings& settings, const std::string& folder, int owner, int lifeline);

} // namespace plexus::transport_tor
