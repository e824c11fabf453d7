#include "smp_peer.hpp"

#include <stdexcept>

namespace plexus::bench {

smp_peer::smp_peer(const smp::server_address& server, crypto::random_source& random)
    : tls_(tls_peer::connect(server.port_number())) {
    smp::client_parameters parameters;
    parameters.server = server.fingerprint;
    parameters.session_id = channel_binding(tls_.ssl());
    parameters.peer_chain = peer_chain(tls_.ssl());
    session_ = std::make_unique<smp::client_session>(std::move(parameters), random);
    tls_.read(block_);
    auto hello = session_->receive(block_);
    if (!hello) throw std::runtime_error(hello.error().message());
    flush();
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
