// plexus-validate: checks a plugin against the rules of the interface, each check in a process of its own.
#include "checks.hpp"

#include <boost/json.hpp>
#include <boost/program_options.hpp>
#include <iostream>
#include <stdlib.h>

namespace plexus::validate {
namespace {

namespace po = boost::program_options;

enum exit_code { all_passed = 0, some_failed = 1, wrong_usage = 2 };

struct row {
    std::string name;
    std::string sentence;
    finding found;
};

class report {
  public:
    explicit report(bool json) : json_(json) {}

    void begin(const std::filesystem::path& file, const std::string& title) {
        file_ = file;
        title_ = title;
        if (!json_) std::cout << file.string() << " (" << title << ")\n";
    }
    void add(row one) {
        if (!json_) print(one);
        rows_.push_back(std::move(one));
    }
    int finish() const {
        std::size_t passed = 0;
        std::size_t failed = 0;
        std::size_t skipped = 0;
        for (const auto& one : rows_) {
            passed += one.found.outcome == verdict::passed ? 1 : 0;
            failed += one.found.outcome == verdict::failed ? 1 : 0;
            skipped += one.found.outcome == verdict::skipped ? 1 : 0;
        }
        if (json_)
            std::cout << json() << '\n';
        else
            std::cout << passed << " passed, " << failed << " failed, " << skipped << " skipped\n";
        return failed == 0 ? all_passed : some_failed;
    }

  private:
    static const char* word(verdict outcome) {
        if (outcome == verdict::passed) return "ok";
        return outcome == verdict::failed ? "FAILED" : "skipped";
    }
    static void print(const row& one) {
        std::string left = one.name;
        left.resize(std::max<std::size_t>(34, left.size() + 1), ' ');
        std::cout << "  " << left << word(one.found.outcome) << '\n';
        std::string line;
        std::istringstream text(one.found.text);
        while (std::getline(text, line)) std::cout << "      " << line << '\n';
        std::cout << std::flush;
    }
    std::string json() const {
        boost::json::array list;
        for (const auto& one : rows_)
            list.push_back({{"name", one.name},
                            {"sentence", one.sentence},
                            {"outcome", one.found.outcome == verdict::passed   ? "passed"
                                        : one.found.outcome == verdict::failed ? "failed"
                                                                               : "skipped"},
                            {"text", one.found.text}});
        return boost::json::serialize(
            boost::json::object{{"file", file_.string()}, {"plugin", title_}, {"checks", std::move(list)}});
    }

    bool json_;
    std::filesystem::path file_;
    std::string title_;
    std::vector<row> rows_;
};

/// A folder for one case, removed at its end.
class case_folder {
  public:
    case_folder() {
        std::string name = (std::filesystem::temp_directory_path() / "plexus-validate-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder in " + name);
        path_ = name;
    }
    case_folder(const case_folder&) = delete;
    case_folder& operator=(const case_folder&) = delete;
    ~case_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    const std::filesystem::path& path() const noexcept { return path_; }

