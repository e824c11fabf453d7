#include "network_options.hpp"

#include <boost/program_options.hpp>

#include <cstdlib>
#include <cstring>
#include <sstream>

namespace plexus::messenger_app {
namespace {

namespace po = boost::program_options;

po::options_description described() {
    po::options_description out("Options");
    auto add = out.add_options();
    add("database,d", po::value<std::string>()->value_name("PREFIX"),
        "the database stands in the folder PREFIX_db (preset: ~/.plexus/plexus)");
    add("server,s", po::value<std::vector<std::string>>()->composing()->value_name("SERVER"),
        "an SMP server to receive messages from, smp://FINGERPRINT@HOST[:PORT] (may be repeated)");
    add("execute,e", po::value<std::string>()->value_name("CMD"),
        "run one command, for example '@ann hello', and end; a plexus that runs on this database does the "
        "work");
    add("time,t", po::value<unsigned>()->value_name("SECONDS"),
        "with -e: how long to wait for the server or for the contact (preset: 30 for the server's OK)");
    add("key,k", po::value<std::string>()->value_name("PASSPHRASE"),
        "passphrase of the database; PLEXUS_PASSPHRASE in the environment keeps it out of the list of "
        "processes");
    describe_network(out);
    add("log-level,l", po::value<std::string>()->value_name("LEVEL")->default_value("warning"),
        "error, warning, info, debug or trace, to PREFIX_db.log");
    add("plugins", po::value<std::vector<std::string>>()->composing()->value_name("DIR"),
        "a further folder with plugins, searched first (may be repeated)");
    add("help,h", "show this");
    add("version,v", "show the version");
    return out;
}

std::filesystem::path home() {
    const char* folder = std::getenv("HOME");
    return folder != nullptr && *folder != '\0' ? folder : ".";
}

/// Overwrites the end of `word` that is `secret`: others can read the words of a process.
void conceal(char* word, const std::string& secret) {
    const std::size_t size = std::strlen(word);
    if (secret.empty() || size < secret.size()) return;
    char* const end = word + (size - secret.size());
    if (end == secret && (end == word || *word == '-')) std::memset(end, '*', secret.size());
}

error wrong(const std::string& message) { return error("plexus.app", 1, message); }

} // namespace

result<options> parse_options(int argc, char** argv) {
    options out;
    const auto known = described();
    po::variables_map given;
    try {
        const auto parsed = po::command_line_parser(argc, argv).options(known).run();
        for (const auto& one : parsed.options)
            if (one.position_key >= 0)
                return wrong("'" + one.original_tokens.front() +
                             "' is no option; a command goes behind -e, and plexus --help lists the options");
        po::store(parsed, given);
        po::notify(given);
    } catch (const po::error& failure) {
        return wrong(std::string(failure.what()) + "; plexus --help lists the options");
    }
    out.help = given.contains("help");
    out.version = given.contains("version");
    out.database = given.contains("database") ? std::filesystem::path(given["database"].as<std::string>())
                                              : home() / ".plexus" / "plexus";
    if (out.database.filename().empty())
        return wrong("-d takes a prefix, for example -d " + out.database.string() + "me");
    if (given.contains("server")) out.servers = given["server"].as<std::vector<std::string>>();
    if (given.contains("execute")) out.command = given["execute"].as<std::string>();
    if (given.contains("time")) out.seconds = given["time"].as<unsigned>();
    if (out.seconds && !out.command) return wrong("-t says how long to wait with -e, which is missing");
    if (given.contains("key")) {
        out.passphrase = given["key"].as<std::string>();
        for (int i = 1; i < argc; ++i) conceal(argv[i], out.passphrase);
    } else if (char* passphrase = std::getenv("PLEXUS_PASSPHRASE"); passphrase != nullptr) {
        out.passphrase = passphrase;
        conceal(passphrase, out.passphrase);
    }
    PLEXUS_CHECK(read_network(out, given));
    if (given.contains("socks-proxy"))
        for (int i = 1; i < argc; ++i) conceal(argv[i], given["socks-proxy"].as<std::string>());
    out.log_level = given["log-level"].as<std::string>();
    if (given.contains("plugins"))
        for (const auto& folder : given["plugins"].as<std::vector<std::string>>())
            out.plugin_folders.emplace_back(folder);
    return out;
}

std::string usage() {
    std::ostringstream out;
    out << "plexus [OPTIONS]: a messenger for SimpleX at the terminal. /help in it lists its commands.\n\n"
        << described();
    return out.str();
}

} // namespace plexus::messenger_app
