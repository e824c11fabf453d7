#include "command.hpp"

#include "network_command.hpp"

#include "plexus/chat/event.hpp"
#include "plexus/encoding/text.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>

namespace plexus::chat_plugin {
namespace {

using namespace commands;

error wrong(std::string message) { return error("plexus.chat", 2, std::move(message)); }

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view spaces = " \t\r\n";
    const auto begin = text.find_first_not_of(spaces);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(spaces) - begin + 1);
}

std::string_view take_word(std::string_view& text) {
    text = trimmed(text);
    const auto word = text.substr(0, text.find_first_of(" \n"));
    text.remove_prefix(word.size());
    return word;
}

/// A name, in single quotes if it has spaces. The text goes on behind it.
result<std::string> take_name(std::string_view& text, std::string_view usage) {
    if (text.starts_with('\'')) {
        const auto end = text.find('\'', 1);
        if (end == std::string_view::npos || end == 1)
            return wrong("a name in quotes has no end: " + std::string(usage));
        const std::string name(text.substr(1, end - 1));
        text.remove_prefix(end + 1);
        return name;
    }
    const auto name = take_word(text);
    if (name.empty() || name.front() == '#') return wrong("a name is missing: " + std::string(usage));
    return std::string(name);
}

/// "@name", "name", or "@" and a number for bots.
result<chat_ref> take_chat(std::string_view& text, bool by_number, std::string_view usage) {
    text = trimmed(text);
    const bool at = text.starts_with('@');
    if (at) text.remove_prefix(1);
    if (by_number) {
        const auto id = encoding::take_decimal(text, UINT32_MAX);
        if (!at || !id) return wrong("a chat such as @4 is missing: " + std::string(usage));
        return chat_ref{{}, *id};
    }
    PLEXUS_TRY(auto name, take_name(text, usage));
    return chat_ref{std::move(name), 0};
}

result<void> expect_end(std::string_view text, std::string_view usage) {
    if (!trimmed(text).empty()) return wrong("too many words: " + std::string(usage));
    return {};
}

/// Letters, digits and most others; not what commands and mentions are made of.
result<std::string> check_display_name(std::string name) {
    const auto bad = [](unsigned char c) { return c < ' ' || c == '\'' || c == 0x7F; };
    if (name.empty() || name.size() > 200 || name.front() == '#' || name.front() == '@' ||
        name.front() == ' ' || name.back() == ' ' || std::ranges::any_of(name, bad) ||
        !encoding::is_utf8(name))
        return wrong("a display name begins with neither # nor @ and has no quotes: choose another");
    return name;
}

result<command> parse_create_user(std::string_view rest) {
    constexpr std::string_view usage = "/create user NAME [full name]";
    if (take_word(rest) != "user") return wrong("write: " + std::string(usage));
    rest = trimmed(rest);
    PLEXUS_TRY(auto name, take_name(rest, usage));
    PLEXUS_TRY(name, check_display_name(std::move(name)));
    return command(create_user{{{"displayName", name}, {"fullName", trimmed(rest)}}});
}

result<json::value> parse_json(std::string_view text) {
    json::error_code failure;
    auto value = json::parse(text, failure);
    if (failure) return wrong("what follows is not JSON: " + failure.message());
    return value;
}

result<command> parse_create_user_json(std::string_view rest) {
    PLEXUS_TRY(const auto value, parse_json(trimmed(rest)));
    if (!value.is_object())
        return wrong("write: /_create user {\"profile\":{\"displayName\":NAME,\"fullName\":\"\"}}");
    const auto* profile = value.get_object().if_contains("profile");
    PLEXUS_TRY(auto good, chat::read_profile(profile != nullptr ? *profile : value));
    PLEXUS_CHECK(check_display_name(std::string(std::string_view(good.at("displayName").get_string()))));
    return command(create_user{std::move(good)});
}

