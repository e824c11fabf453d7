#include "init_command.hpp"

#include "issue.hpp"
#include "pem.hpp"
#include "server.hpp"

#include "plexus/smp/address.hpp"
#include "plexus/smp/certificates.hpp"

#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace plexus::smp_server {
namespace {

namespace fs = std::filesystem;

constexpr std::array options = {
    plexus_key{"host", PLEXUS_KEY_TEXT_LIST, 0, nullptr, nullptr, 0, 0,
               "name or number under which clients reach the server (may be repeated; preset: localhost)"},
    plexus_key{"port", PLEXUS_KEY_INTEGER, 0, "5223", nullptr, 1, 65'535, "port of the server"},
    plexus_key{"password", PLEXUS_KEY_TEXT, PLEXUS_KEY_SECRET, "", nullptr, 0, 0,
               "clients that create queues must know it, as part of the address"},
    plexus_key{"sign-algorithm", PLEXUS_KEY_TEXT, 0, "ed448", "ed448|ed25519", 0, 0, "of the certificates"},
};

/// The files of a server's folder.
constexpr const char* authority_key_file = "ca.key";
constexpr const char* authority_file = "ca.crt";
constexpr const char* server_key_file = "server.key";
constexpr const char* chain_file = "server.crt";
constexpr const char* config_file = "plexus.toml";
constexpr const char* address_file = "address";

constexpr mode_t for_owner = S_IRUSR | S_IWUSR;
constexpr mode_t for_all = for_owner | S_IRGRP | S_IROTH;

struct wanted {
    std::vector<encoding::host> hosts;
    std::uint16_t port = smp::default_port;
    std::string password;
    crypto::key_type algorithm = crypto::key_type::ed448;
};

result<wanted> read_options(const config_view& from) {
    wanted out;
    for (const auto text : from.list("host")) {
        auto host = encoding::parse_host(text);
        if (!host)
            return make_error(status::invalid, "--host " + std::string(text) + " is no host name or address");
        out.hosts.push_back(std::move(*host));
    }
    if (out.hosts.empty()) out.hosts.push_back({encoding::host_kind::domain, "localhost"});
    out.port = static_cast<std::uint16_t>(from.integer("port").value_or(smp::default_port));
    out.password = std::string(from.text("password").value_or(""));
    if (!smp::is_password(as_bytes(out.password)))
        return make_error(status::invalid, "--password may not have spaces, '@', ':' or '/'");
    if (from.text("sign-algorithm") == "ed25519") out.algorithm = crypto::key_type::ed25519;
    return out;
}

/// Writes a file that is not there; one that is there stays as it is.
result<void> create_file(const fs::path& path, bytes_view content, mode_t mode) {
    const auto part = path.string() + ".new";
    const int file = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (file < 0)
        return make_error(status::io, "cannot write " + part + ": " + std::system_category().message(errno));
    bool ok = true;
    for (auto rest = content; ok && !rest.empty();) {
        const auto written = ::write(file, rest.data(), rest.size());
        ok = written > 0;
        if (ok) rest = rest.subspan(static_cast<std::size_t>(written));
    }
    ok = ok && ::fsync(file) == 0;
    const int why = errno;
    ::close(file);
    if (!ok)
        return make_error(status::io, "cannot write " + part + ": " + std::system_category().message(why));
    // A link does not replace what has come there since.
    const bool linked = ::link(part.c_str(), path.c_str()) == 0 || errno == EEXIST;
    const int link_error = errno;
    ::unlink(part.c_str());
    if (!linked)
        return make_error(status::io, "cannot write " + path.string() + ": " +
                                          std::system_category().message(link_error));
    return {};
}

/// The key in that file, made when there is none.
result<crypto::private_key> key_in(const fs::path& path, crypto::key_type type,
                                   crypto::random_source& random) {
    if (!fs::exists(path)) {
        const auto made = crypto::private_key::generate(type, random);
        PLEXUS_CHECK(create_file(path, private_key_pem(made), for_owner));
    }
    PLEXUS_TRY(const auto pem, read_secret_file(path.string()));
    return private_key_of(as_text(pem));
}

std::string toml_text(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

std::string config_text(const wanted& from) {
    std::string hosts;
    for (const auto& host : from.hosts) hosts += (hosts.empty() ? "" : ", ") + toml_text(host.name);
    std::string out = "# A private SimpleX messaging server. Start it with: plexusd start THIS-FOLDER\n\n"
                      "[plugin.transport-tls]\n\n"
                      "[plugin.store-lmdb]\npath = \"store\"\n\n"
                      "[plugin.smp-server]\n";
    out += "hosts = [" + hosts + "]\n";
    out += "port = " + std::to_string(from.port) + "\n";
    out += "certificate-chain = " + toml_text(chain_file) + "\n";
    out += "private-key = " + toml_text(server_key_file) + "\n";
    if (!from.password.empty()) out += "password = " + toml_text(from.password) + "\n";
    out += "\n# What holds unless it says otherwise; plexusd plugin inspect smp-server explains every key.\n"
           "# new-queues = true\n"
           "# quota = 128\n"
           "# message-lifetime = \"21d\"\n"
           "# suspended-lifetime = \"0s\"\n"
           "# idle-timeout = \"6h\"\n"
           "# max-connections = 100000\n"
           "# max-connections-per-address = 0\n"
           "# memory-limit = 0\n"
           "# proxy = true\n"
           "# proxy-allow-private = false\n";
    return out;
}

class folder {
  public:
    folder(fs::path path, const init_call& call)
        : path_(std::move(path)), call_(call), random_(call.random) {}

    result<void> make(const wanted& from) {
        std::error_code failure;
        fs::create_directories(path_, failure);
        if (failure)
            return make_error(status::io,
                              "cannot make the folder " + path_.string() + ": " + failure.message());
        PLEXUS_TRY(const auto authority, make_authority(from));
        PLEXUS_CHECK(make_chain(from, authority));
        PLEXUS_CHECK(create_file(path_ / config_file, as_bytes(config_text(from)), for_owner));
        smp::server_address address;
        address.fingerprint = smp::fingerprint(authority);
        address.hosts = from.hosts;
        if (from.port != smp::default_port) address.port = std::to_string(from.port);
        address.password = secret_bytes(as_bytes(from.password));
        return create_file(path_ / address_file, as_bytes(smp::to_text(address) + "\n"), for_owner);
    }

    /// The address in the folder, a line.
    result<std::string> address() const {
        PLEXUS_TRY(const auto text, read_file((path_ / address_file).string()));
        return plexus::to_string(text);
    }
    bool is_complete() const { return fs::exists(path_ / address_file); }

  private:
    issue_request request(std::string common_name, std::string organisation) {
        issue_request out;
        out.common_name = std::move(common_name);
        out.organisation = std::move(organisation);
        out.now = std::chrono::duration_cast<std::chrono::seconds>(clock_view(call_.clock).wall());
        out.serial = random_.array<20>();
        return out;
    }

    /// DER of the certificate that the address names.
    result<bytes> make_authority(const wanted& from) {
        const auto file = path_ / authority_file;
        if (!fs::exists(file)) {
            PLEXUS_TRY(const auto key, key_in(path_ / authority_key_file, from.algorithm, random_));
            PLEXUS_TRY(const auto made, issue_authority(request("SMP server CA", "SimpleX"), key));
            PLEXUS_CHECK(create_file(file, as_bytes(certificate_pem(made)), for_all));
        }
        PLEXUS_TRY(const auto pem, read_file(file.string()));
        PLEXUS_TRY(auto all, certificates_of(as_text(pem)));
        return std::move(all.front());
    }

    result<void> make_chain(const wanted& from, const bytes& authority) {
        const auto file = path_ / chain_file;
        if (fs::exists(file)) return {};
        if (!fs::exists(path_ / authority_key_file))
            return make_error(status::not_found, "the certificate of the server is missing, and " +
                                                     (path_ / authority_key_file).string() +
                                                     ", which could sign a new one, is not there");
        PLEXUS_TRY(const auto authority_key, key_in(path_ / authority_key_file, from.algorithm, random_));
        PLEXUS_TRY(const auto key, key_in(path_ / server_key_file, from.algorithm, random_));
        constexpr std::size_t longest_common_name = 64;
        const auto name = from.hosts.front().name.substr(0, longest_common_name);
        PLEXUS_TRY(const auto made,
                   issue_server(request(name, ""), key.public_part(), authority, authority_key));
        return create_file(file, as_bytes(certificate_pem(made) + certificate_pem(authority)), for_all);
    }

    fs::path path_;
    const init_call& call_;
    host_random random_;
};

} // namespace

const std::array<plexus_command_info, 1> init_commands = {
    plexus_command_info{"init", "DIR", 1, 1, options.data(), static_cast<std::uint32_t>(options.size()), 0,
                        "Make the folder of a private messaging server, and print its address"}};

result<std::int32_t> run_command(std::string_view name, const init_call& call) {
    if (name != "init" || call.arguments.size() != 1)
        return make_error(status::invalid,
                          "use it as: plexusd init DIR [--host NAME]... [--port N] [--password P]");
    PLEXUS_TRY(const auto from, read_options(call.options));
    folder where(call.arguments.front(), call);
    if (where.is_complete()) {
        call.print(call.arguments.front() + " holds a server already; nothing is changed. Its address:\n");
    } else {
        PLEXUS_CHECK(where.make(from));
        call.print("The server is in " + call.arguments.front() + ": start it with plexusd start " +
                   call.arguments.front() + ".\nKeep ca.key in a safe place. The address:\n");
    }
    PLEXUS_TRY(const auto address, where.address());
    call.print(address);
    return 0;
}

} // namespace plexus::smp_server
