#include "network_options.hpp"
#include "passphrase.hpp"

#include <boost/program_options.hpp>

#include <algorithm>
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
        "passphrase of the database; also PLEXUS_PASSPHRASE in the environment");
    add("key-file", po::value<std::string>()->value_name("FILE"),
        "file with the passphrase; - is standard input");
    add("ask-key,K",
        "ask for the passphrase at the terminal, as a start without one does if the database has one");
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
    auto key = take_key_word(argc, argv);
    const auto known = described();
    po::variables_map given;
    // Whole names alone: what take_key_word does not know as -k shall not be one.
    constexpr int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    try {
        const auto parsed = po::command_line_parser(argc, argv).options(known).style(style).run();
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
    out.asks_passphrase = given.contains("ask-key");
    if (given.contains("key") + given.contains("key-file") + given.contains("ask-key") > 1)
        return wrong("-k, --key-file and -K each give the passphrase: choose one");
    auto variable = take_key_variable();
    if (given.contains("key")) {
        if (!key) return wrong("write the passphrase as a word behind -k, or use --key-file or -K");
        out.passphrase = std::move(*key);
    } else if (given.contains("key-file")) {
        PLEXUS_TRY(out.passphrase, read_key_file(given["key-file"].as<std::string>()));
    } else if (variable && !out.asks_passphrase) {
        out.passphrase = std::move(*variable);
    }
    PLEXUS_CHECK(read_network(out, given));
    if (given.contains("socks-proxy"))
        for (int i = 1; i < argc; ++i) conceal(argv[i], given["socks-proxy"].as<std::string>());
    out.log_level = given["log-level"].as<std::string>();
    static constexpr const char* levels[] = {"error", "warning", "info", "debug", "trace"};
    if (std::ranges::find(levels, out.log_level) == std::end(levels))
        return wrong("--log-level " + out.log_level + ": it is one of error, warning, info, debug, trace");
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
