#include "plexus/smp/client.hpp"

#include "plexus/smp/authorization.hpp"
#include "plexus/smp/certificates.hpp"
#include "plexus/smp/handshake.hpp"

namespace plexus::smp {
namespace {

/// What a proxy agrees on with a relay that does not know the proxy flag.
constexpr version proxy_without_flag = 10;

correlation_id to_id(bytes_view data) noexcept {
    correlation_id out{};
    std::copy_n(data.begin(), std::min(data.size(), out.size()), out.begin());
    return out;
}

bool must_have_entity(const message& content) noexcept {
    return !std::holds_alternative<msg::ids>(content) && !std::holds_alternative<msg::err>(content);
}
bool must_not_have_entity(const message& content) noexcept {
    return std::holds_alternative<msg::pong>(content) || std::holds_alternative<msg::pkey>(content) ||
           std::holds_alternative<msg::rres>(content) || std::holds_alternative<msg::alls>(content) ||
           std::holds_alternative<msg::rname>(content);
}

} // namespace

client_session::client_session(client_parameters parameters, crypto::random_source& random)
    : parameters_(std::move(parameters)), random_(random),
      own_key_(crypto::private_key::generate(crypto::key_type::x25519, random)) {}

result<void> client_session::receive(block_span block) {
    if (state_ == state::closed) return make_error(failure::state, "the session is closed");
    auto content = cipher_.open(block);
    if (state_ == state::hello) {
        auto done = content ? receive_hello(*content) : result<void>(std::move(content).error());
        if (!done) state_ = state::closed;
        return done;
    }
    if (state_ == state::service) {
        auto done = content ? receive_service_answer(*content) : result<void>(std::move(content).error());
        state_ = done ? state::ready : state::closed;
        return done;
    }
    incoming_ = {};
    if (!content) return std::move(content).error();
    PLEXUS_TRY(incoming_, batch_reader::open(*content));
    return {};
}

result<void> client_session::receive_hello(bytes_view content) {
    PLEXUS_TRY(const auto hello, parse_server_hello(content));
    if (!equal(hello.session_id, parameters_.session_id))
        return make_error(failure::session, "the server's session id is not that of this connection");
    auto own = parameters_.versions;
    if (parameters_.proxy && hello.versions.max < since::proxy_flag)
        own.max = std::max(own.min, proxy_without_flag);
    const auto agreed = hello.versions.agree(own);
    if (!agreed)
        return make_error(failure::version, "the server speaks SMP " + encoding::to_text(hello.versions) +
                                                ", this client " + encoding::to_text(own));
    if (hello.key) {
        if (parameters_.peer_chain.empty())
            return make_error(failure::bad_auth,
                              "the connection has no certificate to check the server's key with");
        PLEXUS_TRY(const auto leaf, certificate_key(parameters_.peer_chain.front()));
        PLEXUS_TRY(server_key_, verify_server_key(*hello.key, parameters_.server, leaf));
    }
    version_ = *agreed;
    server_versions_ = hello.versions;
    if (parameters_.proxy && hello.key) {
        for (const auto& each : hello.key->chain) server_chain_.push_back(to_bytes(each));
        server_signed_key_ = to_bytes(hello.key->signed_key);
    }
    if (version_ >= since::encrypted_blocks && !parameters_.proxy && hello.key) {
        PLEXUS_TRY(const auto secret, crypto::dh_x25519(own_key_, server_key_));
        session_cipher_ = block_cipher::for_client(parameters_.session_id, secret);
    }
    state_ = state::ready;
    if (presents_service()) {
        const auto& chain = parameters_.service->chain;
        const auto roles = roles_of_service_chain(chain.size());
        if (!roles) return make_error(failure::bad_service, "a service's chain has 1 to 4 certificates");
        service_fingerprint_ = fingerprint(chain[roles->identity]);
        service_key_ = crypto::private_key::generate(crypto::key_type::ed25519, random_);
        state_ = state::service;
    }
    hello_to_send_ = true;
    return {};
}

bool client_session::presents_service() const noexcept {
    return parameters_.service && version_ >= since::service_certificates;
}

result<void> client_session::receive_service_answer(bytes_view content) {
    PLEXUS_TRY(const auto answer, parse_service_hello(content));
    if (answer.refused)
        return make_error(failure::bad_service,
                          "the server refuses the service: " + to_text(*answer.refused));
    service_id_ = to_bytes(answer.service_id);
    cipher_ = session_cipher_;
    return {};
}

certified_key client_session::server_certificate() const {
    return {{server_chain_.begin(), server_chain_.end()}, server_signed_key_};
}

result<crypto::box_key> client_session::proxy_box() const {
    if (server_key_.empty()) return make_error(failure::no_server_key, "the relay gave no session key");
    return crypto::box_key::agree(own_key_, server_key_);
}

std::optional<client_event> client_session::next() {
    if (incoming_.left() == 0) return std::nullopt;
    return read(incoming_.next());
}

client_event client_session::read(bytes_view raw) {
    client_event out;
    auto malformed = [&out](error cause) {
        out.what = client_event::kind::malformed;
        out.cause = std::move(cause);
    };
    const auto parsed = parse_transmission(raw, version_);
    if (!parsed) {
        malformed(parsed.error());
        return out;
    }
    out.entity_id = parsed->entity_id;
    out.correlation = to_id(parsed->correlation_id);
    bytes expected_entity;
    if (!parsed->correlation_id.empty()) {
        out.what = client_event::kind::late;
        const auto found =
            parsed->correlation_id.size() == id_size ? pending_.find(out.correlation) : pending_.end();
        if (found != pending_.end()) {
            out.what = client_event::kind::response;
            out.matched = true;
            out.token = found->second.token;
            expected_entity = std::move(found->second.entity_id);
            pending_.erase(found);
        }
    }
    if (version_ < since::implied_session && !equal(parsed->session_id, parameters_.session_id)) {
        malformed(make_error(failure::session, "a transmission with another session id"));
        return out;
    }
    auto content = parse_message(parsed->body, version_);
    if (!content) {
        malformed(std::move(content).error());
        return out;
    }
    const bool has_entity = !out.entity_id.empty();
    if (must_not_have_entity(*content) ? has_entity : must_have_entity(*content) && !has_entity) {
        malformed(make_error(failure::syntax, std::string(name(*content)) + " with a wrong entity id"));
        return out;
    }
    if (out.matched && !std::holds_alternative<msg::err>(*content) &&
        !equal(out.entity_id, expected_entity)) {
        malformed(
            make_error(failure::syntax, std::string(name(*content)) + " for another entity than asked"));
        return out;
    }
    out.content = std::move(content).value();
    return out;
}

correlation_id client_session::new_correlation_id() { return random_.array<id_size>(); }

result<correlation_id> client_session::send(const command& value, bytes_view entity_id,
                                            const crypto::private_key* key, std::uint64_t token) {
    const auto id = new_correlation_id();
    PLEXUS_CHECK(send(id, value, entity_id, key, token));
    return id;
}

result<void> client_session::send(const correlation_id& id, const command& value, bytes_view entity_id,
                                  const crypto::private_key* key, std::uint64_t token) {
    if (state_ != state::ready) return make_error(failure::state, "the session is not ready");
    bytes body;
    encoding::writer body_writer(body);
    write(body_writer, value, version_);
    bytes authorized;
    encoding::writer authorized_writer(authorized);
    write_for_authorization(authorized_writer, parameters_.session_id, id, entity_id, body);
    bytes authorization;
    bytes service_signature;
    const bool of_service = is_of_service(value);
    if (!service_id_.empty() && (of_service || (key != nullptr && has_service_signature(value)))) {
        service_signature = to_bytes(crypto::sign(service_key_, authorized).view());
        if (of_service) std::swap(authorization, service_signature);
    } else if (of_service) {
        return make_error(failure::key, std::string(name(value)) + " is for services");
    }
    if (key != nullptr && !of_service) {
        if (!can_authorize(key->type(), version_))
            return make_error(failure::key,
                              "the queue's key cannot authorize in version " + std::to_string(version_));
        const auto by_queue =
            service_signature.empty() ? authorized : concat({service_fingerprint_, authorized});
        PLEXUS_TRY(authorization, authorize(*key, server_key_, id, by_queue));
    }
    bytes transmission;
    encoding::writer out(transmission);
    write_authorized(out, version_, authorization, service_signature,
                     bytes_view(authorized).subspan(sent_offset(version_, parameters_.session_id)));
    if (!fits_block(transmission.size()))
        return make_error(failure::too_large, std::string(name(value)) + " does not fit into a block");
    queued_.push_back(std::move(transmission));
    pending_[id] = request{token, to_bytes(entity_id)};
    return {};
}

bool client_session::forget(const correlation_id& id) { return pending_.erase(id) > 0; }

bool client_session::next_block(block_span out) {
    if (hello_to_send_) {
        hello_to_send_ = false;
        bytes content;
        encoding::writer hello_writer(content);
        client_hello hello;
        hello.chosen = version_;
        hello.identity = parameters_.server;
        hello.key = own_key_.public_part();
        hello.proxy = parameters_.proxy;
        bytes signed_key;
        if (state_ == state::service) {
            const auto& own = *parameters_.service;
            signed_key = sign_session_key(own.key, service_key_.public_part());
            hello.client_service = service_certificate{
                own.role, certified_key{{own.chain.begin(), own.chain.end()}, signed_key}};
        }
        write(hello_writer, hello);
        cipher_.seal(out, content);
        if (state_ != state::service) cipher_ = session_cipher_;
        return true;
    }
    if (queued_.empty()) return false;
    if (batches_.empty()) {
        std::vector<std::size_t> sizes;
        sizes.reserve(queued_.size());
        for (const auto& transmission : queued_) sizes.push_back(transmission.size());
        const auto plan = plan_batches(sizes);
        batches_.assign(plan.begin(), plan.end());
    }
    block_builder builder(out, cipher_);
    for (auto left = batches_.front(); left > 0; --left) {
        builder.append(queued_.front());
        queued_.pop_front();
    }
    batches_.pop_front();
    builder.seal(cipher_);
    return true;
}

} // namespace plexus::smp
