#include "options.hpp"

#include "attacker.hpp"

#include "plexus/encoding/text.hpp"

#include <boost/program_options.hpp>

#include <sstream>

namespace plexus::bench {
namespace {

namespace po = boost::program_options;

/// Options that not every workload has.
enum option_set : unsigned {
    connections = 1,
    queues = 2,
    window = 4,
    size = 8,
    time = 16,
    messages = 32,
    soaking = 64,
    command = 128, ///< it starts the server itself
    attacking = 256,
};

struct workload_info {
    const char* name;
    const char* summary;
    unsigned has;
    std::size_t connections;
    std::size_t queues;
    std::uint32_t window;
    unsigned seconds; ///< of time, preset
    std::size_t messages;
    unsigned rounds;
};

/// In the order of `workload`.
constexpr workload_info workloads[] = {
    {"throughput", "messages through many queues, as many as the server takes",
     connections | queues | window | size | time, 8, 64, 4, 10, 0, 1},
    {"latency", "one message at a time: SEND to MSG", size | messages, 2, 1, 1, 0, 2000, 1},
    {"idle", "memory of connections and queues that do nothing, and the cost of a handshake",
     connections | queues, 1000, 10'000, 0, 0, 0, 1},
    {"subscribe", "a client that comes back to all its queues", connections | queues, 1, 10'000, 0, 0, 0, 1},
    {"restart", "start time and memory of a server with many queues", queues | command, 1, 100'000, 0, 0, 0,
     3},
    {"crash", "kill -9 under load: what was acknowledged is there, once",
     connections | queues | window | size | command, 8, 32, 4, 0, 0, 10},
    {"soak", "load with churn for a long time, in intervals", connections | queues | window | size | soaking,
     20, 100, 1, 3600, 0, 1},
    {"attack", "how long others' messages take while somebody attacks the server",
     connections | size | time | attacking, 1000, 1, 0, 5, 0, 1},
};

const workload_info& info(workload what) { return workloads[static_cast<std::size_t>(what)]; }

std::optional<workload> find_workload(std::string_view name) {
    for (std::size_t i = 0; i < std::size(workloads); ++i)
        if (workloads[i].name == name) return static_cast<workload>(i);
    return std::nullopt;
}

po::options_description described(const workload_info& of) {
    po::options_description out("Options");
    auto add = out.add_options();
    auto number = [](const char* name, std::size_t preset) {
        return po::value<std::string>()->value_name(name)->default_value(std::to_string(preset));
    };
    if ((of.has & connections) != 0)
        add("connections,c", number("N", of.connections),
            (of.has & attacking) != 0 ? "of the attacker; a flood comes over a sixteenth of them"
                                      : "connections; half of those of messages receive");
    if ((of.has & queues) != 0) add("queues,q", number("N", of.queues), "queues, dealt to the connections");
    if ((of.has & window) != 0)
        add("window,w", number("N", of.window), "messages under way at once in each queue, 1 to 128");
    if ((of.has & size) != 0)
        add("size", number("BYTES", 0), "the body of a message; 0: the largest that the version allows");
    if ((of.has & time) != 0) add("seconds,s", number("N", of.seconds), "how long to measure");
    if ((of.has & messages) != 0) add("messages,m", number("N", of.messages), "how many to measure");
    if ((of.has & soaking) != 0) {
        add("minutes", number("N", of.seconds / 60), "how long");
        add("seconds,s", po::value<std::string>()->value_name("N"), "how long, instead of minutes");
        add("interval", number("SECONDS", 10), "a line of figures each");
        add("churn", number("PERCENT", 5),
            "how many connections, and how many queues, are replaced in an interval");
        add("rate", number("N", 0), "messages a second at the most; 0: as fast as the server takes them");
        add("csv", po::value<std::string>()->value_name("FILE"), "write the intervals there");
    }
    if ((of.has & attacking) != 0)
        add("kind", po::value<std::string>()->value_name("KIND")->default_value("all"),
            "new, signatures, proxied, half-open, slow, deaf, or all, one after the other");
    add("rounds,r", number("N", of.rounds),
        (of.has & command) != 0 ? "how often" : "measure so often, the servers in turn; the medians count");
    add("auth", po::value<std::string>()->value_name("KIND")->default_value("ed25519"),
        "keys of queues: ed25519, ed448 or x25519");
    add("smp-version", number("N", default_version), "the highest version to agree on");
    add("group", po::value<std::string>()->value_name("GROUP")->default_value("x448"),
        "TLS key share that is offered: x448, as official clients do, or x25519");
    if ((of.has & command) == 0) {
        add("pid", po::value<std::string>()->value_name("PID|NAME"),
            "the server's process; preset: who listens on the port");
        add("vs", po::value<std::string>()->value_name("ADDRESS"),
            "measure this server too, and print ratios");
        add("vs-pid", po::value<std::string>()->value_name("PID|NAME"), "its process");
        add("keep", "leave the queues in the server");
    }
    if ((of.has & command) != 0)
        add("server-log", po::value<std::string>()->value_name("FILE"), "append what the server says");
    add("no-baseline", "do not measure the same work without a server");
    add("remote", "the server may be on another machine; load one that is yours");
    add("json", "print JSON");
    add("help,h", "show this");
    return out;
}

error wrong(const std::string& message) { return error("plexus.bench", 2, message); }

result<std::size_t> number_of(const po::variables_map& given, const char* name, std::size_t least,
                              std::size_t most) {
    const auto text = given[name].as<std::string>();
    const auto value = encoding::parse_decimal(text, most);
    if (!value || *value < least)
        return wrong("--" + std::string(name) + " " + text + " is not from " + std::to_string(least) +
                     " to " + std::to_string(most));
    return static_cast<std::size_t>(*value);
}

result<crypto::key_type> authorization_of(const std::string& text) {
    if (text == "ed25519") return crypto::key_type::ed25519;
    if (text == "ed448") return crypto::key_type::ed448;
    if (text == "x25519") return crypto::key_type::x25519;
    return wrong("--auth " + text + " is not ed25519, ed448 or x25519");
}

result<void> read_amounts(options& out, const po::variables_map& given, const workload_info& of) {
    out.connections = of.connections;
    out.queues = of.queues;
    out.window = of.window;
    out.messages = of.messages;
    if ((of.has & connections) != 0) {
        PLEXUS_TRY(out.connections,
                   number_of(given, "connections", out.what == workload::idle ? 0 : 1, 60'000));
    }
    if ((of.has & queues) != 0) {
        PLEXUS_TRY(out.queues, number_of(given, "queues", out.what == workload::idle ? 0 : 1, 50'000'000));
    }
    if ((of.has & window) != 0) {
        PLEXUS_TRY(const auto value, number_of(given, "window", 1, 128));
        out.window = static_cast<std::uint32_t>(value);
    }
    if ((of.has & size) != 0) {
        PLEXUS_TRY(out.size, number_of(given, "size", 0, 16'088));
    }
    if ((of.has & time) != 0) {
        PLEXUS_TRY(const auto value, number_of(given, "seconds", 1, 86'400));
        out.time = std::chrono::seconds(value);
    }
    if ((of.has & messages) != 0) {
        PLEXUS_TRY(out.messages, number_of(given, "messages", 1, 100'000'000));
    }
    if ((of.has & soaking) != 0) {
        PLEXUS_TRY(const auto minutes, number_of(given, "minutes", 1, 100'000));
        PLEXUS_TRY(const auto interval, number_of(given, "interval", 1, 3600));
        PLEXUS_TRY(const auto churn, number_of(given, "churn", 0, 100));
        out.time = std::chrono::minutes(minutes);
        if (given.contains("seconds")) {
            PLEXUS_TRY(const auto seconds, number_of(given, "seconds", 1, 86'400));
            out.time = std::chrono::seconds(seconds);
        }
        out.interval = std::chrono::seconds(interval);
        PLEXUS_TRY(const auto rate, number_of(given, "rate", 0, 1'000'000));
        out.churn = static_cast<unsigned>(churn);
        out.rate = static_cast<unsigned>(rate);
        if (given.contains("csv")) out.csv = given["csv"].as<std::string>();
    }
    if ((of.has & attacking) != 0) {
        const auto kind = given["kind"].as<std::string>();
        if (kind != "all") out.attack = kind;
        if (kind != "all" && std::find(attack_names.begin(), attack_names.end(), kind) == attack_names.end())
            return wrong("--kind " + kind + " is not new, signatures, proxied, half-open, slow, deaf or all");
    }
    PLEXUS_TRY(const auto rounds, number_of(given, "rounds", 1, 10'000));
    out.rounds = static_cast<unsigned>(rounds);
    return {};
}

result<void> read_servers(options& out, const po::variables_map& given) {
    PLEXUS_TRY(out.authorization, authorization_of(given["auth"].as<std::string>()));
    PLEXUS_TRY(const auto version,
               number_of(given, "smp-version", smp::supported_versions.min, smp::supported_versions.max));
    out.server.version = static_cast<smp::version>(version);
    const auto group = given["group"].as<std::string>();
    if (group != "x448" && group != "x25519") return wrong("--group " + group + " is not x448 or x25519");
    out.server.group = group == "x448" ? key_group::x448 : key_group::x25519;
    out.server.remote = given.contains("remote");
    if (out.authorization == crypto::key_type::x25519 && out.server.version < smp::since::implied_session)
        return wrong("--auth x25519 needs --smp-version 7 or higher");
    out.server.address = given["address"].as<std::string>();
    if (given.contains("pid")) out.server.process = given["pid"].as<std::string>();
    if (given.contains("vs")) {
        out.other = out.server;
        out.other->address = given["vs"].as<std::string>();
        out.other->process = given.contains("vs-pid") ? given["vs-pid"].as<std::string>() : "";
    } else if (given.contains("vs-pid")) {
        return wrong("--vs-pid says whose process --vs is, which is missing");
    }
    return {};
}

} // namespace

const char* name_of(workload what) noexcept { return info(what).name; }

result<options> parse_options(const std::vector<std::string>& words) {
    options out;
    const std::string first = words.empty() ? "" : words.front();
    if (first == "--help" || first == "-h") {
        out.help = true;
        return out;
    }
    if (first == "--version" || first == "-v") {
        out.version = true;
        return out;
    }
    const auto what = find_workload(first);
    if (!what)
        return wrong((first.empty() ? "which workload?" : "there is no workload '" + first + "'") +
                     std::string(" plexus-bench --help lists them"));
    out.what = *what;
    const auto& of = info(*what);
    // What follows "--" starts the server.
    const auto dashes = std::find(words.begin(), words.end(), "--");
    const std::vector<std::string> own(words.begin() + 1, dashes);
    if (dashes != words.end()) out.command.assign(dashes + 1, words.end());
    po::variables_map given;
    try {
        auto all = described(of);
        all.add_options()("address", po::value<std::string>());
        po::positional_options_description positions;
        positions.add("address", 1);
        po::store(po::command_line_parser(own).options(all).positional(positions).run(), given);
        po::notify(given);
    } catch (const po::error& failure) {
        return wrong(std::string(failure.what()) + "; see plexus-bench " + of.name + " --help");
    }
    out.help = given.contains("help");
    if (out.help) return out;
    if (!given.contains("address"))
        return wrong("which server? Give its address, smp://FINGERPRINT@HOST[:PORT]");
    PLEXUS_CHECK(read_amounts(out, given, of));
    PLEXUS_CHECK(read_servers(out, given));
    out.json = given.contains("json");
    out.baseline = !given.contains("no-baseline");
    out.keep = given.contains("keep");
    if (given.contains("server-log")) out.server_log = given["server-log"].as<std::string>();
    const bool starts = (of.has & command) != 0;
    if (starts && out.command.empty())
        return wrong(std::string(of.name) + " starts and stops the server: say how after '--', for example "
                                            "-- plexusd start DIR");
    if (!starts && !out.command.empty()) return wrong(std::string(of.name) + " starts no server");
    return out;
}

std::vector<std::pair<std::string, std::string>> options::shown() const {
    const auto& of = info(what);
    std::vector<std::pair<std::string, std::string>> out;
    if ((of.has & ::plexus::bench::connections) != 0)
        out.emplace_back("connections", std::to_string(connections));
    if ((of.has & ::plexus::bench::queues) != 0) out.emplace_back("queues", std::to_string(queues));
    if ((of.has & ::plexus::bench::window) != 0) out.emplace_back("window", std::to_string(window));
    if ((of.has & ::plexus::bench::size) != 0)
        out.emplace_back("size", size == 0 ? "full" : std::to_string(size));
    if (!attack.empty()) out.emplace_back("kind", attack);
    if (time.count() > 0) out.emplace_back("seconds", std::to_string(time.count()));
    if ((of.has & soaking) != 0) out.emplace_back("churn", std::to_string(churn));
    if (rate > 0) out.emplace_back("rate", std::to_string(rate));
    if (rounds > 1) out.emplace_back("rounds", std::to_string(rounds));
    out.emplace_back("auth", authorization == crypto::key_type::x25519  ? "x25519"
                             : authorization == crypto::key_type::ed448 ? "ed448"
                                                                        : "ed25519");
    out.emplace_back("smp-version", std::to_string(server.version));
    out.emplace_back("group", server.group == key_group::x448 ? "x448" : "x25519");
    return out;
}

std::string usage(const std::vector<std::string>& words) {
    std::ostringstream out;
    const auto what = words.empty() ? std::nullopt : find_workload(words.front());
    if (what) {
        const auto& of = info(*what);
        const bool starts = (of.has & command) != 0;
        out << "plexus-bench " << of.name << " [OPTIONS] ADDRESS" << (starts ? " -- COMMAND..." : "") << "\n"
            << of.summary << "\n\n"
            << described(of);
        if (starts)
            out << "\nCOMMAND starts the server in the foreground; it is started and stopped as needed.\n";
        return out.str();
    }
    out << "plexus-bench WORKLOAD [OPTIONS] ADDRESS: puts load on an SMP server, any, and says what it "
           "costs.\n\n";
    for (const auto& one : workloads) {
        std::string name = one.name;
        name.resize(12, ' ');
        out << "  " << name << one.summary << "\n";
    }
    out << "\nADDRESS is smp://FINGERPRINT[:PASSWORD]@HOST[:PORT]. plexus-bench WORKLOAD --help lists its "
           "options.\n"
           "Exit code 0: measured; 1: an error, or messages were lost or doubled; 2: wrong usage.\n";
    return out.str();
}

} // namespace plexus::bench
