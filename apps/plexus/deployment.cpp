#include "deployment.hpp"

#include <sstream>

namespace plexus::messenger_app {

std::string toml_text(const std::string& text) {
    static constexpr char hex[] = "0123456789abcdef";
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
            out += "\\u00";
            out.push_back(hex[(c >> 4) & 15]);
            out.push_back(hex[c & 15]);
        } else {
            out.push_back(c);
        }
    }
    return out + "\"";
}

std::string deployment(const options& given) {
    std::ostringstream out;
    out << "[kernel]\nshards = 1\n"
        << "log.level = " << toml_text(given.log_level) << "\n"
        << "[plugin.store-lmdb]\npath = " << toml_text(given.folder().string()) << "\n"
        << "[plugin.transport-tls]\n"
        << (given.tor
                ? "[plugin.transport-tor]\npath = " + toml_text((given.folder() / "tor").string()) + "\n"
                : std::string("[plugin.transport-socks]\nproxy = \"off\"\n"))
        << "[plugin.network]\nwait-for-settings = true\n";
    for (const auto& [key, value] : given.network) out << key << " = " << value << "\n";
    out << "[plugin.agent]\n";
    if (!given.servers.empty()) {
        out << "servers = [";
        for (const auto& server : given.servers) out << toml_text(server) << ", ";
        out << "]\n";
    }
    out << "[plugin.chat]\n";
    out << "[plugin.ui-terminal]\nsocket = " << toml_text(given.socket().string()) << "\n";
    if (given.command) {
        out << "interactive = false\ncommand = " << toml_text(*given.command) << "\n";
        if (given.seconds) {
            // 0 is for ever, as in the official app.
            const auto seconds = *given.seconds == 0 ? 86400 : *given.seconds;
            out << "patience = \"" << seconds << "s\"\nlinger = \"" << seconds << "s\"\n";
        }
    }
    return out.str();
}

} // namespace plexus::messenger_app