result<command> parse_message(std::string_view rest) {
    constexpr std::string_view usage = "@name text";
    PLEXUS_TRY(auto to, take_chat(rest, false, usage));
    if (!rest.starts_with(' ') || trimmed(rest).empty())
        return wrong("there is no text to send; write: @name text");
    rest.remove_prefix(1);
    return command(send{std::move(to), {chat::text_content(rest)}});
}

result<command> parse_send(std::string_view rest) {
    constexpr std::string_view usage = "/_send @ID json [{\"msgContent\":{\"type\":\"text\",\"text\":TEXT}}]";
    send out;
    PLEXUS_TRY(out.to, take_chat(rest, true, usage));
    for (auto word = take_word(rest);; word = take_word(rest)) {
        if (word == "text") {
            out.contents.push_back(chat::text_content(rest.empty() ? rest : rest.substr(1)));
            return command(std::move(out));
        }
        if (word == "json") break;
        if (!word.starts_with("live=") && !word.starts_with("ttl="))
            return wrong("write: " + std::string(usage));
    }
    PLEXUS_TRY(auto value, parse_json(trimmed(rest)));
    if (!value.is_array() || value.get_array().empty()) return wrong("write: " + std::string(usage));
    for (auto& one : value.get_array()) {
        const auto* content = one.is_object() ? one.get_object().if_contains("msgContent") : nullptr;
        json::value wrapped{{"event", "x.msg.new"}, {"params", json::object()}};
        if (content != nullptr) wrapped.at("params").get_object().emplace("content", *content);
        PLEXUS_TRY(auto good, chat::parse_message(wrapped));
        out.contents.push_back(std::move(good.params.at("content").get_object()));
    }
    return command(std::move(out));
}

result<command> parse_tail(std::string_view rest) {
    constexpr std::string_view usage = "/tail [@name] [count]";
    tail out;
    rest = trimmed(rest);
    if (rest.starts_with('@')) {
        PLEXUS_TRY(out.from, take_chat(rest, false, usage));
        rest = trimmed(rest);
    }
    if (!rest.empty()) {
        const auto count = encoding::take_decimal(rest, 100000);
        if (!count || *count == 0) return wrong("the count is a number from 1: " + std::string(usage));
        out.count = *count;
    }
    PLEXUS_CHECK(expect_end(rest, usage));
    return command(std::move(out));
}

result<command> parse_get(std::string_view rest) {
    constexpr std::string_view usage = "/_get chat @ID [count=N] [search=TEXT], or /_get chats 1";
    const auto what = take_word(rest);
    if (what == "chats") return command(list_chats{});
    if (what != "chat") return wrong("write: " + std::string(usage));
    get_chat out;
    PLEXUS_TRY(out.from, take_chat(rest, true, usage));
    for (;;) {
        rest = trimmed(rest);
        if (rest.starts_with("search=")) {
            out.search = rest.substr(7);
            return command(std::move(out));
        }
        auto word = take_word(rest);
        if (word.empty()) return command(std::move(out));
        if (!word.starts_with("count=")) return wrong("write: " + std::string(usage));
        const auto count = encoding::parse_decimal(word.substr(6), 100000);
        if (!count) return wrong("write: " + std::string(usage));
        out.count = *count;
    }
}

result<command> parse_remove(std::string_view rest, bool by_number) {
    const std::string_view usage = by_number ? "/_delete @ID [full] [notify=on|off]" : "/delete @name";
    remove_contact out;
    PLEXUS_TRY(out.which, take_chat(rest, by_number, usage));
    for (auto word = take_word(rest); !word.empty(); word = take_word(rest)) {
        if (!by_number ||
            (word != "full" && word != "entity" && word != "messages" && !word.starts_with("notify=")))
            return wrong("write: " + std::string(usage));
        if (word == "notify=off") out.notify = false;
    }
    return command(std::move(out));
}

