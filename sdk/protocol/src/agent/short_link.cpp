#include "fields.hpp"
#include "plexus/agent/link.hpp"
#include "plexus/encoding/base64.hpp"

namespace plexus::agent {

namespace {

using encoding::reader;
using encoding::writer;

/// The longest id and key that the binary form can carry.
constexpr std::size_t max_field_size = 255;

error not_a_link(std::string_view why) {
    return make_error(failure::link, "not a short link: " + std::string(why));
}

bool take(std::string_view& text, std::string_view prefix) {
    if (text.substr(0, prefix.size()) != prefix) return false;
    text.remove_prefix(prefix.size());
    return true;
}

bool has_fingerprint(const server_address& server) { return server.fingerprint != smp::key_hash{}; }

/// base64url without padding.
std::string unpadded(bytes_view data) {
    auto text = encoding::base64url_encode(data);
    text.resize(text.find_last_not_of('=') + 1);
    return text;
}

std::optional<contact_kind> contact_kind_of(char letter) {
    switch (letter) {
    case 'A': return contact_kind::contact;
    case 'C': return contact_kind::channel;
    case 'G': return contact_kind::group;
    case 'R': return contact_kind::relay;
    default: return std::nullopt;
    }
}

bool set_fingerprint(server_address& server, bytes_view value) {
    if (value.size() != server.fingerprint.size()) return false;
    std::copy(value.begin(), value.end(), server.fingerprint.begin());
    return true;
}

std::optional<bytes> take_field(std::string_view& text) {
    auto value = encoding::take_base64url(text);
    if (value && value->size() > max_field_size) return std::nullopt;
    return value;
}

/// "?h=HOSTS&p=PORT&c=FINGERPRINT"; more hosts are added to the one of the link.
std::optional<std::string> parse_server_query(std::string_view text, server_address& server) {
    if (text.find_first_of(" \n") != text.npos) return "there is a space inside";
    const auto query = encoding::query_string::parse(text);
    if (const auto hosts = query.find("h")) {
        const auto more = encoding::parse_hosts(*hosts);
        if (!more) return "its list of hosts is wrong";
        server.hosts.insert(server.hosts.end(), more->begin(), more->end());
    }
    if (const auto port = query.find("p")) {
        const auto number = encoding::parse_decimal(*port, 65'535);
        if (!number) return "its port is wrong";
        server.port = std::to_string(*number);
    }
    if (auto fingerprint = query.find("c")) {
        const auto value = encoding::take_base64url(*fingerprint);
        if (!value || !fingerprint->empty() || !set_fingerprint(server, *value))
            return "its server fingerprint is wrong";
    }
    return std::nullopt;
}

const server_address* find_preset(const server_address& server, const std::vector<server_address>& presets) {
    for (const auto& preset : presets)
        if (preset.hosts.front() == server.hosts.front()) return &preset;
    return nullptr;
}

bool same_as_preset(const server_address& server, const server_address& preset) {
    const bool hosts = std::all_of(server.hosts.begin(), server.hosts.end(), [&](const auto& host) {
        return std::find(preset.hosts.begin(), preset.hosts.end(), host) != preset.hosts.end();
    });
    const bool port = server.port == preset.port ||
                      (preset.port.empty() && (server.port == "443" || server.port == "5223"));
    return hosts && port && server.fingerprint == preset.fingerprint;
}

} // namespace

std::string to_text(const short_link& link) {
    const auto& server = link.server;
    auto hosts = server.hosts;
    std::string text = "simplex:";
    if (link.form == short_link::scheme::server) {
        text = "https://" + hosts.front().name;
        hosts.erase(hosts.begin());
    }
    text += '/';
    if (link.mode == connection_mode::invitation)
        text += "i#" + unpadded(link.link_id) + '/';
    else
        text += std::string(1, static_cast<char>(static_cast<char>(link.kind) - 'A' + 'a')) + '#';
    text += unpadded(link.link_key);

    std::string query;
    const auto add = [&](char name, std::string_view value) {
        query += query.empty() ? '?' : '&';
        query += name;
        query += '=';
        query += encoding::percent_encode(value);
    };
    if (!hosts.empty()) add('h', encoding::to_text(hosts));
    if (!server.port.empty()) add('p', server.port);
    if (has_fingerprint(server)) add('c', unpadded(server.fingerprint));
    return text + query;
}

result<short_link> parse_short_link(std::string_view text) {
    short_link link;
    if (take(text, "simplex:")) {
        link.form = short_link::scheme::simplex;
    } else if (take(text, "https://")) {
        auto host = encoding::take_host(text);
        if (!host) return not_a_link("no host after https://");
        link.server.hosts.push_back(std::move(*host));
    } else {
        return not_a_link("it begins neither with simplex:/ nor with https://HOST/");
    }
    if (take(text, ":")) return not_a_link("a port stands after its host; it belongs behind, as ?p=PORT");
    if (!take(text, "/") || text.empty()) return not_a_link("it ends early; copy it whole");

    const char letter = text.front();
    text.remove_prefix(1);
    const char upper = letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
    if (const auto kind = contact_kind_of(upper)) {
        link.mode = connection_mode::contact;
        link.kind = *kind;
    } else if (upper != 'I') {
        return not_a_link("its type '" + std::string(1, letter) + "' is not known");
    }
    take(text, "/");
    if (!take(text, "#")) return not_a_link("no '#' after its type");

    if (link.mode == connection_mode::invitation) {
        auto id = take_field(text);
        if (!id || !take(text, "/")) return not_a_link("its id or key is cut off; copy it whole");
        link.link_id = std::move(*id);
    }
    auto key = take_field(text);
    if (!key) return not_a_link("its key is missing; copy it whole");
    link.link_key = std::move(*key);

    if (take(text, "?")) {
        if (auto wrong = parse_server_query(text, link.server)) return not_a_link(*wrong);
    } else if (!text.empty()) {
        return not_a_link("there is something after its key");
    }
    if (link.server.hosts.empty()) return not_a_link("it names no server");
    if (!fit_hosts(link.server.hosts)) return not_a_link("its host names are too long");
    return link;
}

short_link read_short_link(reader& in) {
    short_link link;
    if (!in.accept("I")) {
        in.expect("C");
        link.mode = connection_mode::contact;
        const auto kind = contact_kind_of(static_cast<char>(in.u8()));
        if (kind)
            link.kind = *kind;
        else
            in.fail();
    }
    for (auto left = in.non_empty_count(); left > 0 && in.ok(); --left) {
        auto host = encoding::parse_host(in.short_text());
        if (host)
            link.server.hosts.push_back(std::move(*host));
        else
            in.fail();
    }
    const auto port = in.short_text();
    if (!port.empty() && !encoding::parse_decimal(port, 65'535)) in.fail();
    link.server.port = std::string(port);
    const auto fingerprint = in.short_bytes();
    if (!fingerprint.empty() && !set_fingerprint(link.server, fingerprint)) in.fail();
    if (link.mode == connection_mode::invitation) link.link_id = to_bytes(in.short_bytes());
    link.link_key = to_bytes(in.short_bytes());
    return link;
}

void write(writer& out, const short_link& link) {
    out.character(static_cast<char>(link.mode));
    if (link.mode == connection_mode::contact) out.character(static_cast<char>(link.kind));
    out.list_count(link.server.hosts.size());
    for (const auto& host : link.server.hosts) out.short_text(host.name);
    out.short_text(link.server.port);
    out.short_bytes(has_fingerprint(link.server) ? bytes_view(link.server.fingerprint) : bytes_view());
    if (link.mode == connection_mode::invitation) out.short_bytes(link.link_id);
    out.short_bytes(link.link_key);
}

short_link shorten(short_link link, const std::vector<server_address>& presets) {
    const auto* preset = find_preset(link.server, presets);
    if (!preset || !same_as_preset(link.server, *preset)) return link;
    link.server.hosts.resize(1);
    link.server.port.clear();
    link.server.fingerprint = {};
    return link;
}

short_link restore(short_link link, const std::vector<server_address>& presets) {
    const bool host_alone =
        link.server.hosts.size() == 1 && link.server.port.empty() && !has_fingerprint(link.server);
    const auto* preset = host_alone ? find_preset(link.server, presets) : nullptr;
    if (!preset) return link;
    link.server = *preset;
    link.server.password.clear();
    return link;
}

} // namespace plexus::agent
