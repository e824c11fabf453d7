#include "plexus/chat/markdown.hpp"

#include "unicode.hpp"
#include "web_address.hpp"

#include "plexus/agent/link.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

namespace plexus::chat {
namespace {

namespace json = boost::json;

/// A run of text in one format; no format is an empty object.
struct piece {
    json::object format;
    std::string text;
};
using pieces = std::vector<piece>;

void append(pieces& out, piece next) {
    if (next.text.empty()) return;
    if (!out.empty() && out.back().format == next.format)
        out.back().text += next.text;
    else
        out.push_back(std::move(next));
}
void append(pieces& out, pieces next) {
    for (auto& one : next) append(out, std::move(one));
}

piece plain(std::string_view text) { return {{}, std::string(text)}; }
pieces one(json::object format, std::string_view text) { return {{std::move(format), std::string(text)}}; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A text that is read from the front.
class cursor {
  public:
    explicit cursor(std::string_view text) : rest_(text) {}

    std::string_view rest() const { return rest_; }
    bool at_end() const { return rest_.empty(); }
    char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
    bool accept(std::string_view text) {
        if (!rest_.starts_with(text)) return false;
        rest_.remove_prefix(text.size());
        return true;
    }
    /// What stands before `stop`, or all.
    std::string_view until(char stop) { return take(std::min(rest_.find(stop), rest_.size())); }
    template <typename Predicate>
    std::string_view while_ascii(Predicate keep) {
        std::size_t size = 0;
        while (size < rest_.size() && keep(rest_[size])) ++size;
        return take(size);
    }
    std::string_view take(std::size_t size) {
        const auto taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }
    std::string_view until_space() {
        std::size_t size = 0;
        while (size < rest_.size()) {
            const auto width = character_size(rest_.substr(size));
            if (is_space(decode_character(rest_.substr(size, width)))) break;
            size += width;
        }
        return take(size);
    }

  private:
    std::string_view rest_;
};

/// Splits off the punctuation at the end, except the characters of `keep`.
std::pair<std::string_view, std::string_view> split_punctuation(std::string_view text,
                                                                std::string_view keep) {
    auto end = text.size();
    while (end > 0) {
        auto begin = end - 1;
        while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
        const auto character = text.substr(begin, end - begin);
        if (!is_punctuation(decode_character(character)) || keep.find(character) != std::string_view::npos)
            break;
        end = begin;
    }
    return {text.substr(0, end), text.substr(end)};
}

bool has_outer_space(std::string_view text) {
    return text.empty() || text.front() == ' ' || text.back() == ' ';
}

// ---- links

json::object simplex_link_format(const std::optional<std::string>& shown,
                                 const agent::connection_link& link) {
    json::array hosts;
    std::string type = "invitation";
    std::string uri;
    auto add_hosts = [&](const agent::server_address& server) {
        for (const auto& host : server.hosts) hosts.emplace_back(encoding::to_text(std::vector{host}));
    };
    if (const auto* request = std::get_if<agent::connection_request>(&link)) {
        uri = agent::to_text(*request);
        for (const auto& queue : request->queues) add_hosts(queue.address.server);
        if (request->mode() == agent::connection_mode::contact) {
            type = "contact";
            json::error_code failure;
            const auto data = json::parse(request->client_data.value_or(""), failure);
            if (!failure && data.is_object()) {
                const auto* kind = data.get_object().if_contains("type");
                if (kind != nullptr && kind->is_string() && kind->get_string() == "group") type = "group";
            }
        }
    } else {
        auto short_form = std::get<agent::short_link>(link);
        short_form.form = agent::short_link::scheme::simplex;
        uri = agent::to_text(short_form);
        add_hosts(short_form.server);
        if (short_form.mode == agent::connection_mode::contact) {
            switch (short_form.kind) {
            case agent::contact_kind::contact: type = "contact"; break;
            case agent::contact_kind::channel: type = "channel"; break;
            case agent::contact_kind::group: type = "group"; break;
            case agent::contact_kind::relay: type = "relay"; break;
            }
        }
    }
    json::object format{
        {"type", "simplexLink"}, {"linkType", type}, {"simplexUri", uri}, {"smpHosts", std::move(hosts)}};
    if (shown) format.emplace("showText", *shown);
    return format;
}

pieces parse_word(std::string_view word) {
    const auto [text, punctuation] = split_punctuation(word, "/)");
    json::object format;
    const bool looks_like_uri =
        character_count(text) >= 10 &&
        (text.starts_with("http://") || text.starts_with("https://") || text.starts_with("simplex:/"));
    if (looks_like_uri) {
        if (const auto link = agent::parse_link(word))
            format = simplex_link_format(std::nullopt, *link);
        else if (is_web_link(text))
            format = {{"type", "uri"}};
    } else if (is_domain(text)) {
        format = {{"type", "uri"}};
    } else if (is_mail_address(text)) {
        format = {{"type", "email"}};
    }
    if (format.empty()) return {plain(word)};
    pieces out = one(std::move(format), text);
    append(out, plain(punctuation));
    return out;
}

/// [text](link)
std::optional<pieces> parse_hyperlink(cursor& in) {
    auto bracketed = [&in](std::string_view open, char close, std::string_view& inside) {
        if (!in.accept(open)) return false;
        inside = in.until(close);
        return !inside.empty() && in.accept(std::string_view(&close, 1));
    };
    std::string_view text;
    std::string_view link;
    if (!bracketed("[", ']', text) || !bracketed("(", ')', link)) return std::nullopt;
    bool punctuated = false;
    for (auto rest = text; !rest.empty();) {
        const auto code = decode_character(rest.substr(0, character_size(rest)));
        punctuated = punctuated || (is_punctuation(code) && code != '-' && code != '_');
        rest.remove_prefix(character_size(rest));
    }
    const std::string shown(text);
    if (punctuated && text != link && "https://" + shown != link) return std::nullopt;
    json::object format;
    if (const auto simplex = agent::parse_link(link)) {
        if (!std::holds_alternative<agent::short_link>(*simplex)) return std::nullopt;
        format = simplex_link_format(shown, *simplex);
    } else {
        if (!is_web_link(link)) return std::nullopt;
        format = {{"type", "hyperLink"}, {"showText", shown}, {"linkUri", link}};
    }
    return one(std::move(format), "[" + shown + "](" + std::string(link) + ")");
}

// ---- formats

pieces parse_formatted(cursor& in, char mark, std::string_view type) {
    const auto all = in.rest();
    in.take(1);
    const auto text = in.until(mark);
    if (!in.accept(std::string_view(&mark, 1))) return {plain(all)};
    if (has_outer_space(text)) return {plain(all.substr(0, text.size() + 2))};
    return one({{"type", type}}, text);
}

pieces parse_secret(cursor& in) {
    const auto all = in.rest();
    in.take(1);
    const auto is_mark = [](char c) { return c == '#'; };
    const auto before = in.while_ascii(is_mark);
    const auto text = in.until('#');
    const auto after = in.while_ascii(is_mark);
    const auto size = before.size() + text.size() + after.size();
    if (after.empty() || has_outer_space(text)) return {plain(all.substr(0, size + 1))};
    return one({{"type", "secret"}}, all.substr(1, size - 1));
}

std::optional<std::string_view> parse_colour(cursor& in) {
    struct colour {
        std::string_view letter, rest, digit, name;
    };
    static constexpr colour colours[] = {{"r", "ed", "1", "red"},   {"g", "reen", "2", "green"},
                                         {"b", "lue", "3", "blue"}, {"y", "ellow", "4", "yellow"},
                                         {"c", "yan", "5", "cyan"}, {"m", "agenta", "6", "magenta"}};
    for (const auto& one : colours) {
        if (in.accept(one.digit)) return one.name;
        if (in.accept(one.letter)) {
            in.accept(one.rest);
            return one.name;
        }
    }
    return std::nullopt;
}

std::optional<pieces> parse_coloured(cursor& in) {
    in.take(1);
    const auto colour = parse_colour(in);
    if (!colour || in.at_end()) return std::nullopt;
    const auto space = in.take(character_size(in.rest()));
    if (!is_space(decode_character(space))) return std::nullopt;
    if (in.at_end() || in.peek() == ' ' || in.peek() == '!') return std::nullopt;
    const auto text = in.until('!');
    if (text.back() == ' ' || !in.accept("!")) return std::nullopt;
    return one({{"type", "colored"}, {"color", *colour}}, text);
}

struct display_name {
    std::string_view name;
    std::string_view punctuation;
    bool quoted = false;
};

/// A name after its '@' or '/': a word, or anything in single quotes.
std::optional<display_name> parse_display_name(cursor& in) {
    const auto may_begin = [](cursor& at) {
        if (at.at_end()) return false;
        const char c = at.peek();
        return (static_cast<unsigned char>(c) > ' ') && c != '#' && c != '@' && c != '\'';
    };
    if (in.accept("'")) {
        if (!may_begin(in)) return std::nullopt;
        const auto name = in.until('\'');
        if (!in.accept("'")) return std::nullopt;
        return display_name{name, {}, true};
    }
    if (!may_begin(in)) return std::nullopt;
    const auto [name, punctuation] = split_punctuation(in.until_space(), "");
    return display_name{name, punctuation};
}

pieces prefixed(char prefix, const display_name& found, json::object format) {
    const auto quotes = found.quoted ? "'" : "";
    pieces out = one(std::move(format), std::string(1, prefix) + quotes + std::string(found.name) + quotes);
    append(out, plain(found.punctuation));
    return out;
}

std::optional<pieces> parse_mention(cursor& in) {
    in.take(1);
    const auto found = parse_display_name(in);
    if (!found) return std::nullopt;
    return prefixed('@', *found, {{"type", "mention"}, {"memberName", found->name}});
}

std::optional<pieces> parse_command(cursor& in) {
    in.take(1);
    const auto found = parse_display_name(in);
    if (!found) return std::nullopt;
    const auto keyword = cursor(found->name).until_space();
    const auto allowed = [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
               static_cast<unsigned char>(c) >= 0x80;
    };
    if (keyword.empty() || !std::ranges::all_of(keyword, allowed)) return std::nullopt;
    return prefixed('/', *found, {{"type", "command"}, {"commandStr", found->name}});
}

std::optional<pieces> parse_phone(cursor& in) {
    const auto all = in.rest();
    const auto separator = [](cursor& at) { return at.accept(" ") || at.accept("-") || at.accept("."); };
    const auto attempt = [&in](const std::function<bool(cursor&)>& part) {
        cursor ahead = in;
        if (part(ahead)) in = ahead;
    };
    attempt([](cursor& at) { return at.accept("+") && !at.while_ascii(is_digit).empty(); });
    attempt([&](cursor& at) {
        separator(at);
        return at.accept("(") && !at.while_ascii(is_digit).empty() && at.accept(")");
    });
    for (;;) {
        cursor ahead = in;
        separator(ahead);
        if (ahead.while_ascii(is_digit).empty()) break;
        in = ahead;
    }
    const auto text = all.substr(0, all.size() - in.rest().size());
    if (text.size() < 7 || text.size() > 22) return std::nullopt;
    return one({{"type", "phone"}}, text);
}

pieces parse_fragment(cursor& in) {
    std::optional<pieces> (*special)(cursor&) = nullptr;
    switch (in.peek()) {
    case ' ': return {plain(in.while_ascii([](char c) { return c == ' '; }))};
    case '*': return parse_formatted(in, '*', "bold");
    case '_': return parse_formatted(in, '_', "italic");
    case '~': return parse_formatted(in, '~', "strikeThrough");
    case '`': return parse_formatted(in, '`', "snippet");
    case '#': return parse_secret(in);
    case '+': special = parse_phone; break;
    case '!': special = parse_coloured; break;
    case '@': special = parse_mention; break;
    case '/': special = parse_command; break;
    case '[': special = parse_hyperlink; break;
    default:
        if (is_digit(in.peek())) special = parse_phone;
    }
    if (special != nullptr) {
        cursor ahead = in;
        if (auto found = special(ahead)) {
            in = ahead;
            return std::move(*found);
        }
    }
    return parse_word(in.until(' '));
}

pieces parse_line(std::string_view line) {
    pieces out;
    for (cursor in(line); !in.at_end();) append(out, parse_fragment(in));
    return out;
}

json::array to_json(const pieces& found) {
    json::array out;
    for (const auto& piece : found) {
        json::object item;
        if (!piece.format.empty()) item.emplace("format", piece.format);
        item.emplace("text", piece.text);
        out.emplace_back(std::move(item));
    }
    return out;
}

} // namespace

std::optional<boost::json::array> parse_markdown(std::string_view text) {
    const auto last = text.ends_with('\n') ? text.substr(0, text.size() - 1) : text;
    if (text.empty() || text.size() > max_markdown_length) return std::nullopt;
    if (last.find('\n') == std::string_view::npos) {
        const auto begin = last.find_first_not_of(' ');
        if (begin == std::string_view::npos || begin + character_size(last.substr(begin)) == last.size())
            return std::nullopt;
        if (last[begin] == '/')
            return to_json(one({{"type", "command"}, {"commandStr", last.substr(begin + 1)}}, last));
    }
    pieces all;
    for (auto rest = last;;) {
        const auto end = rest.find('\n');
        append(all, parse_line(rest.substr(0, end)));
        if (end == std::string_view::npos) break;
        append(all, plain("\n"));
        rest.remove_prefix(end + 1);
    }
    if (std::ranges::all_of(all, [](const piece& one) { return one.format.empty(); })) return std::nullopt;
    return to_json(all);
}

} // namespace plexus::chat