result<command> parse_connect(std::string_view rest) {
    rest = trimmed(rest);
    if (rest.empty()) return command(create_link{});
    const auto link = take_word(rest);
    PLEXUS_CHECK(expect_end(rest, "/connect [LINK]"));
    if (link.starts_with("smp://"))
        return wrong("this is a server's address, not a link; -s gives it to plexus at its start");
    return command(connect{std::string(link)});
}

result<command> parse_api_connect(std::string_view rest) {
    take_word(rest); // the user's number
    for (auto word = take_word(rest);; word = take_word(rest)) {
        if (word.empty()) return command(create_link{});
        if (word.starts_with("incognito=")) continue;
        return command(connect{std::string(word)});
    }
}

result<command> parse_network(std::string_view rest) {
    rest = trimmed(rest);
    if (rest.empty()) return command(show_network{});
    if (rest == "renew") return command(renew_network{});
    PLEXUS_TRY(auto change, parse_network_words(rest));
    return command(set_network{std::move(change)});
}

result<command> parse_network_json(std::string_view rest) {
    rest = trimmed(rest);
    if (rest.empty()) return command(show_network{});
    PLEXUS_TRY(auto value, parse_json(rest));
    if (!value.is_object())
        return wrong("write: /_network {\"socksMode\":\"always\", ...}, as /network shows it");
    return command(set_network{whole_network_config(std::move(value.get_object()))});
}

template <typename Command>
result<command> alone(std::string_view rest, std::string_view usage) {
    PLEXUS_CHECK(expect_end(rest, usage));
    return command(Command{});
}

} // namespace

result<command> parse_command(std::string_view text) {
    auto rest = trimmed(text);
    if (rest.empty()) return wrong("an empty command; /help lists the commands");
    if (rest.front() == '@') return parse_message(rest);
    if (rest.starts_with("https://") || rest.starts_with("simplex:/"))
        return wrong("to join by a link, write /c and the link");
    if (rest.front() != '/') return wrong("a command begins with /, a message with @name; /help lists them");
    const auto name = take_word(rest);
    if (name == "/help" || name == "/h" || name == "/?") return command(help{});
    if (name == "/connect" || name == "/c") return parse_connect(rest);
    if (name == "/_connect") return parse_api_connect(rest);
    if (name == "/contacts" || name == "/cs") return alone<list_contacts>(rest, "/contacts");
    if (name == "/_contacts") return command(list_contacts{});
    if (name == "/chats") return command(list_chats{});
    if (name == "/tail" || name == "/t") return parse_tail(rest);
    if (name == "/_get") return parse_get(rest);
    if (name == "/_send") return parse_send(rest);
    if (name == "/delete" || name == "/d") return parse_remove(rest, false);
    if (name == "/_delete") return parse_remove(rest, true);
    if (name == "/user" || name == "/u" || name == "/profile" || name == "/p")
        return alone<show_user>(rest, "/user");
    if (name == "/users") return alone<list_users>(rest, "/users");
    if (name == "/create") return parse_create_user(rest);
    if (name == "/_create") {
        if (take_word(rest) != "user") return wrong("write: /_create user {\"profile\":{...}}");
        return parse_create_user_json(rest);
    }
    if (name == "/_start") return command(start_chat{});
    if (name == "/network" || name == "/net") return parse_network(rest);
    if (name == "/_network") return parse_network_json(rest);
    if (name == "/version" || name == "/v") return alone<version>(rest, "/version");
    if (name == "/code") {
        PLEXUS_TRY(auto of, take_chat(rest, false, "/code @name"));
        PLEXUS_CHECK(expect_end(rest, "/code @name"));
        return command(security_code{std::move(of)});
    }
    if (name == "/quit" || name == "/q" || name == "/exit")
        return wrong("/quit ends a messenger at its terminal: write it there");
    return wrong("unknown command " + std::string(name.substr(0, 40)) + "; /help lists the commands");
}

} // namespace plexus::chat_plugin
