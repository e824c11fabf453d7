#include "plexus/smp/server.hpp"

#include "plexus/smp/certificates.hpp"
#include "plexus/smp/handshake.hpp"
#include "plexus/smp/message_body.hpp"
#include "plexus/smp/proxy.hpp"

#include <stdexcept>

namespace plexus::smp {

result<server_identity> make_server_identity(std::vector<bytes> chain, crypto::private_key key) {
    const auto roles = roles_of_chain(chain.size());
    if (!roles)
        return make_error(failure::bad_auth, "a server's chain has 2 to 4 certificates, this one has " +
                                                 std::to_string(chain.size()));
    PLEXUS_TRY(const auto leaf, certificate_key(chain[roles->leaf]));
    if (!crypto::can_sign(key.type()) || leaf != key.public_part())
        return make_error(failure::bad_auth,
                          "the private key is not that of the first certificate of the chain");
    server_identity out;
    out.fingerprint = fingerprint(chain[roles->identity]);
    out.chain = std::move(chain);
    out.key = std::move(key);
    return out;
}

server_session::server_session(const server_identity& identity, bytes_view session_id, bool alpn,
                               crypto::random_source& random, std::vector<bytes> peer_chain)
    : identity_(identity), session_key_(std::make_shared<const crypto::private_key>(
                               crypto::private_key::generate(crypto::key_type::x25519, random))),
      session_id_size_(static_cast<std::uint8_t>(session_id.size())), peer_chain_(std::move(peer_chain)),
      offered_(alpn ? supported_versions : legacy_versions) {
    if (session_id.size() > session_id_.size()) throw std::invalid_argument("a session id is too long");
    std::copy(session_id.begin(), session_id.end(), session_id_.begin());
}

result<void> server_session::write_hello(block_span out) const {
    server_hello hello;
    hello.versions = offered_;
    hello.session_id = session_id();
    bytes signed_key;
    if (offered_.max >= since::implied_session) {
        signed_key = sign_session_key(identity_.key, session_key_->public_part());
        hello.key = certified_key{{identity_.chain.begin(), identity_.chain.end()}, signed_key};
    }
    bytes content;
    encoding::writer writer(content);
    write(writer, hello);
    if (content.size() > max_block_content)
        return make_error(failure::too_large, "the chain of certificates does not fit into the hello");
    block_cipher().seal(out, content);
    return {};
}

result<void> server_session::receive(block_span block) {
    incoming_ = {};
    if (state_ == state::closed) return make_error(failure::state, "the session is closed");
    auto content = cipher_.open(block);
    if (state_ == state::hello) {
        auto done = content ? receive_hello(*content) : result<void>(std::move(content).error());
        state_ = !done ? state::closed : service_ ? state::service : state::ready;
        peer_chain_ = {};
        return done;
    }
    if (state_ == state::service) {
        state_ = state::closed;
        return make_error(failure::state, "the client did not wait for the answer to its service");
    }
    if (!content) return std::move(content).error();
    PLEXUS_TRY(incoming_, batch_reader::open(*content));
    return {};
}

result<void> server_session::receive_hello(bytes_view content) {
    PLEXUS_TRY(const auto hello, parse_client_hello(content));
    if (!equal(hello.identity, identity_.fingerprint))
        return make_error(failure::identity, "the client means another server");
    if (!offered_.contains(hello.chosen))
        return make_error(failure::version, "the client chose SMP version " + std::to_string(hello.chosen) +
                                                ", offered are " + encoding::to_text(offered_));
    version_ = hello.chosen;
    if (hello.client_service) PLEXUS_CHECK(receive_service(*hello.client_service));
    if (!hello.key) return {};
    PLEXUS_TRY(const auto secret, crypto::dh_x25519(*session_key_, *hello.key));
    proxy_key_ = crypto::box_key(secret);
    if (version_ >= since::encrypted_blocks && !hello.proxy)
        cipher_ = block_cipher::for_server(session_id(), secret);
    return {};
}

result<void> server_session::receive_service(const service_certificate& presented) {
    auto refuse = [this](const char* why) {
        refusal_ = handshake_error::bad_auth;
        return make_error(failure::bad_service, why);
    };
    const auto& chain = presented.key.chain;
    const auto roles = roles_of_service_chain(chain.size());
    const bool shown = std::equal(chain.begin(), chain.end(), peer_chain_.begin(), peer_chain_.end(),
                                  [](bytes_view one, bytes_view other) { return equal(one, other); });
    if (!roles || !shown) return refuse("the service's certificates are not those that it showed in TLS");
    const auto leaf = certificate_key(chain[roles->leaf]);
    if (!leaf) return refuse("the service's certificate has no usable key");
    auto key = verify_session_key(*leaf, presented.key.signed_key);
    if (!key || key->type() != crypto::key_type::ed25519)
        return refuse("the session key of the service is not signed by its certificate");
    service_ = std::make_unique<service_offer>(
        service_offer{presented.role, fingerprint(chain[roles->identity]), std::move(key).value()});
    return {};
}

void server_session::accept_service(bytes_view service_id, block_span out) {
    if (state_ != state::service) throw std::logic_error("no service waits to be accepted");
    service_id_ = to_bytes(service_id);
    state_ = state::ready;
    service_hello answer;
    answer.service_id = service_id_;
    bytes content;
    encoding::writer writer(content);
    write(writer, answer);
    block_cipher().seal(out, content);
}

void server_session::write_service_refusal(block_span out) {
    state_ = state::closed;
    service_hello refusal;
    auto& cause = refusal.refused.emplace();
    cause.transport = transport_error::handshake;
    cause.handshake = refusal_;
    bytes content;
    encoding::writer writer(content);
    write(writer, refusal);
    block_cipher().seal(out, content);
}

bool server_session::next(server_request& out) {
    if (incoming_.left() == 0) return false;
    read(incoming_.next(), version_, false, out);
    return true;
}

void server_session::read(bytes_view raw, version v, bool relayed, server_request& out) const {
    out = {};
    const auto parsed = parse_transmission(raw, v);
    if (!parsed) {
        out.refused = make_server_error(error_code::block);
        return;
    }
    out.correlation_id = parsed->correlation_id;
    if (v < since::implied_session && !equal(parsed->session_id, session_id())) {
        out.refused = make_server_error(error_code::session);
        return;
    }
    const auto authorization = parsed->authorization;
    if (!is_authorization_size(authorization.size())) {
        out.refused = make_server_error(error_code::block);
        return;
    }
    out.entity_id = parsed->entity_id;
    out.body = parsed->body;
    auto content = parse_command(parsed->body, v);
    if (!content) {
        out.refused = as_server_error(content.error());
        return;
    }
    out.content = std::move(content).value();
    if (const auto wrong = check_credentials(out.content, !authorization.empty(), !out.entity_id.empty())) {
        out.refused = make_server_error(*wrong);
        return;
    }
    std::copy(authorization.begin(), authorization.end(), out.authorization_bytes.begin());
    out.authorization_size = static_cast<std::uint8_t>(authorization.size());
    const auto service_signature = to_bytes(parsed->service_signature);
    if (!authorization.empty())
        out.authorized = v < since::implied_session ? parsed->sent : authorized_part(*parsed, {});
    if (relayed && !may_be_forwarded(out.content)) {
        out.refused = make_server_error(command_error::prohibited);
        return;
    }
    if (relayed || !service_) {
        if (!service_signature.empty() || is_of_service(out.content))
            out.refused = make_server_error(error_code::service);
        return;
    }
    out.refused =
        check_service(out.content, out.entity_id, out.authorization(), service_signature, out.authorized);
    if (!out.refused && !service_signature.empty())
        out.authorized = authorized_part(*parsed, service_->fingerprint);
}

/// The session id is authorized and not sent: it takes the place of the authorization, which is longer and
/// stands right before what was sent. A service's certificate comes before it: then there are two signatures.
bytes_view server_session::authorized_part(const transmission& parsed, bytes_view certificate) const {
    const auto prefix = certificate.size() + 1 + session_id_size_;
    static_assert(1 + crypto::signature_size(crypto::key_type::ed25519) >= 1 + sizeof session_id_);
    static_assert(1 + 1 + 2 * (1 + crypto::signature_size(crypto::key_type::ed25519)) >=
                  std::tuple_size_v<key_hash> + 1 + sizeof session_id_);
    auto* begin = const_cast<std::uint8_t*>(parsed.sent.data()) - prefix;
    auto* at = std::copy(certificate.begin(), certificate.end(), begin);
    *at++ = session_id_size_;
    std::copy_n(session_id_.begin(), session_id_size_, at);
    return {begin, parsed.sent.size() + prefix};
}

/// What keeps a service from this command; nothing if it may.
std::optional<server_error> server_session::check_service(const command& content, bytes_view entity_id,
                                                          bytes_view authorization,
                                                          bytes_view service_signature,
                                                          bytes_view authorized) const {
    const auto role = role_of(content);
    if (role && *role != service_->role) return make_server_error(command_error::prohibited);
    const auto refused = make_server_error(error_code::service);
    const auto& key = service_->session_key;
    if (is_of_service(content)) {
        const bool own = service_signature.empty() && equal(entity_id, service_id_) &&
                         authorization.size() == crypto::signature_size(key.type()) &&
                         crypto::verify(key, authorized, authorization);
        return own ? std::nullopt : std::optional(refused);
    }
    if (!has_service_signature(content))
        return service_signature.empty() ? std::nullopt : std::optional(refused);
    const bool signed_too = !service_signature.empty() && crypto::verify(key, authorized, service_signature);
    return signed_too ? std::nullopt : std::optional(refused);
}

void server_session::write_response(bytes& out, bytes_view correlation_id, bytes_view entity_id,
                                    bytes_view content) const {
    if (!fits_block(head_size(correlation_id, entity_id) + content.size()))
        content = as_bytes(std::string_view("ERR LARGE_MSG"));
    encoding::writer writer(out);
    const auto begin = writer.begin_large();
    write_transmission(writer, version_, session_id(), correlation_id, entity_id, content);
    writer.end_large(begin);
}

/// Of a transmission, before its content.
std::size_t server_session::head_size(bytes_view correlation_id, bytes_view entity_id) const noexcept {
    const auto session = version_ < since::implied_session ? 1 + session_id().size() : 0;
    return 1 + session + 1 + correlation_id.size() + 1 + entity_id.size();
}

std::size_t server_session::message_size(bytes_view correlation_id, bytes_view entity_id,
                                         bytes_view message_id) const noexcept {
    return head_size(correlation_id, entity_id) + 4 + 1 + message_id.size() + encrypted_body_size;
}

bool server_session::fits_message(bytes_view correlation_id, bytes_view entity_id,
                                  bytes_view message_id) const noexcept {
    return fits_block(message_size(correlation_id, entity_id, message_id));
}

bool server_session::append_message(block_builder& out, bytes_view correlation_id, bytes_view entity_id,
                                    const crypto::box_key& key, bytes_view message_id,
                                    const received_body& body) const {
    const auto room = out.reserve(message_size(correlation_id, entity_id, message_id));
    if (room.data() == nullptr) return false;
    auto* at = room.data();
    auto put = [&at](bytes_view field) {
        *at++ = static_cast<std::uint8_t>(field.size());
        at = std::copy(field.begin(), field.end(), at);
    };
    put({});
    if (version_ < since::implied_session) put(session_id());
    put(correlation_id);
    put(entity_id);
    at = std::copy_n("MSG ", 4, at);
    put(message_id);
    seal_message_body(std::span<std::uint8_t, encrypted_body_size>(at, encrypted_body_size), key, message_id,
                      body);
    return true;
}

result<relayed_request> server_session::open_relayed(bytes_view correlation_id, bytes_view transmission) {
    auto undecryptable = [] { return make_error(failure::crypto, "a forwarded command does not decrypt"); };
    if (!proxy_key_) return make_error(failure::no_server_key, "a proxy whose hello had no key");
    const auto outer = open_forwarded(*proxy_key_, correlation_id, transmission);
    if (!outer) return undecryptable();
    PLEXUS_TRY(const auto forwarded, parse_forwarded_transmission(*outer));
    if (!supported_versions.contains(forwarded.relay_version) || forwarded.relay_version < since::proxy)
        return make_error(failure::syntax,
                          "a forwarded command of version " + std::to_string(forwarded.relay_version));
    relayed_request out;
    const auto key = crypto::box_key::agree(*session_key_, forwarded.key);
    if (!key) return undecryptable();
    out.route.client_key = *key;
    out.route.client_version = forwarded.relay_version;
    out.route.correlation_id = to_bytes(correlation_id);
    out.route.client_correlation_id = to_bytes(forwarded.correlation_id);
    auto content = open_proxied_command(*key, forwarded.correlation_id, forwarded.transmission);
    if (!content) return undecryptable();
    out.content = std::move(content).value();
    auto batch = batch_reader::open(out.content);
    if (batch && batch->left() != 1) return make_error(failure::block, "more than one command is forwarded");
    if (batch)
        read(batch->next(), forwarded.relay_version, true, out.request);
    else
        out.request.refused = make_server_error(error_code::block);
    return out;
}

result<bytes> server_session::seal_relayed(const relay_route& route, bytes_view correlation_id,
                                           bytes_view entity_id, bytes_view content) const {
    bytes inner{1};
    encoding::writer writer(inner);
    const auto begin = writer.begin_large();
    write_transmission(writer, route.client_version, session_id(), correlation_id, entity_id, content);
    writer.end_large(begin);
    PLEXUS_TRY(const auto response,
               seal_proxied_response(route.client_key, route.client_correlation_id, inner));
    bytes wrapped;
    encoding::writer outer(wrapped);
    write(outer, forwarded_response{route.client_correlation_id, response});
    return seal_forwarded_response(*proxy_key_, route.correlation_id, wrapped);
}

} // namespace plexus::smp
