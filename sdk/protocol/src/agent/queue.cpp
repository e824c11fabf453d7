#include "plexus/agent/queue.hpp"

#include "fields.hpp"
#include "plexus/encoding/base64.hpp"

namespace plexus::agent {

namespace {

using encoding::reader;
using encoding::writer;

/// The longest id that the binary form can carry.
constexpr std::size_t max_id_size = 255;

/// Servers that got an onion address after addresses of client version 1 had been given out.
struct known_host {
    std::string_view domain;
    std::string_view onion;
};
constexpr known_host known_hosts[] = {
    {"smp4.simplex.im", "o5vmywmrnaxalvz6wi3zicyftgio6psuvyniis6gco6bp6ekl4cqj4id.onion"},
    {"smp5.simplex.im", "jjbyvoemxysm7qxap7m5d5m35jzv5qq6gnlv7s4rsn7tdwwmuqciwpid.onion"},
    {"smp6.simplex.im", "bylepyau3ty4czmn77q4fglvperknl4bi2eb2fdy2bh4jxtf32kf73yd.onion"},
    {"smp8.simplex.im", "beccx4yfxxbvyhqypaavemqurytl6hozr47wfc7uuecacjqdvwpw2xid.onion"},
    {"smp9.simplex.im", "jssqzccmrcws6bhmn77vgmhfjmhwlyr3u7puw4erkyoosywgl67slqqd.onion"},
    {"smp10.simplex.im", "rb2pbttocvnbrngnwziclp2f4ckjq65kebafws6g4hy22cdaiv5dwjqd.onion"},
};

void add_known_hosts(server_address& server) {
    if (server.hosts.size() != 1) return;
    for (const auto& known : known_hosts) {
        if (server.hosts.front().name == known.domain)
            server.hosts.push_back({encoding::host_kind::onion, std::string(known.onion)});
        if (server.hosts.size() > 1) return;
    }
}

/// The server with one host, without the list around it.
server_address read_legacy_server(reader& in) {
    server_address server;
    auto host = encoding::parse_host(in.short_text());
    const auto port = in.short_text();
    const auto fingerprint = in.short_bytes();
    if (!host || fingerprint.size() != server.fingerprint.size() ||
        (!port.empty() && !encoding::parse_decimal(port, 65'535))) {
        in.fail();
        return server;
    }
    server.hosts.push_back(std::move(*host));
    server.port = std::string(port);
    std::copy(fingerprint.begin(), fingerprint.end(), server.fingerprint.begin());
    add_known_hosts(server);
    return server;
}

void write_legacy_server(writer& out, const server_address& server) {
    out.short_text(server.hosts.front().name).short_text(server.port).short_bytes(server.fingerprint);
}

std::optional<queue_mode> read_mode(reader& in) {
    if (in.accept("M") || in.accept("T")) return queue_mode::messaging;
    if (in.accept("C") || in.accept("F")) return queue_mode::contact;
    return std::nullopt;
}

void write_mode(writer& out, std::optional<queue_mode> mode) {
    if (mode) out.character(*mode == queue_mode::messaging ? 'M' : 'C');
}

void read_id_and_keys(reader& in, queue_address& address) {
    address.sender_id = to_bytes(in.short_bytes());
    address.dh_key = read_key(in, crypto::key_type::x25519);
    address.mode = read_mode(in);
}

void write_id_and_key(writer& out, const queue_address& address) {
    out.short_bytes(address.sender_id);
    write_key(out, address.dh_key);
}

bool take(std::string_view& text, char character) {
    if (text.empty() || text.front() != character) return false;
    text.remove_prefix(1);
    return true;
}

std::optional<crypto::public_key> take_key(std::string_view& text) {
    auto rest = text;
    const auto der = encoding::take_base64url(rest);
    if (!der) return std::nullopt;
    auto key = crypto::public_key::from_spki(crypto::key_type::x25519, *der);
    if (!key) return std::nullopt;
    text = rest;
    return *key;
}

/// "[KEY][/]?v=...": the parameters of all but the oldest addresses.
bool parse_parameters(std::string_view text, queue_uri& queue) {
    auto key = take_key(text);
    take(text, '/');
    if (!take(text, '?') || text.find_first_of(" \n") != text.npos) return false;
    const auto query = encoding::query_string::parse(text);
    const auto versions = encoding::parse_version_range(query.find("v").value_or(""));
    if (!versions) return false;
    if (!key) {
        auto parameter = query.find("dh").value_or("");
        key = take_key(parameter);
        if (!key || !parameter.empty()) return false;
    }
    auto& address = queue.address;
    if (const auto hosts = query.find("srv")) {
        const auto more = encoding::parse_hosts(*hosts);
        if (!more) return false;
        address.server.hosts.insert(address.server.hosts.end(), more->begin(), more->end());
    }
    queue.client_versions = *versions;
    address.dh_key = *key;
    const auto mode = query.find("q");
    if (mode == "c")
        address.mode = queue_mode::contact;
    else if (mode == "m" || query.find("k") == "s")
        address.mode = queue_mode::messaging;
    return true;
}

error not_a_queue(std::string_view why) {
    return make_error(failure::link, "not a queue address: " + std::string(why));
}

} // namespace

std::optional<queue_info> queue_uri::agree(version_range supported) const {
    const auto version = client_versions.agree(supported);
    if (!version) return std::nullopt;
    return queue_info{*version, address};
}

queue_uri read_queue_uri(reader& in) {
    queue_uri queue;
    queue.client_versions = encoding::read_version_range(in);
    queue.address.server = smp::read_server_address(in);
    read_id_and_keys(in, queue.address);
    return queue;
}

void write(writer& out, const queue_uri& queue) {
    const auto& address = queue.address;
    write(out, queue.client_versions);
    write(out, address.server);
    write_id_and_key(out, address);
    const auto secure = address.sender_can_secure();
    // Readers of older versions know no mode, and those of version 2 not even the flag.
    if (queue.client_versions.min >= client_version_short_links)
        write_mode(out, address.mode);
    else if (queue.client_versions.min >= client_version_sender_secured ||
             (queue.client_versions.max >= client_version_sender_secured && secure))
        out.boolean(secure);
}

queue_info read_queue_info(reader& in) {
    queue_info queue;
    queue.client_version = in.u16();
    queue.address.server =
        queue.client_version >= client_version_hosts ? smp::read_server_address(in) : read_legacy_server(in);
    read_id_and_keys(in, queue.address);
    return queue;
}

void write(writer& out, const queue_info& queue) {
    const auto& address = queue.address;
    out.u16(queue.client_version);
    if (queue.client_version >= client_version_hosts)
        write(out, address.server);
    else
        write_legacy_server(out, address.server);
    write_id_and_key(out, address);
    if (queue.client_version >= client_version_short_links)
        write_mode(out, address.mode);
    else if (queue.client_version >= client_version_sender_secured && address.sender_can_secure())
        out.boolean(true);
}

std::string to_text(const queue_uri& queue) {
    const auto& address = queue.address;
    const bool all_hosts = queue.client_versions.min >= client_version_hosts;
    auto server = address.server;
    if (!all_hosts) server.hosts.resize(1);

    auto text = smp::to_public_text(server) + '/' + encoding::base64url_encode(address.sender_id) +
                "#/?v=" + encoding::percent_encode(encoding::to_text(queue.client_versions)) +
                "&dh=" + encoding::percent_encode(address.dh_key.text());
    if (address.mode) text += address.sender_can_secure() ? "&q=m" : "&q=c";
    if (address.sender_can_secure() && queue.client_versions.min < client_version_short_links) text += "&k=s";
    if (!all_hosts && address.server.hosts.size() > 1) {
        const std::vector<encoding::host> others(address.server.hosts.begin() + 1,
                                                 address.server.hosts.end());
        text += "&srv=" + encoding::percent_encode(encoding::to_text(others));
    }
    return text;
}

result<queue_uri> parse_queue_uri(std::string_view text) {
    queue_uri queue;
    auto server = smp::take_server_address(text);
    if (!server) return not_a_queue(server.error().message());
    if (!server->password.empty()) return not_a_queue("it has a password");
    queue.address.server = std::move(*server);

    if (!take(text, '/')) return not_a_queue("no '/' after the server");
    auto id = encoding::take_base64url(text);
    if (!id || id->size() > max_id_size) return not_a_queue("no queue id after the server");
    queue.address.sender_id = std::move(*id);
    take(text, '/');
    if (!take(text, '#')) return not_a_queue("no '#' after the queue id");

    if (!parse_parameters(text, queue)) {
        auto key = take_key(text);
        if (!key || !text.empty()) return not_a_queue("its version or key is missing or wrong");
        queue.client_versions = {client_versions.min, client_versions.min};
        queue.address.dh_key = *key;
    }
    if (queue.client_versions.max < client_version_hosts) add_known_hosts(queue.address.server);
    if (!fit_hosts(queue.address.server.hosts)) return not_a_queue("its host names are too long");
    return queue;
}

} // namespace plexus::agent
