#include "init_command.hpp"

#include "issue.hpp"
#include "migration/import.hpp"
#include "onion.hpp"
#include "pem.hpp"
#include "server.hpp"
#include "server_folder.hpp"

#include "plexus/smp/address.hpp"
#include "plexus/smp/certificates.hpp"

#include <filesystem>
#include <system_error>

namespace plexus::smp_server {
namespace {

namespace fs = std::filesystem;

constexpr std::array options = {
    plexus_key{"host", PLEXUS_KEY_TEXT_LIST, 0, nullptr, nullptr, 0, 0,
               "name or number under which clients reach the server (may be repeated; preset: localhost)"},
    plexus_key{"port", PLEXUS_KEY_INTEGER, 0, "5223", nullptr, 1, 65'535, "port of the server"},
    plexus_key{"password", PLEXUS_KEY_TEXT, PLEXUS_KEY_SECRET, "", nullptr, 0, 0,
               "clients that create queues must know it, as part of the address"},
    plexus_key{"tor", PLEXUS_KEY_BOOLEAN, 0, "false", nullptr, 0, 0,
               "publish it as an onion service of Tor; without --host it can be reached by that alone"},
    plexus_key{"sign-algorithm", PLEXUS_KEY_TEXT, 0, "ed448", "ed448|ed25519", 0, 0, "of the certificates"},
};

constexpr std::array import_options = {
    plexus_key{"strict", PLEXUS_KEY_BOOLEAN, 0, "false", nullptr, 0, 0,
               "refuse everything when a line is damaged, instead of leaving that line out"},
};

struct wanted : server_config {
    crypto::key_type algorithm = crypto::key_type::ed448;
    bool tor = false;
};

result<wanted> read_options(const config_view& from) {
    wanted out;
    for (const auto text : from.list("host")) {
        auto host = encoding::parse_host(text);
        if (!host)
            return make_error(status::invalid, "--host " + std::string(text) + " is no host name or address");
        out.hosts.push_back(std::move(*host));
    }
    out.tor = from.boolean("tor");
    if (out.hosts.empty() && !out.tor) out.hosts.push_back({encoding::host_kind::domain, "localhost"});
    out.port = static_cast<std::uint16_t>(from.integer("port").value_or(smp::default_port));
    out.password = std::string(from.text("password").value_or(""));
    if (!smp::is_password(as_bytes(out.password)))
        return make_error(status::invalid, "--password may not have spaces, '@', ':' or '/'");
    if (from.text("sign-algorithm") == "ed25519") out.algorithm = crypto::key_type::ed25519;
    return out;
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

class folder {
  public:
    folder(fs::path path, const init_call& call)
        : path_(std::move(path)), call_(call), random_(call.random) {}

    result<void> make(wanted from) {
        std::error_code failure;
        fs::create_directories(path_, failure);
        if (failure)
            return make_error(status::io,
                              "cannot make the folder " + path_.string() + ": " + failure.message());
        if (from.tor) {
            PLEXUS_TRY(from.onion, onion_name((path_ / onion_key_file).string(), random_));
        }
        PLEXUS_TRY(const auto authority, make_authority(from));
        PLEXUS_CHECK(make_chain(from, authority));
        PLEXUS_CHECK(create_file(path_ / config_file, as_bytes(config_text(from)), for_owner));
        return create_file(path_ / address_file, as_bytes(address_text(from, smp::fingerprint(authority))),
                           for_owner);
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
        const auto& first = from.hosts.empty() ? from.onion : from.hosts.front().name;
        const auto name = first.substr(0, longest_common_name);
        PLEXUS_TRY(const auto made,
                   issue_server(request(name, ""), key.public_part(), authority, authority_key));
        return create_file(file, as_bytes(certificate_pem(made) + certificate_pem(authority)), for_all);
    }

    fs::path path_;
    const init_call& call_;
    host_random random_;
};

} // namespace

const std::array<plexus_command_info, 3> init_commands = {
    plexus_command_info{"init", "DIR", 1, 1, options.data(), static_cast<std::uint32_t>(options.size()), 0,
                        "Make the folder of a private messaging server, and print its address"},
    plexus_command_info{"import", "OFFICIAL_DIR... DIR", 2, 5, import_options.data(),
                        static_cast<std::uint32_t>(import_options.size()), 0,
                        "Make a server's folder from those of an official SMP server, which must be stopped"},
    plexus_command_info{"export", "DIR TARGET", 2, 2, nullptr, 0, 0,
                        "Write the folders of an official SMP server from those of a stopped server"}};

result<std::int32_t> run_command(std::string_view name, const init_call& call) {
    if (name == "import") return run_import(call);
    if (name == "export") return run_export(call);
    if (name != "init" || call.arguments.size() != 1)
        return make_error(status::invalid,
                          "use it as: plexusd init DIR [--host NAME]... [--port N] [--password P] [--tor]");
    PLEXUS_TRY(const auto from, read_options(call.options));
    folder where(call.arguments.front(), call);
    if (where.is_complete()) {
        call.print(call.arguments.front() + " holds a server already; nothing is changed. Its address:\n");
    } else {
        PLEXUS_CHECK(where.make(from));
        call.print("The server is in " + call.arguments.front() + ": start it with plexusd start " +
                   call.arguments.front() + ".\nKeep ca.key " + (from.tor ? "and onion.key " : "") +
                   "in a safe place. The address:\n");
    }
    PLEXUS_TRY(const auto address, where.address());
    call.print(address);
    return 0;
}

} // namespace plexus::smp_server
