#include "builtin.hpp"

#include <cstdio>

#include "plexus/kernel/command.hpp"
#include "plexus/kernel/kernel.hpp"
#include "plexus/kernel/library.hpp"
#include "terminal.hpp"

namespace plexus::plexusd {
namespace {

using namespace plexus::kernel;
using plexus_kernel = plexus::kernel::kernel;

/// A folder stands for the plexus.toml in it.
result<config_source> read_config(const std::string& argument) {
    std::filesystem::path file = argument;
    std::error_code failure;
    if (std::filesystem::is_directory(file, failure)) file /= "plexus.toml";
    return config_source::read(file);
}

kernel_options options_of(const invocation& call) {
    kernel_options options;
    options.program = program_name();
    options.plugin_folders = call.plugin_folders;
    if (!options.plugin_folders.empty()) options.plugin_folders.push_back(default_plugin_folder());
    return options;
}

plugin_catalog catalog_of(const invocation& call) { return {options_of(call).plugin_folders, {}}; }

int failed(const error& why) {
    print_error(why.message());
    return exit_failed;
}

int start(const invocation& call) {
    if (call.arguments.size() != 1) return usage_error("start takes a folder or a TOML file");
    const auto config = read_config(call.arguments.front());
    if (!config) return failed(config.error());
    kernel_options options = options_of(call);
    options.reread = [where = call.arguments.front()] { return read_config(where); };
    auto loaded = plexus_kernel::load(*config, std::move(options));
    if (!loaded) return failed(loaded.error());
    return (*loaded)->run();
}

int list(const invocation& call) {
    const plugin_catalog catalog = catalog_of(call);
    int outcome = exit_ok;
    for (const std::string& name : catalog.names()) {
        const auto library = catalog.open(name);
        if (!library) {
            outcome = failed(library.error());
            continue;
        }
        const plexus_descriptor& own = *library->descriptor;
        print(name + " " + own.version + (own.summary != nullptr ? ": " + std::string(own.summary) : "") +
              "\n");
    }
    if (catalog.names().empty())
        for (const auto& folder : catalog.folders()) print_error("there is no plugin in " + folder.string());
    return outcome;
}

int inspect(const invocation& call, const std::string& name) {
    const auto library = catalog_of(call).open(name);
    if (!library) return failed(library.error());
    print(describe(*library));
    return exit_ok;
}

int check_plugin(const std::string& file) {
    const auto library = open_library(file);
    if (!library) return failed(library.error());
    print(file + ": " + library->descriptor->id + " " + library->descriptor->version + " can be loaded\n");
    return exit_ok;
}

int why(const invocation& call, const std::string& where) {
    const auto config = read_config(where);
    if (!config) return failed(config.error());
    const auto graph = explain(*config, options_of(call));
    if (!graph) return failed(graph.error());
    print(*graph);
    return exit_ok;
}

int plugin(const invocation& call) {
    const auto& words = call.arguments;
    const std::string verb = words.empty() ? "" : words[0];
    if (verb == "list" && words.size() == 1) return list(call);
    if (verb == "inspect" && words.size() == 2) return inspect(call, words[1]);
    if (verb == "check" && words.size() == 2) return check_plugin(words[1]);
    if (verb == "why" && words.size() <= 2) return why(call, words.size() == 2 ? words[1] : ".");
    if (verb == "list" || verb == "inspect" || verb == "check" || verb == "why")
        return usage_error("use it as: plexusd plugin list | inspect NAME | check FILE.so | why [CONFIG]");
    return usage_error(verb.empty() ? "plugin takes list, inspect, check or why"
                                    : "there is no 'plugin " + verb + "'" +
                                          did_you_mean(verb, {"list", "inspect", "check", "why"}));
}

int config(const invocation& call) {
    const auto& words = call.arguments;
    if (words.size() != 2 || words[0] != "check")
        return usage_error("use it as: plexusd config check FILE.toml" +
                           (words.empty() ? std::string() : did_you_mean(words[0], {"check"})));
    const auto source = read_config(words[1]);
    if (!source) return failed(source.error());
    if (const auto sound = plexus_kernel::check(*source, options_of(call)); !sound)
        return failed(sound.error());
    print(source->file.string() + " is right\n");
    return exit_ok;
}

} // namespace

const std::vector<builtin_command>& builtin_commands() {
    static const std::vector<builtin_command> commands = {
        {"start", "DIR|FILE.toml", "Run in the foreground until SIGINT or SIGTERM",
         "DIR stands for DIR/plexus.toml. A second SIGINT or SIGTERM ends the program at once.\n", start},
        {"plugin", "list|inspect|check|why", "Look at plugins and how they are wired",
         "  list             the plugins that there are\n"
         "  inspect NAME     what one says of itself: services, capabilities, keys, commands\n"
         "  check FILE.so    whether a file can be loaded, or every reason to refuse it\n"
         "  why [CONFIG]     who is wired to whom in a configuration, and why (preset: the current folder)\n",
         plugin},
        {"config", "check FILE.toml", "Say everything that is wrong with a configuration",
         "Loads the plugins that the file names, checks every key, and creates nothing.\n", config},
    };
    return commands;
}

std::string program_name() { return "plexusd " PLEXUS_VERSION; }

} // namespace plexus::plexusd
