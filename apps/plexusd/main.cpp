// plexusd: runs plugins as a TOML file says, tells about plugins, and runs the commands that they offer.
#include <algorithm>
#include <boost/program_options.hpp>
#include <iostream>
#include <sstream>

#include "builtin.hpp"
#include "offered.hpp"
#include "plexus/kernel/library.hpp"
#include "terminal.hpp"

namespace plexus::plexusd {
namespace {

namespace po = boost::program_options;

po::options_description global_options() {
    po::options_description out("Options");
    out.add_options()("plugins", po::value<std::vector<std::string>>()->composing()->value_name("DIR"),
                      "a further folder with plugins, searched first (may be repeated)");
    out.add_options()("help", "show this; after a command: its own help");
    out.add_options()("version", "show the version");
    return out;
}

void add_row(std::ostringstream& out, std::string_view name, std::string_view arguments,
             std::string_view summary) {
    constexpr std::size_t width = 34;
    std::string left = "  " + std::string(name) + " " + std::string(arguments);
    left.resize(std::max(width, left.size() + 1), ' ');
    out << left << summary << '\n';
}

kernel::offered_commands offered(const invocation& call) {
    std::vector<std::filesystem::path> folders = call.plugin_folders;
    folders.push_back(kernel::default_plugin_folder());
    return kernel::find_commands({folders, {}});
}

int show_help(const invocation& call) {
    std::ostringstream out;
    out << "plexusd [OPTIONS] COMMAND ...\n\nCommands:\n";
    for (const builtin_command& command : builtin_commands())
        add_row(out, command.name, command.arguments, command.summary);
    const auto found = offered(call);
    if (!found.commands.empty()) out << "\nCommands of plugins:\n";
    for (const auto& [library, info] : found.commands)
        add_row(out, info->name, info->arguments == nullptr ? "" : info->arguments,
                std::string(info->summary == nullptr ? "" : info->summary) + " (" + library.name + ")");
    out << '\n' << global_options();
    print(out.str());
    for (const std::string& reason : found.refused) print_error(reason);
    return exit_ok;
}

int run_builtin(const builtin_command& command, const invocation& call) {
    const auto& words = call.arguments;
    if (std::find(words.begin(), words.end(), "--help") == words.end()) {
        for (const std::string& word : words)
            if (word.size() > 1 && word.front() == '-')
                return usage_error(std::string(command.name) + " has no option " + word);
        return command.run(call);
    }
    print("plexusd " + std::string(command.name) + " " + std::string(command.arguments) + "\n" +
          std::string(command.summary) + "\n\n" + std::string(command.help));
    return exit_ok;
}

int run_command(const invocation& call) {
    std::vector<std::string> names;
    for (const builtin_command& command : builtin_commands()) {
        if (command.name == call.command) return run_builtin(command, call);
        names.emplace_back(command.name);
    }
    const auto found = offered(call);
    std::vector<const kernel::plugin_command*> matching;
    for (const auto& command : found.commands) {
        if (command.info->name == call.command) matching.push_back(&command);
        names.emplace_back(command.info->name);
    }
    if (matching.size() == 1) return run_offered(*matching.front(), call);
    if (matching.size() > 1)
        return usage_error("the plugins " + matching[0]->library.name + " and " + matching[1]->library.name +
                           " both offer the command '" + call.command + "'; keep one of them");
    for (const std::string& reason : found.refused) print_error(reason);
    return usage_error("there is no command '" + call.command + "'" +
                       kernel::did_you_mean(call.command, names));
}

int run(const std::vector<std::string>& words) {
    // Options before the first word that is none belong to plexusd, the rest to the command.
    invocation call;
    std::size_t next = 0;
    bool help = false;
    for (; next < words.size() && words[next].size() > 1 && words[next].front() == '-'; ++next) {
        const std::string& word = words[next];
        constexpr std::string_view plugins = "--plugins=";
        if (word == "--help" || word == "-h")
            help = true;
        else if (word == "--version") {
            print(program_name() + "\n");
            return exit_ok;
        } else if (word.rfind(plugins, 0) == 0)
            call.plugin_folders.emplace_back(word.substr(plugins.size()));
        else if (word == "--plugins" && next + 1 < words.size())
            call.plugin_folders.emplace_back(words[++next]);
        else
            return usage_error("unknown or incomplete option " + word +
                               kernel::did_you_mean(word, {"--help", "--version", "--plugins"}));
    }
    if (help) return show_help(call);
    if (next == words.size()) {
        show_help(call);
        return exit_usage;
    }
    call.command = words[next];
    call.arguments.assign(words.begin() + static_cast<std::ptrdiff_t>(next) + 1, words.end());
    return run_command(call);
}

} // namespace
} // namespace plexus::plexusd

int main(int argc, char** argv) { return plexus::plexusd::run({argv + 1, argv + argc}); }
