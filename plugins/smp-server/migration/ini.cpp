#include "ini.hpp"

#include <charconv>

namespace plexus::smp_server::official {
namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blank = " \t\r";
    const auto first = text.find_first_not_of(blank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> out;
    for (std::size_t comma = 0; comma != std::string_view::npos;) {
        comma = text.find(',');
        if (const auto one = trimmed(text.substr(0, comma)); !one.empty()) out.emplace_back(one);
        if (comma != std::string_view::npos) text.remove_prefix(comma + 1);
    }
    return out;
}

/// False, and `out` as it was, if the text is no number from 1 on.
bool take_number(const std::string& text, std::uint64_t& out) {
    std::uint64_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    constexpr std::uint64_t most = 100'000'000;
    if (failed != std::errc() || end != text.data() + text.size() || value == 0 || value > most) return false;
    out = value;
    return true;
}

/// How an official server keeps its data, which says nothing about ours.
bool is_about_storage(const std::string& name) {
    return name == "enable" || name == "restore_messages" || name == "store_messages" ||
           name == "store_queues";
}

} // namespace

const std::string* ini_file::find(const std::string& section, const std::string& name) const {
    const auto in = sections.find(section);
    if (in == sections.end()) return nullptr;
    const auto found = in->second.find(name);
    return found == in->second.end() ? nullptr : &found->second;
}

ini_file parse_ini(std::string_view text) {
    ini_file out;
    std::string section;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto end = text.find('\n');
        auto line = trimmed(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.empty() || line.front() == '#' || line.front() == ';') continue;
        if (line.front() == '[' && line.back() == ']') {
            section = line.substr(1, line.size() - 2);
            continue;
        }
        const auto sign = line.find_first_of(":=");
        if (sign == std::string_view::npos || sign == 0) {
            out.damaged.push_back(number);
            continue;
        }
        out.sections[section][std::string(trimmed(line.substr(0, sign)))] = trimmed(line.substr(sign + 1));
    }
    return out;
}

server_settings settings_of(const ini_file& from) {
    server_settings out;
    const auto take = [&](const std::string& section, const std::string& name, const std::string& value) {
        if (section == "TRANSPORT" && name == "host") {
            out.hosts = split(value);
        } else if (section == "TRANSPORT" && name == "port") {
            out.ports = split(value);
        } else if (section == "AUTH" && name == "create_password") {
            out.password = value;
        } else if (section == "AUTH" && name == "new_queues") {
            out.new_queues = value != "off";
        } else if (section == "STORE_LOG" && name == "expire_messages_days") {
            return take_number(value, out.message_days);
        } else if (section == "INACTIVE_CLIENTS" && name == "ttl") {
            return take_number(value, out.idle_seconds);
        } else {
            const bool idle = section == "INACTIVE_CLIENTS" && name == "disconnect" && value == "on";
            return idle || (section == "STORE_LOG" && is_about_storage(name));
        }
        return true;
    };
    for (const auto& [section, values] : from.sections)
        for (const auto& [name, value] : values) {
            if (take(section, name, value)) continue;
            const bool secret = name.find("password") != std::string::npos;
            std::string line = "[";
            line += section + "] " + name + " = " + (secret ? "(a secret)" : value);
            out.not_taken.push_back(std::move(line));
        }
    if (const auto* disconnect = from.find("INACTIVE_CLIENTS", "disconnect");
        disconnect && *disconnect != "on")
        out.idle_seconds = 0;
    return out;
}

std::string ini_text(const server_settings& from) {
    const auto joined = [](const std::vector<std::string>& all) {
        std::string out;
        for (const auto& one : all) out += (out.empty() ? "" : ",") + one;
        return out;
    };
    std::string out = "[STORE_LOG]\nenable = on\nstore_queues = memory\nstore_messages = memory\n"
                      "restore_messages = on\n";
    out += "expire_messages_days = " + std::to_string(from.message_days) + "\n";
    out += "expire_messages_on_start = on\nexpire_messages_on_send = off\nexpire_ntfs_hours = 24\n"
           "log_stats = off\n\n[AUTH]\n";
    out += std::string("new_queues = ") + (from.new_queues ? "on" : "off") + "\n";
    if (!from.password.empty()) out += "create_password = " + from.password + "\n";
    out += "\n[TRANSPORT]\nhost = " + joined(from.hosts) + "\nport = " + joined(from.ports) +
           "\nlog_tls_errors = off\nwebsockets = off\n\n[PROXY]\n\n[INACTIVE_CLIENTS]\ndisconnect = on\n";
    out += "ttl = " + std::to_string(from.idle_seconds == 0 ? 21'600 : from.idle_seconds) + "\n";
    return out + "check_interval = 3600\n\n[WEB]\n";
}

} // namespace plexus::smp_server::official
