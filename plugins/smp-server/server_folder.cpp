#include "server_folder.hpp"

#include "pem.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

#include "plexus/abi.hpp"

namespace plexus::smp_server {

namespace {

error cannot_write(const std::string& path, int why) {
    return make_error(status::io, "cannot write " + path + ": " + std::system_category().message(why));
}

/// A file of that content, on the disk.
result<void> write_file(const std::string& path, bytes_view content, mode_t mode) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (file < 0) return cannot_write(path, errno);
    bool ok = true;
    for (auto rest = content; ok && !rest.empty();) {
        const auto written = ::write(file, rest.data(), rest.size());
        ok = written > 0;
        if (ok) rest = rest.subspan(static_cast<std::size_t>(written));
    }
    ok = ok && ::fsync(file) == 0;
    const int why = errno;
    ::close(file);
    if (!ok) return cannot_write(path, why);
    return {};
}

} // namespace

result<void> create_file(const std::filesystem::path& path, bytes_view content, mode_t mode) {
    const auto part = path.string() + ".new";
    PLEXUS_CHECK(write_file(part, content, mode));
    // A link does not replace what has come there since.
    const bool linked = ::link(part.c_str(), path.c_str()) == 0 || errno == EEXIST;
    const int why = errno;
    ::unlink(part.c_str());
    if (!linked) return cannot_write(path.string(), why);
    return {};
}

result<void> replace_file(const std::filesystem::path& path, bytes_view content, mode_t mode) {
    if (const auto there = read_file(path.string()); there && equal(*there, content)) return {};
    const auto part = path.string() + ".new";
    PLEXUS_CHECK(write_file(part, content, mode));
    if (::rename(part.c_str(), path.c_str()) != 0) return cannot_write(path.string(), errno);
    return {};
}

std::string toml_text(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

std::string config_text(const server_config& from) {
    std::string hosts;
    for (const auto& host : from.hosts) hosts += (hosts.empty() ? "" : ", ") + toml_text(host.name);
    std::string out = "# A private SimpleX messaging server. Start it with: plexusd start THIS-FOLDER\n\n"
                      "[plugin.transport-tls]\n\n";
    if (!from.onion.empty())
        out += "# Starts and owns a tor; its state is kept in this folder.\n"
               "[plugin.transport-tor]\npath = \"tor\"\n\n";
    // Who has no public address does not show one by dialing others.
    const bool hidden = std::all_of(from.hosts.begin(), from.hosts.end(),
                                    [](const auto& host) { return host.kind == encoding::host_kind::onion; });
    out += "# How other servers are reached for private routing: the proxy or tor is for .onion hosts alone\n"
           "# (\"onion\"), or for all (\"always\").\n"
           "[plugin.network]\nhost-mode = \"public\"\nsocks-mode = \"" +
           std::string(hidden ? "always" : "onion") + "\"\n\n";
    out += "[plugin.store-lmdb]\npath = \"store\"\n\n"
           "[plugin.smp-server]\n";
    out += "hosts = [" + hosts + "]\n";
    out += "port = " + std::to_string(from.port) + "\n";
    out += "certificate-chain = " + toml_text(chain_file) + "\n";
    out += "private-key = " + toml_text(server_key_file) + "\n";
    out += "address-file = " + toml_text(address_file) + "\n";
    if (!from.onion.empty()) {
        out += "onion = true\nonion-key = " + toml_text(onion_key_file) + "\n";
        if (from.hosts.empty()) out += "address = \"127.0.0.1\"\n"; // nobody but tor connects
    }
    if (!from.password.empty()) out += "password = " + toml_text(from.password) + "\n";
    return out + from.more +
           "\n# What holds unless it says otherwise; plexusd plugin inspect smp-server explains every key.\n"
           "# new-queues = true\n"
           "# quota = 128\n"
           "# message-lifetime = \"21d\"\n"
           "# suspended-lifetime = \"0s\"\n"
           "# idle-timeout = \"6h\"\n"
           "# max-connections = 100000\n"
           "# max-connections-per-address = 0\n"
           "# memory-limit = 0\n"
           "# proxy = true\n"
           "# proxy-allow-private = false\n"
           "\n# Lets plexusd ctl talk to the server.\n[plugin.smp-admin]\n";
}

std::string address_text(const server_config& from, const smp::key_hash& fingerprint) {
    smp::server_address address;
    address.fingerprint = fingerprint;
    address.hosts = from.hosts;
    if (!from.onion.empty()) address.hosts.push_back({encoding::host_kind::onion, from.onion});
    if (from.port != smp::default_port) address.port = std::to_string(from.port);
    address.password = secret_bytes(as_bytes(from.password));
    return smp::to_text(address) + "\n";
}

} // namespace plexus::smp_server
