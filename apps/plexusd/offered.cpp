#include "offered.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <cstdio>
#include <sstream>

#include "plexus/kernel/kernel.hpp"
#include "terminal.hpp"

namespace plexus::plexusd {
namespace {

namespace po = boost::program_options;

constexpr const char* positional = "plexus arguments"; // no name that a key could have

po::options_description describe_options(const plexus_command_info& info) {
    po::options_description out("Options");
    for (std::uint32_t i = 0; i < info.option_count; ++i) {
        const plexus_key& key = info.options[i];
        auto* value = po::value<std::vector<std::string>>()->composing();
        if (key.type == PLEXUS_KEY_BOOLEAN)
            value->implicit_value({"true"}, "");
        else
            value->value_name(
                std::string(key.type == PLEXUS_KEY_TEXT_LIST ? "TEXT (may be repeated)" : "VALUE"));
        const std::string doc = key.doc == nullptr ? "" : key.doc;
        out.add_options()(key.name, value, (doc + " (" + kernel::describe_key(key) + ")").c_str());
    }
    out.add_options()("help", "show this");
    return out;
}

std::string usage(const plexus_command_info& info, const po::options_description& options) {
    std::ostringstream out;
    out << "plexusd " << info.name << " [OPTIONS]";
    if (info.arguments != nullptr) out << ' ' << info.arguments;
    out << '\n' << (info.summary == nullptr ? "" : info.summary) << "\n\n" << options;
    return out.str();
}

int wrong_usage(const plexus_command_info& info, std::string_view text) {
    print_error(text);
    print_error("see plexusd " + std::string(info.name) + " --help");
    return exit_usage;
}

} // namespace

int run_offered(const kernel::plugin_command& command, const invocation& call) {
    const plexus_command_info& info = *command.info;
    std::vector<std::string> words = call.arguments;
    // A switch takes no word that follows it.
    for (std::uint32_t i = 0; i < info.option_count; ++i)
        if (info.options[i].type == PLEXUS_KEY_BOOLEAN)
            std::replace(words.begin(), words.end(), "--" + std::string(info.options[i].name),
                         "--" + std::string(info.options[i].name) + "=true");
    const po::options_description shown = describe_options(info);
    po::options_description all;
    all.add(shown).add_options()(positional, po::value<std::vector<std::string>>(), "");
    po::positional_options_description places;
    places.add(positional, -1);

    kernel::command_input input;
    input.program = program_name();
    input.plugin_folders = call.plugin_folders;
    if (!input.plugin_folders.empty()) input.plugin_folders.push_back(kernel::default_plugin_folder());
    input.print = [](bool to_error, std::string_view text) {
        std::FILE* out = to_error ? stderr : stdout;
        std::fwrite(text.data(), 1, text.size(), out);
        std::fflush(out);
    };
    try {
        const int style = po::command_line_style::allow_long | po::command_line_style::long_allow_next |
                          po::command_line_style::long_allow_adjacent;
        const auto parsed = po::command_line_parser(words).options(all).positional(places).style(style).run();
        for (const auto& option : parsed.options) {
            if (option.string_key == "help") {
                print(usage(info, shown));
                return exit_ok;
            }
            if (option.string_key == positional)
                input.arguments.insert(input.arguments.end(), option.value.begin(), option.value.end());
            else if (option.value.empty())
                input.options.emplace_back(option.string_key, "true");
            else
                for (const std::string& text : option.value)
                    input.options.emplace_back(option.string_key, text);
        }
    } catch (const po::unknown_option& unknown) {
        std::vector<std::string> known;
        for (const auto& option : shown.options()) known.push_back("--" + option->long_name());
        return wrong_usage(info, unknown.what() + kernel::did_you_mean(unknown.get_option_name(), known));
    } catch (const po::error& wrong) {
        return wrong_usage(info, wrong.what());
    }
    const auto outcome = kernel::run_command(command, input);
    if (outcome) return *outcome;
    if (outcome.error().is(kernel::kernel_error::command))
        return wrong_usage(info, outcome.error().message());
    print_error(outcome.error().message());
    return exit_failed;
}

} // namespace plexus::plexusd
