// What can go wrong in SMP: `failure` is the domain of this library's own results, `server_error` is the
// value that an ERR message carries from a server to its client, with its binary, text and JSON forms.
#pragma once

#include "plexus/bytes.hpp"
#include "plexus/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace plexus::smp {

/// Why a block, a hello, a transmission or an address was refused.
enum class failure : std::int32_t {
    block = 1,         ///< a block or a transmission is malformed, or does not decrypt
    session = 2,       ///< another session id than that of the connection
    unknown_tag = 3,   ///< no such command or message
    syntax = 4,        ///< a command or message with wrong parameters
    version = 5,       ///< no version in common
    too_large = 6,     ///< it does not fit into a block
    no_server_key = 7, ///< an X25519 key authorizes, and the server gave no session key
    hello = 8,         ///< a hello that does not parse
    identity = 9,      ///< the client's hello names another server
    bad_auth = 10,     ///< certificate chain or signed session key do not verify
    bad_service = 11,  ///< the server refused the client's service certificate
    body = 12,         ///< a received message does not decrypt or parse
    address = 13,      ///< a server address that does not parse
    key = 14,          ///< a key of an algorithm that cannot do this
    state = 15,        ///< not at this point of the session
    crypto = 16        ///< a layer of a forwarded command does not decrypt
};
constexpr const char* error_domain(failure) noexcept { return "smp"; }

enum class error_code : std::uint8_t {
    block,
    session,
    command,
    proxy,
    auth,
    blocked,
    service,
    crypto,
    quota,
    store,
    no_message,
    large_message,
    expired,
    internal,
    name,
    duplicate
};
enum class command_error : std::uint8_t { unknown, syntax, prohibited, no_auth, has_auth, no_entity };
/// `PROXY PROTOCOL ...` is not here: see server_error::proxied.
enum class proxy_error : std::uint8_t { broker, basic_auth, no_session };
enum class broker_error : std::uint8_t {
    response,
    unexpected,
    network,
    host,
    no_service,
    transport,
    timeout
};
enum class network_error : std::uint8_t { connect, tls, unknown_ca, failed, timeout, subscribe };
enum class transport_error : std::uint8_t { block, version, large_message, session, no_auth, handshake };
enum class handshake_error : std::uint8_t { parse, identity, bad_auth, bad_service };
enum class name_error : std::uint8_t { no_resolver, not_found, resolver };
enum class blocking_reason : std::uint8_t { spam, content };

/// The value of an ERR message. A member counts only where `code` (then `proxy`, then `broker`) says so.
struct server_error {
    error_code code = error_code::internal;
    /// How many times "PROXY PROTOCOL" stands in front: the error came from the relay behind a proxy.
    std::uint8_t proxied = 0;
    command_error command = command_error::unknown;
    proxy_error proxy = proxy_error::broker;
    broker_error broker = broker_error::response;
    network_error network = network_error::failed;
    transport_error transport = transport_error::block;
    handshake_error handshake = handshake_error::parse;
    blocking_reason reason = blocking_reason::spam;
    name_error name = name_error::no_resolver;
    /// STORE, RESPONSE, UNEXPECTED, CONNECT, TLS, SUBSCRIBE and RESOLVER: the words. BLOCKED: the notice, a
    /// JSON object, or empty.
    std::string text;

    friend bool operator==(const server_error&, const server_error&) = default;
};

inline server_error make_server_error(error_code code) {
    server_error out;
    out.code = code;
    return out;
}
inline server_error make_server_error(name_error code) {
    server_error out;
    out.code = error_code::name;
    out.name = code;
    return out;
}
inline server_error make_server_error(command_error code) {
    server_error out;
    out.code = error_code::command;
    out.command = code;
    return out;
}

/// As it stands after "ERR " in a message: BLOCKED is AUTH below version 12 and has its notice from 18.
std::string encode(const server_error& value, std::uint16_t version);
/// Parses all of `data`. Error: failure::syntax.
result<server_error> parse_server_error(bytes_view data);

/// The text form, as in logs and in the bot API's strings ("CMD SYNTAX").
std::string to_text(const server_error& value);
result<server_error> parse_server_error_text(std::string_view text);
/// The JSON form of the bot API ({"type":"CMD","cmdErr":{"type":"SYNTAX"}}), keys in alphabetical order.
std::string to_json(const server_error& value);
result<server_error> parse_server_error_json(std::string_view text);

/// A library failure as the server reports it to its peer.
server_error as_server_error(const error& cause);

} // namespace plexus::smp
