#include "ctl_command.hpp"

#include "readable.hpp"

#include "plexus/net/unix_socket.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <filesystem>

namespace plexus::smp_admin {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

constexpr std::array options = {
    plexus_key{"json", PLEXUS_KEY_BOOLEAN, 0, "false", nullptr, 0, 0,
               "show the answer as JSON, for programs"},
};

/// A folder stands for the socket in it, and so does a TOML file.
std::string socket_of(const std::string& place) {
    std::error_code failure;
    if (fs::is_directory(place, failure)) return (fs::path(place) / socket_name).string();
    if (fs::path(place).extension() == ".toml") return (fs::path(place).parent_path() / socket_name).string();
    return place;
}

result<std::string> exchange(const std::string& path, std::string question) {
    std::string out;
    const auto asked = net::ask_lines(path, std::move(question), [&out](std::string_view line) {
        out = line;
        return false;
    });
    if (!asked)
        return make_error(status::refused,
                          "no server listens at " + asked.error().message() +
                              ": it must be running, with [plugin.smp-admin] in its configuration");
    return out;
}

} // namespace

const std::array<plexus_command_info, 1> ctl_commands = {plexus_command_info{
    "ctl", "DIR COMMAND...", 2, 6, options.data(), static_cast<std::uint32_t>(options.size()), 0,
    "Ask the server of a folder: stats, clients, queues, block, unblock, delete, save, day, log, reload, "
    "drain, stop"}};

result<std::int32_t> run_ctl(const ctl_call& call) {
    json::array words;
    for (std::size_t i = 1; i < call.arguments.size(); ++i) words.emplace_back(call.arguments[i]);
    const auto path = socket_of(call.arguments.front());
    PLEXUS_TRY(const auto line, exchange(path, json::serialize(words)));
    json::error_code failure;
    const auto value = json::parse(line, failure);
    if (failure || !value.is_object())
        return make_error(status::closed, "the server at " + path +
                                              " ended the talk without an answer: only root and "
                                              "the user of the server may ask");
    const auto& said = value.get_object();
    const bool as_json = call.options.boolean("json");
    const auto* found = said.if_contains("answer");
    if (found != nullptr && found->is_object()) {
        call.print(false, as_json ? json::serialize(*found) + "\n" : readable(found->get_object()));
        return 0;
    }
    const auto* why = said.if_contains("error");
    const std::string text = why != nullptr && why->is_string() ? std::string(why->get_string()) : line;
    if (as_json)
        call.print(false, json::serialize(said) + "\n");
    else
        call.print(true, text + "\n");
    return 1;
}

} // namespace plexus::smp_admin
