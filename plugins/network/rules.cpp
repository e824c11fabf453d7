#include "rules.hpp"

namespace plexus::network {

std::string isolation_of(const in_force& now, std::string_view profile, std::string_view server,
                         std::string_view entity) {
    std::string out(profile);
    if (now.set.sessions == session_mode::user) return out;
    out += ":" + now.nonce;
    if (now.set.sessions == session_mode::session) return out;
    out += "@";
    out += server;
    if (now.set.sessions == session_mode::server) return out;
    out += "/";
    out += entity;
    return out;
}

} // namespace plexus::network
