#include "owner.hpp"

#include "plexus/net/unix_socket.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <unistd.h>

#include <cstdio>

namespace plexus::messenger_app {
namespace {

namespace json = boost::json;

json::object request_of(const options& given) {
    constexpr std::int64_t preset_patience = 30'000;
    constexpr std::int64_t for_ever = 86'400'000;
    std::int64_t patience = preset_patience;
    std::int64_t linger = 0;
    if (given.seconds) {
        patience = *given.seconds == 0 ? for_ever : std::int64_t{*given.seconds} * 1000;
        linger = patience;
    }
    const char* no_color = std::getenv("NO_COLOR");
    const bool colours = ::isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || *no_color == '\0');
    return {{"command", *given.command}, {"patience", patience}, {"linger", linger}, {"colours", colours}};
}

} // namespace

std::optional<int> ask_owner(const options& given) {
    std::optional<int> out;
    const auto take = [&out](std::string_view text) {
        json::error_code failure;
        const auto line = json::parse(text, failure);
        if (failure || !line.is_object()) return true;
        if (const auto* lines = line.get_object().if_contains("print");
            lines != nullptr && lines->is_string()) {
            const std::string_view shown = lines->get_string();
            std::fwrite(shown.data(), 1, shown.size(), stdout);
            std::fflush(stdout);
        }
        if (const auto* code = line.get_object().if_contains("exit"); code != nullptr && code->is_int64())
            out = static_cast<int>(code->get_int64());
        return !out;
    };
    if (!net::ask_lines(given.socket().string(), json::serialize(request_of(given)), take))
        return std::nullopt;
    if (!out) {
        std::fputs("plexus: the program that holds the database ended before the command did\n", stderr);
        return 1;
    }
    return out;
}

} // namespace plexus::messenger_app