  private:
    std::filesystem::path path_;
};

finding to_finding(const case_report& ended) {
    switch (ended.outcome) {
    case case_outcome::passed: return {};
    case case_outcome::skipped: return {verdict::skipped, ended.text};
    case case_outcome::failed: break;
    }
    return {verdict::failed, ended.text};
}

void list_checks() {
    const auto print = [](const std::string& name, const char* sentence) {
        std::string left = name;
        left.resize(std::max<std::size_t>(36, left.size() + 1), ' ');
        std::cout << left << sentence << '\n';
    };
    for (const auto& one : all_checks()) print(one.name, one.sentence);
    for (const auto& one : store_cases()) print("store." + std::string(one.name), one.sentence);
    for (const auto& one : transport_cases()) print("transport." + std::string(one.name), one.sentence);
}

std::string all_lines(const po::variables_map& given, const char* name) {
    std::string out;
    if (given.count(name) != 0)
        for (const auto& one : given[name].as<std::vector<std::string>>()) out += one + "\n";
    return out;
}

std::string companions(const po::variables_map& given) {
    std::string out;
    if (given.count("with") == 0) return out;
    for (const auto& one : given["with"].as<std::vector<std::string>>()) {
        const auto colon = one.find(':');
        out += "[plugin." + one.substr(0, colon) + "]\n";
        if (colon != std::string::npos) out += one.substr(colon + 1) + "\n";
    }
    return out;
}

int usage(const std::string& text) {
    std::cerr << "plexus-validate: " << text << "\nsee plexus-validate --help\n";
    return wrong_usage;
}

int validate(const po::variables_map& given) {
    subject of;
    std::error_code missing;
    of.file = std::filesystem::canonical(given["file"].as<std::string>(), missing);
    if (missing) return usage("cannot read " + given["file"].as<std::string>() + ": " + missing.message());
    of.settings = all_lines(given, "set");
    of.companions = companions(given);
    if (given.count("config") != 0) of.config = given["config"].as<std::string>();
    if (given.count("plugins") != 0)
        for (const auto& one : given["plugins"].as<std::vector<std::string>>())
            of.plugin_folders.emplace_back(one);
    if (of.config && !(of.settings + of.companions).empty())
        return usage("--config is a whole configuration: --set and --with go into it");
    const std::string suite = given.count("suite") != 0 ? given["suite"].as<std::string>() : "";
    if (!suite.empty() && suite != "store" && suite != "transport")
        return usage("there is no suite '" + suite + "'; there are store and transport");
    const std::string only = given.count("only") != 0 ? given["only"].as<std::string>() : "";
    const std::chrono::seconds limit(given["timeout"].as<unsigned>());
    const auto wanted = [&](const std::string& name) { return name.find(only) != std::string::npos; };

    report out(given.count("json") != 0);
    const finding title = run_in_child([&] { return describe(of); }, limit);
    out.begin(of.file, title.outcome == verdict::passed ? title.text : "refused");
    // The checks of every plugin have a folder in common, and a proxy that nobody asks for anything.
    const case_folder common;
    subject plain = of;
    for (std::string* const text : {&plain.settings, &plain.companions}) {
        fill_in(*text, "{folder}", common.path().string());
        fill_in(*text, "{socks}", "127.0.0.1:9050");
    }
    for (const auto& one : all_checks())
        if (wanted(one.name))
            out.add({one.name, one.sentence, run_in_child([&] { return one.run(plain); }, limit)});
    if (suite == "store") {
        for (const auto& one : store_cases()) {
            const std::string name = "store." + std::string(one.name);
            if (!wanted(name)) continue;
            const case_folder folder;
            const auto run = [&] {
                store_target target = make_store_target(of, all_lines(given, "bound"));
                target.keeps = target.keeps && given.count("forgets") == 0;
                return to_finding(run_store_case(one, target, folder.path()));
            };
            out.add({name, one.sentence, run_in_child(run, limit)});
        }
    }
    if (suite == "transport") {
        const std::string peer = given.count("peer") != 0 ? given["peer"].as<std::string>() : "";
        transport_target target = make_transport_target(of, peer);
        target.half_closes = given.count("no-half-close") == 0;
        target.patience = limit * 3 / 4; // so that a case says what it waits for
        for (const line over : lines) {
            if (over != line::raw && !target.listens) continue;
            for (const auto& one : transport_cases()) {
                const std::string name = "transport." + std::string(name_of(over)) + "." + one.name;
                if (!wanted(name)) continue;
                const case_folder folder;
                const auto run = [&] {
                    return to_finding(run_transport_case(one, over, target, folder.path()));
                };
                out.add({name, one.sentence, run_in_child(run, limit)});
            }
        }
    }
    return out.finish();
}

int run(int argc, char** argv) {
    po::options_description options("Options");
    options.add_options()(
        "set", po::value<std::vector<std::string>>()->composing()->value_name("KEY=VALUE"),
        "a line of TOML for the plugin's section; {folder} is a fresh folder, and in suites {socks} the "
        "address of a SOCKS5 proxy to what it connects to");
    options.add_options()("with",
                          po::value<std::vector<std::string>>()->composing()->value_name("NAME[:TOML]"),
                          "run another plugin beside it, for what it requires");
    options.add_options()("config", po::value<std::string>()->value_name("FILE"),
                          "run it in this configuration");
    options.add_options()("plugins", po::value<std::vector<std::string>>()->composing()->value_name("DIR"),
                          "a further folder with plugins");
    options.add_options()("suite", po::value<std::string>()->value_name("NAME"),
                          "also check a service that it provides: store, transport");
    options.add_options()("bound",
                          po::value<std::vector<std::string>>()->composing()->value_name("KEY=VALUE"),
                          "suite store: what makes it a store of 1 to 16 MiB, for the cases of a full one");
    options.add_options()("peer", po::value<std::string>()->value_name("PATH"),
                          "suite transport: what it connects to listens on this Unix socket, and not on TCP; "
                          "{port} is the port that it is told");
    options.add_options()("no-half-close",
                          "suite transport: on its road both directions of a stream end together");
    options.add_options()("forgets", "suite store: with these settings nothing outlives a restart");
    options.add_options()("only", po::value<std::string>()->value_name("TEXT"),
                          "only checks with this in their name");
    options.add_options()("timeout", po::value<unsigned>()->default_value(60)->value_name("SECONDS"),
                          "for each check");
    options.add_options()("json", "print one JSON object");
    options.add_options()("list", "list the checks");
    options.add_options()("help", "show this");
    po::options_description hidden;
    hidden.add(options).add_options()("file", po::value<std::string>());
    po::positional_options_description positional;
    positional.add("file", 1);

    po::variables_map given;
    try {
        po::store(po::command_line_parser(argc, argv).options(hidden).positional(positional).run(), given);
        po::notify(given);
    } catch (const po::error& wrong) {
        return usage(wrong.what());
    }
    if (given.count("help") != 0) {
        std::cout << "plexus-validate [OPTIONS] FILE.so\n\nChecks a plugin. Exit code 0: all passed; 1: some "
                     "failed; 2: wrong usage.\n\n"
                  << options;
        return all_passed;
    }
    if (given.count("list") != 0) {
        list_checks();
        return all_passed;
    }
    if (given.count("file") == 0) return usage("which plugin? give its FILE.so");
    return validate(given);
}

} // namespace
} // namespace plexus::validate

int main(int argc, char** argv) { return plexus::validate::run(argc, argv); }
