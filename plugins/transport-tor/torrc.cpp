#include "torrc.hpp"

#include "data_folder.hpp"

#include "plexus/abi.hpp"
#include "plexus/tor_control/text.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace plexus::transport_tor {
namespace {

/// Options that are ours: with others of these tor would be out of reach, outlive us or give up anonymity.
constexpr std::array<std::string_view, 12> reserved = {"datadirectory",
                                                       "controlport",
                                                       "controlsocket",
                                                       "cookieauthentication",
                                                       "cookieauthfile",
                                                       "runasdaemon",
                                                       "__owningcontrollerprocess",
                                                       "__owningcontrollerfd",
                                                       "hiddenservicesinglehopmode",
                                                       "hiddenservicenonanonymousmode",
                                                       "disablenetwork",
                                                       "hashedcontrolpassword"};

std::string option_of(std::string_view line) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t+/"), line.size()));
    std::string out(line.substr(0, line.find_first_of(" \t")));
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

result<void> check_line(const char* key, const std::string& line) {
    const bool broken =
        std::any_of(line.begin(), line.end(), [](unsigned char c) { return c < 32 && c != '\t'; });
    if (broken || line.empty() || line.back() == '\\')
        return make_error(status::invalid, std::string(key) + ": \"" + tor_control::printable(line, 80) +
                                               "\" is not one line");
    return {};
}

} // namespace

result<void> check_torrc(const torrc_settings& settings) {
    for (const auto& line : settings.bridges) PLEXUS_CHECK(check_line("bridges", line));
    for (const auto& line : settings.client_plugins)
        PLEXUS_CHECK(check_line("client-transport-plugins", line));
    for (const auto& line : settings.more) {
        PLEXUS_CHECK(check_line("torrc", line));
        const auto option = option_of(line);
        if (option.starts_with('%') || std::find(reserved.begin(), reserved.end(), option) != reserved.end())
            return make_error(status::invalid, "torrc: " + option + " is not to be set here");
    }
    return {};
}

std::string torrc_text(const torrc_settings& settings, const std::string& folder, int owner, int lifeline) {
    // tor wants absolute paths of its sockets, and these have at most 107 bytes, whatever the folder is
    // called.
    const std::string here = "unix:/proc/self/cwd/./";
    std::string out;
    const auto line = [&out](const std::string& text) { out += text + "\n"; };
    line("DataDirectory " + tor_control::quoted(folder));
    line("ControlPort " + here + control_socket);
    line("CookieAuthentication 1");
    line("SocksPort " + here + socks_socket + " ExtendedErrors IsolateSOCKSAuth");
    line("__OwningControllerProcess " + std::to_string(owner));
    line("__OwningControllerFD " + std::to_string(lifeline));
    line("ClientOnly 1");
    line("Log " + settings.log_level + " stdout");
    if (!settings.bridges.empty()) line("UseBridges 1");
    for (const auto& each : settings.client_plugins) line("ClientTransportPlugin " + each);
    for (const auto& each : settings.bridges) line("Bridge " + each);
    for (const auto& each : settings.more) line(each);
    return out;
}

} // namespace plexus::transport_tor
