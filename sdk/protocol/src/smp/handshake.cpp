#include "plexus/smp/handshake.hpp"

#include "fields.hpp"

#include "plexus/smp/certificates.hpp"

namespace plexus::smp {
namespace {

using namespace fields;

error refuse(const char* what) { return make_error(failure::hello, what); }

service_role read_role(reader& in) {
    switch (in.u8()) {
    case 'M': return service_role::messaging;
    case 'N': return service_role::notifier;
    case 'P': return service_role::proxy;
    default: in.fail(); return service_role::messaging;
    }
}
char role_letter(service_role role) {
    return role == service_role::messaging ? 'M' : role == service_role::notifier ? 'N' : 'P';
}

/// A part that is left out where it does not parse, as keys below version 7 may be.
template <typename Read>
auto read_optional(reader& in, Read read) -> std::optional<decltype(read(in))> {
    reader attempt = in;
    auto value = read(attempt);
    if (!attempt.ok()) return std::nullopt;
    in = attempt;
    return value;
}

/// A transport error is written like the tail of "PROXY BROKER TRANSPORT ...".
constexpr std::string_view transport_prefix = "PROXY BROKER TRANSPORT ";

} // namespace

certified_key read_certified_key(encoding::reader& in) {
    certified_key out;
    const auto count = in.non_empty_count();
    for (std::size_t i = 0; i < count && in.ok(); ++i) out.chain.push_back(in.large_bytes());
    out.signed_key = in.large_bytes();
    return out;
}

void write(encoding::writer& out, const certified_key& key) {
    out.list_count(key.chain.size());
    for (const auto certificate : key.chain) out.large_bytes(certificate);
    out.large_bytes(key.signed_key);
}

result<server_hello> parse_server_hello(bytes_view content) {
    reader in(content);
    server_hello out;
    out.versions = encoding::read_version_range(in);
    out.session_id = in.short_bytes();
    if (!in.ok()) return refuse("the server's hello does not parse");
    if (out.versions.max >= since::implied_session) out.key = read_optional(in, read_certified_key);
    return out;
}

void write(encoding::writer& out, const server_hello& hello) {
    encoding::write(out, hello.versions);
    out.short_bytes(hello.session_id);
    if (hello.versions.max >= since::implied_session && hello.key) write(out, *hello.key);
}

result<client_hello> parse_client_hello(bytes_view content) {
    reader in(content);
    client_hello out;
    out.chosen = in.u16();
    out.identity = in.short_bytes();
    if (out.chosen >= since::implied_session) out.key = read_optional(in, read_x25519_key);
    if (out.chosen >= since::proxy_flag) out.proxy = in.boolean();
    if (out.chosen >= since::service_certificates && in.maybe()) {
        auto& service = out.client_service.emplace();
        service.role = read_role(in);
        service.key = read_certified_key(in);
    }
    if (!in.ok()) return refuse("the client's hello does not parse");
    return out;
}

void write(encoding::writer& out, const client_hello& hello) {
    out.u16(hello.chosen).short_bytes(hello.identity);
    if (hello.chosen >= since::implied_session && hello.key) write_key(out, *hello.key);
    if (hello.chosen >= since::proxy_flag) out.boolean(hello.proxy);
    if (hello.chosen >= since::service_certificates) {
        out.maybe(hello.client_service.has_value());
        if (hello.client_service) {
            out.character(role_letter(hello.client_service->role));
            write(out, hello.client_service->key);
        }
    }
}

result<service_hello> parse_service_hello(bytes_view content) {
    reader in(content);
    service_hello out;
    if (in.accept("R")) {
        out.service_id = in.short_bytes();
    } else {
        in.expect("E");
        auto text = std::string(transport_prefix) + plexus::to_string(in.tail());
        // What fills the block is not part of the content, so the error runs to the end.
        auto refused = parse_server_error(as_bytes(text));
        if (!refused)
            in.fail();
        else
            out.refused = std::move(refused).value();
    }
    if (!in.ok()) return refuse("the server's answer to a service does not parse");
    return out;
}

void write(encoding::writer& out, const service_hello& hello) {
    if (!hello.refused) {
        out.character('R').short_bytes(hello.service_id);
        return;
    }
    auto value = *hello.refused;
    value.code = error_code::proxy;
    value.proxy = proxy_error::broker;
    value.broker = broker_error::transport;
    value.proxied = 0;
    out.character('E').raw(std::string_view(to_text(value)).substr(transport_prefix.size()));
}

result<crypto::public_key> verify_server_key(const certified_key& key, const key_hash& expected,
                                             const crypto::public_key& leaf_key) {
    const auto roles = roles_of_chain(key.chain.size());
    if (!roles || fingerprint(key.chain[roles->identity]) != expected)
        return make_error(failure::bad_auth,
                          "the server's certificates do not lead to the address's fingerprint");
    PLEXUS_TRY(auto out, verify_session_key(leaf_key, key.signed_key));
    if (out.type() != crypto::key_type::x25519)
        return make_error(failure::bad_auth, "the server's session key is not of X25519");
    return out;
}

} // namespace plexus::smp
