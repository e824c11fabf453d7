#include "smp_peer.hpp"

#include <stdexcept>

namespace plexus::bench {

peer_service make_service(smp::service_role role, crypto::key_type kind, int length) {
    peer_service out;
    out.tls = make_tls_context(false, key_group::x25519);
    use_new_chain(out.tls.get(), kind, length);
    auto made = std::make_shared<smp::client_service>();
    made->role = role;
    const auto add = [&made](X509* one) {
        bytes der(static_cast<std::size_t>(i2d_X509(one, nullptr)));
        auto* at = der.data();
        i2d_X509(one, &at);
        made->chain.push_back(std::move(der));
    };
    add(SSL_CTX_get0_certificate(out.tls.get()));
    STACK_OF(X509)* rest = nullptr;
    SSL_CTX_get0_chain_certs(out.tls.get(), &rest);
    for (int i = 0; i < sk_X509_num(rest); ++i) add(sk_X509_value(rest, i));
    bytes raw(64);
    std::size_t size = raw.size();
    if (EVP_PKEY_get_raw_private_key(SSL_CTX_get0_privatekey(out.tls.get()), raw.data(), &size) != 1)
        throw std::runtime_error("the service's key cannot be taken");
    raw.resize(size);
    made->key = crypto::private_key::from_raw(kind, raw).value();
    out.credentials = std::move(made);
    return out;
}

smp_peer::smp_peer(const smp::server_address& server, crypto::random_source& random,
                   smp::version_range versions)
    : tls_(tls_peer::connect(server.port_number())) {
    smp::client_parameters parameters;
    parameters.versions = versions;
    greet(server, random, std::move(parameters));
}

smp_peer::smp_peer(const smp::server_address& server, crypto::random_source& random,
                   smp::version_range versions, key_group group, std::string_view alpn)
    : tls_(tls_peer::connect(server.port_number(), make_tls_context(false, group).get(), alpn)) {
    smp::client_parameters parameters;
    parameters.versions = versions;
    greet(server, random, std::move(parameters));
}

smp_peer::smp_peer(const smp::server_address& server, crypto::random_source& random,
                   const peer_service& service, smp::version_range versions)
    : tls_(tls_peer::connect(server.port_number(), service.tls.get())) {
    smp::client_parameters parameters;
    parameters.versions = versions;
    parameters.service = service.credentials;
    greet(server, random, std::move(parameters));
}

void smp_peer::greet(const smp::server_address& server, crypto::random_source& random,
                     smp::client_parameters parameters) {
    parameters.server = server.fingerprint;
    parameters.session_id = channel_binding(tls_.ssl());
    parameters.peer_chain = peer_chain(tls_.ssl());
    session_ = std::make_unique<smp::client_session>(std::move(parameters), random);
    do {
        tls_.read(block_);
        auto taken = session_->receive(block_);
        if (!taken) throw std::runtime_error(taken.error().message());
        flush();
    } while (session_->current() == smp::client_session::state::service);
}

void smp_peer::flush() {
    smp::block_buffer out;
    while (session_->next_block(out)) tls_.write(out);
}

void smp_peer::send(const smp::command& command, bytes_view entity, const crypto::private_key* key) {
    auto sent = session_->send(command, entity, key, 0);
    if (!sent) throw std::runtime_error(sent.error().message());
    flush();
}

void smp_peer::receive(const std::function<bool(const smp::client_event&)>& take) {
    for (bool found = false; !found;) {
        tls_.read(block_);
        auto taken = session_->receive(block_);
        if (!taken) throw std::runtime_error(taken.error().message());
        while (auto event = session_->next())
            if (take(*event)) found = true;
    }
}

void smp_peer::expect_ok(const smp::command& command, bytes_view entity, const crypto::private_key* key) {
    send(command, entity, key);
    receive([&](const smp::client_event& event) {
        if (event.what != smp::client_event::kind::response) return false;
        if (!std::holds_alternative<smp::msg::ok>(event.content) &&
            !std::holds_alternative<smp::msg::sok>(event.content))
            throw std::runtime_error("the server refused a " + std::string(smp::name(command)));
        return true;
    });
}

bench_queue make_queue(smp_peer& recipient, smp_peer& sender, crypto::random_source& random,
                       crypto::key_type authorization) {
    bench_queue queue;
    queue.recipient_key = crypto::private_key::generate(authorization, random);
    queue.sender_key = crypto::private_key::generate(authorization, random);
    const auto body_key = crypto::private_key::generate(crypto::key_type::x25519, random);
    smp::cmd::create create;
    create.key = queue.recipient_key.public_part();
    create.dh_key = body_key.public_part();
    create.mode = smp::queue_mode::messaging;
    recipient.send(create, {}, &queue.recipient_key);
    recipient.receive([&](const smp::client_event& event) {
        const auto* ids = std::get_if<smp::msg::ids>(&event.content);
        if (ids == nullptr) throw std::runtime_error("the server refused a new queue");
        queue.recipient_id = to_bytes(ids->recipient_id);
        queue.sender_id = to_bytes(ids->sender_id);
        queue.body_key = *crypto::box_key::agree(body_key, ids->dh_key);
        return true;
    });
    sender.expect_ok(smp::cmd::skey{queue.sender_key.public_part()}, queue.sender_id, &queue.sender_key);
    return queue;
}

} // namespace plexus::bench
