#include "plexus/smp/errors.hpp"

#include "names.hpp"

#include "plexus/smp/types.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <array>
#include <optional>

namespace plexus::smp {
namespace {

namespace json = boost::json;

constexpr named<error_code> codes[] = {
    {error_code::block, "BLOCK"},       {error_code::session, "SESSION"},
    {error_code::command, "CMD"},       {error_code::proxy, "PROXY"},
    {error_code::auth, "AUTH"},         {error_code::blocked, "BLOCKED"},
    {error_code::service, "SERVICE"},   {error_code::crypto, "CRYPTO"},
    {error_code::quota, "QUOTA"},       {error_code::store, "STORE"},
    {error_code::no_message, "NO_MSG"}, {error_code::large_message, "LARGE_MSG"},
    {error_code::expired, "EXPIRED"},   {error_code::internal, "INTERNAL"},
    {error_code::name, "NAME"},         {error_code::duplicate, "DUPLICATE_"}};
constexpr named<command_error> commands[] = {
    {command_error::unknown, "UNKNOWN"},       {command_error::syntax, "SYNTAX"},
    {command_error::prohibited, "PROHIBITED"}, {command_error::no_auth, "NO_AUTH"},
    {command_error::has_auth, "HAS_AUTH"},     {command_error::no_entity, "NO_ENTITY"}};
constexpr named<proxy_error> proxies[] = {{proxy_error::broker, "BROKER"},
                                          {proxy_error::basic_auth, "BASIC_AUTH"},
                                          {proxy_error::no_session, "NO_SESSION"}};
constexpr named<broker_error> brokers[] = {
    {broker_error::response, "RESPONSE"},     {broker_error::unexpected, "UNEXPECTED"},
    {broker_error::network, "NETWORK"},       {broker_error::host, "HOST"},
    {broker_error::no_service, "NO_SERVICE"}, {broker_error::transport, "TRANSPORT"},
    {broker_error::timeout, "TIMEOUT"}};
constexpr named<network_error> networks[] = {
    {network_error::connect, "CONNECT"},      {network_error::tls, "TLS"},
    {network_error::unknown_ca, "UNKNOWNCA"}, {network_error::failed, "FAILED"},
    {network_error::timeout, "TIMEOUT"},      {network_error::subscribe, "SUBSCRIBE"}};
constexpr named<network_error> json_networks[] = {
    {network_error::connect, "connectError"},      {network_error::tls, "tLSError"},
    {network_error::unknown_ca, "unknownCAError"}, {network_error::failed, "failedError"},
    {network_error::timeout, "timeoutError"},      {network_error::subscribe, "subscribeError"}};
constexpr named<transport_error> transports[] = {{transport_error::block, "BLOCK"},
                                                 {transport_error::version, "VERSION"},
                                                 {transport_error::large_message, "LARGE_MSG"},
                                                 {transport_error::session, "SESSION"},
                                                 {transport_error::no_auth, "NO_AUTH"},
                                                 {transport_error::handshake, "HANDSHAKE"}};
constexpr named<transport_error> json_transports[] = {
    {transport_error::block, "badBlock"},         {transport_error::version, "version"},
    {transport_error::large_message, "largeMsg"}, {transport_error::session, "badSession"},
    {transport_error::no_auth, "noServerAuth"},   {transport_error::handshake, "handshake"}};
constexpr named<handshake_error> handshakes[] = {{handshake_error::parse, "PARSE"},
                                                 {handshake_error::identity, "IDENTITY"},
                                                 {handshake_error::bad_auth, "BAD_AUTH"},
                                                 {handshake_error::bad_service, "BAD_SERVICE"}};
constexpr named<blocking_reason> reasons[] = {{blocking_reason::spam, "spam"},
                                              {blocking_reason::content, "content"}};
constexpr named<name_error> name_errors[] = {{name_error::no_resolver, "NO_RESOLVER"},
                                             {name_error::not_found, "NOT_FOUND"},
                                             {name_error::resolver, "RESOLVER"}};

/// The member that holds the words.
constexpr named<network_error> json_words[] = {{network_error::connect, "connectError"},
                                               {network_error::tls, "tlsError"},
                                               {network_error::subscribe, "subscribeError"}};

bool has_words(network_error value) {
    return value == network_error::connect || value == network_error::tls ||
           value == network_error::subscribe;
}

/// Binary form: texts inside have a length. Text form: they run to the end.
enum class form { binary, text };

error refuse(std::string_view what) {
    return make_error(failure::syntax, "an SMP error that does not parse: " + std::string(what));
}

// ---- writing

void put_words(std::string& out, std::string_view words, form as) {
    words = words.substr(0, as == form::binary ? 255 : words.size());
    if (as == form::binary) out.push_back(static_cast<char>(static_cast<unsigned char>(words.size())));
    out += words;
}

void put_broker(std::string& out, const server_error& value, form as) {
    out += name_of(brokers, value.broker);
    if (value.broker == broker_error::response || value.broker == broker_error::unexpected) {
        out += ' ';
        put_words(out, value.text, as);
    } else if (value.broker == broker_error::transport) {
        out += ' ';
        out += name_of(transports, value.transport);
        if (value.transport == transport_error::handshake) {
            out += ' ';
            out += name_of(handshakes, value.handshake);
        }
    }
}

std::string put(const server_error& value, form as) {
    std::string out;
    for (unsigned i = 0; i < value.proxied; ++i) out += "PROXY PROTOCOL ";
    out += name_of(codes, value.code);
    switch (value.code) {
    case error_code::command:
        out += ' ';
        out += name_of(commands, value.command);
        break;
    case error_code::proxy:
        out += ' ';
        if (value.proxy == proxy_error::broker) {
            out += "BROKER ";
            put_broker(out, value, as);
        } else {
            out += name_of(proxies, value.proxy);
        }
        break;
    case error_code::blocked:
        out += " reason=";
        out += name_of(reasons, value.reason);
        if (!value.text.empty()) out += ",notice=" + value.text;
        break;
    case error_code::store:
        out += ' ';
        out += value.text;
        break;
    case error_code::name:
        out += ' ';
        out += name_of(name_errors, value.name);
        if (value.name == name_error::resolver) out += ' ' + value.text;
        break;
    default: break;
    }
    return out;
}

// ---- reading

/// Takes up to the next space, and the space.
std::string_view word(std::string_view& rest) {
    const auto end = rest.find(' ');
    const auto out = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return out;
}

std::optional<std::string> take_words(std::string_view rest, form as) {
    if (as == form::text) return std::string(rest);
    if (rest.empty() || rest.size() != 1 + std::size_t{static_cast<unsigned char>(rest[0])})
        return std::nullopt;
    return std::string(rest.substr(1));
}

result<server_error> take_network(server_error out, std::string_view rest, bool more, form as) {
    out.network = network_error::failed;
    if (!more) return out;
    const auto kind = value_of(networks, word(rest));
    if (!kind) return refuse("NETWORK");
    out.network = *kind;
    if (has_words(*kind)) {
        auto words = take_words(rest, as);
        if (!words) return refuse("NETWORK");
        out.text = std::move(*words);
        rest = {};
    }
    if (!rest.empty()) return refuse("NETWORK");
    return out;
}

result<server_error> take_broker(server_error out, std::string_view rest, form as) {
    const bool more = rest.find(' ') != std::string_view::npos;
    const auto kind = value_of(brokers, word(rest));
    if (!kind) return refuse("PROXY BROKER");
    out.broker = *kind;
    switch (*kind) {
    case broker_error::response:
    case broker_error::unexpected: {
        auto words = more ? take_words(rest, as) : std::nullopt;
        if (!words) return refuse("PROXY BROKER");
        out.text = std::move(*words);
        return out;
    }
    case broker_error::network: return take_network(std::move(out), rest, more, as);
    case broker_error::transport: {
        const auto transport = value_of(transports, word(rest));
        if (!transport) return refuse("TRANSPORT");
        out.transport = *transport;
        if (*transport == transport_error::handshake) {
            const auto handshake = value_of(handshakes, rest);
            if (!handshake) return refuse("HANDSHAKE");
            out.handshake = *handshake;
            rest = {};
        }
        if (!rest.empty()) return refuse("TRANSPORT");
        return out;
    }
    default:
        if (more) return refuse("PROXY BROKER");
        return out;
    }
}

bool is_json_object(std::string_view text) {
    boost::system::error_code failed;
    json::parse_options options;
    options.max_depth = 8;
    const auto value = json::parse(text, failed, {}, options);
    return !failed && value.is_object();
}

result<server_error> take_blocked(server_error out, std::string_view rest) {
    constexpr std::string_view prefix = "reason=";
    if (rest.substr(0, prefix.size()) != prefix) return refuse("BLOCKED");
    rest.remove_prefix(prefix.size());
    const auto comma = rest.find(',');
    const auto reason = value_of(reasons, rest.substr(0, comma));
    if (!reason) return refuse("BLOCKED");
    out.reason = *reason;
    if (comma == std::string_view::npos) return out;
    constexpr std::string_view notice = ",notice=";
    rest.remove_prefix(comma);
    if (rest.substr(0, notice.size()) != notice || !is_json_object(rest.substr(notice.size())))
        return refuse("BLOCKED");
    out.text = std::string(rest.substr(notice.size()));
    return out;
}

result<server_error> take(std::string_view rest, form as) {
    server_error out;
    constexpr std::string_view relayed = "PROXY PROTOCOL ";
    while (rest.substr(0, relayed.size()) == relayed) {
        if (out.proxied == 255) return refuse("nested too deep");
        ++out.proxied;
        rest.remove_prefix(relayed.size());
    }
    const bool more = rest.find(' ') != std::string_view::npos;
    const auto code = value_of(codes, word(rest));
    if (!code) return refuse("no such error");
    out.code = *code;
    switch (*code) {
    case error_code::command: {
        const auto command =
            rest == "NO_QUEUE" ? std::optional(command_error::no_entity) : value_of(commands, rest);
        if (!command) return refuse("CMD");
        out.command = *command;
        return out;
    }
    case error_code::proxy: {
        const bool inner = rest.find(' ') != std::string_view::npos;
        const auto proxy = value_of(proxies, word(rest));
        if (!proxy || inner != (*proxy == proxy_error::broker)) return refuse("PROXY");
        out.proxy = *proxy;
        return inner ? take_broker(std::move(out), rest, as) : result<server_error>(std::move(out));
    }
    case error_code::blocked: return take_blocked(std::move(out), rest);
    case error_code::store:
        if (!more) return refuse("STORE");
        out.text = std::string(rest);
        return out;
    case error_code::name: {
        const bool words = rest.find(' ') != std::string_view::npos;
        const auto name = value_of(name_errors, word(rest));
        if (!name || words != (*name == name_error::resolver)) return refuse("NAME");
        out.name = *name;
        out.text = std::string(rest);
        return out;
    }
    default:
        if (more) return refuse("an error with parameters");
        return out;
    }
}

// ---- JSON

json::object typed(std::string_view type) { return {{"type", type}}; }

json::object broker_json(const server_error& value) {
    auto out = json::object();
    if (value.broker == broker_error::network) {
        auto network = json::object();
        if (has_words(value.network)) network[name_of(json_words, value.network)] = value.text;
        network["type"] = name_of(json_networks, value.network);
        out["networkError"] = std::move(network);
    } else if (value.broker == broker_error::transport) {
        auto transport = json::object();
        if (value.transport == transport_error::handshake)
            transport["handshakeErr"] = typed(name_of(handshakes, value.handshake));
        transport["type"] = name_of(json_transports, value.transport);
        out["transportErr"] = std::move(transport);
    } else if (value.broker == broker_error::response || value.broker == broker_error::unexpected) {
        out["respErr"] = value.text;
    }
    out["type"] = name_of(brokers, value.broker);
    return out;
}

json::object own_json(const server_error& value) {
    auto out = json::object();
    if (value.code == error_code::command) {
        out["cmdErr"] = typed(name_of(commands, value.command));
    } else if (value.code == error_code::proxy) {
        auto proxy = json::object();
        if (value.proxy == proxy_error::broker) proxy["brokerErr"] = broker_json(value);
        proxy["type"] = name_of(proxies, value.proxy);
        out["proxyErr"] = std::move(proxy);
    } else if (value.code == error_code::blocked) {
        auto info = json::object();
        if (!value.text.empty()) info["notice"] = json::parse(value.text);
        info["reason"] = name_of(reasons, value.reason);
        out["blockInfo"] = std::move(info);
    } else if (value.code == error_code::store) {
        out["storeErr"] = value.text;
    } else if (value.code == error_code::name) {
        auto name = json::object();
        if (value.name == name_error::resolver) name["resolverErr"] = value.text;
        name["type"] = name_of(name_errors, value.name);
        out["nameErr"] = std::move(name);
    }
    out["type"] = name_of(codes, value.code);
    return out;
}

/// The string member `name`, or nothing.
std::optional<std::string_view> text_of(const json::object& value, std::string_view name) {
    const auto* found = value.if_contains(name);
    if (found == nullptr || !found->is_string()) return std::nullopt;
    return std::string_view(found->get_string());
}

const json::object* object_of(const json::object& value, std::string_view name) {
    const auto* found = value.if_contains(name);
    return found == nullptr ? nullptr : found->if_object();
}

template <typename Enum, std::size_t N>
bool read_type(const json::object* value, const named<Enum> (&names)[N], Enum& out) {
    if (value == nullptr) return false;
    const auto type = text_of(*value, "type");
    const auto found = type ? value_of(names, *type) : std::nullopt;
    if (found) out = *found;
    return found.has_value();
}

bool read_text(const json::object& value, std::string_view name, std::string& out) {
    const auto found = text_of(value, name);
    if (found) out = std::string(*found);
    return found.has_value();
}

bool read_broker(const json::object* value, server_error& out) {
    if (!read_type(value, brokers, out.broker)) return false;
    switch (out.broker) {
    case broker_error::network: {
        const auto* network = object_of(*value, "networkError");
        if (network == nullptr) return true;
        return read_type(network, json_networks, out.network) &&
               (!has_words(out.network) || read_text(*network, name_of(json_words, out.network), out.text));
    }
    case broker_error::transport: {
        const auto* transport = object_of(*value, "transportErr");
        return read_type(transport, json_transports, out.transport) &&
               (out.transport != transport_error::handshake ||
                read_type(object_of(*transport, "handshakeErr"), handshakes, out.handshake));
    }
    case broker_error::response:
    case broker_error::unexpected: return read_text(*value, "respErr", out.text);
    default: return true;
    }
}

bool read_own(const json::object& value, server_error& out) {
    if (!read_type(&value, codes, out.code)) return false;
    switch (out.code) {
    case error_code::command: return read_type(object_of(value, "cmdErr"), commands, out.command);
    case error_code::proxy: {
        const auto* proxy = object_of(value, "proxyErr");
        return read_type(proxy, proxies, out.proxy) &&
               (out.proxy != proxy_error::broker || read_broker(object_of(*proxy, "brokerErr"), out));
    }
    case error_code::blocked: {
        const auto* info = object_of(value, "blockInfo");
        const auto reason = info == nullptr ? std::nullopt : text_of(*info, "reason");
        const auto known = reason ? value_of(reasons, *reason) : std::nullopt;
        if (!known) return false;
        out.reason = *known;
        if (const auto* notice = object_of(*info, "notice")) out.text = json::serialize(*notice);
        return true;
    }
    case error_code::store: return read_text(value, "storeErr", out.text);
    case error_code::name: {
        const auto* name = object_of(value, "nameErr");
        return read_type(name, name_errors, out.name) &&
               (out.name != name_error::resolver || read_text(*name, "resolverErr", out.text));
    }
    default: return true;
    }
}

} // namespace

std::string encode(const server_error& value, std::uint16_t v) {
    if (value.code == error_code::blocked && value.proxied == 0) {
        if (v < since::blocked) return "AUTH";
        if (v < since::client_notices && !value.text.empty()) {
            auto plain = value;
            plain.text.clear();
            return put(plain, form::binary);
        }
    }
    return put(value, form::binary);
}

result<server_error> parse_server_error(bytes_view data) { return take(as_text(data), form::binary); }

std::string to_text(const server_error& value) { return put(value, form::text); }

result<server_error> parse_server_error_text(std::string_view text) { return take(text, form::text); }

std::string to_json(const server_error& value) {
    auto out = own_json(value);
    for (unsigned i = 0; i < value.proxied; ++i) {
        auto proxy = json::object();
        proxy["protocolErr"] = std::move(out);
        proxy["type"] = "PROTOCOL";
        out = json::object();
        out["proxyErr"] = std::move(proxy);
        out["type"] = "PROXY";
    }
    return json::serialize(out);
}

result<server_error> parse_server_error_json(std::string_view text) {
    boost::system::error_code failed;
    json::parse_options options;
    options.max_depth = 64;
    const auto parsed = json::parse(text, failed, {}, options);
    const auto* value = failed ? nullptr : parsed.if_object();
    server_error out;
    while (value != nullptr) {
        const auto* proxy = text_of(*value, "type") == "PROXY" ? object_of(*value, "proxyErr") : nullptr;
        if (proxy == nullptr || text_of(*proxy, "type") != "PROTOCOL") break;
        ++out.proxied;
        value = object_of(*proxy, "protocolErr");
    }
    if (value == nullptr || !read_own(*value, out)) return refuse("not the JSON of one");
    return out;
}

server_error as_server_error(const error& cause) {
    if (cause.is(failure::syntax)) return make_server_error(command_error::syntax);
    if (cause.is(failure::unknown_tag)) return make_server_error(command_error::unknown);
    if (cause.is(failure::session)) return make_server_error(error_code::session);
    if (cause.is(failure::block)) return make_server_error(error_code::block);
    if (cause.is(failure::crypto)) return make_server_error(error_code::crypto);
    if (cause.is(failure::too_large)) return make_server_error(error_code::large_message);
    if (cause.is(failure::no_server_key)) {
        auto out = make_server_error(error_code::proxy);
        out.proxy = proxy_error::broker;
        out.broker = broker_error::transport;
        out.transport = transport_error::no_auth;
        return out;
    }
    return make_server_error(error_code::internal);
}

} // namespace plexus::smp
