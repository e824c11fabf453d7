// What a connection has to do next, and its outbox: one message of a queue under way at a time, the rest in
// the store, until the receiving server says OK.
#include "engine_state.hpp"
#include "plexus/agent/engine.hpp"

namespace plexus::agent {

/// Starts whatever the connection's state asks for and is not under way. Called after each change.
void engine::pump(live_connection& c) {
    if (!started_ || c.gone || c.record.at == stage::failed) return;
    const bool pausing = now_ < c.retry_after;
    if (c.record.at == stage::resolving && !c.linking && !pausing) fetch_link(c);
    if (c.record.at == stage::creating_queue && !c.creating && !pausing) create_reply_queue(c);
    if (c.record.receive) pump_receiving(c);
    if (c.record.send) pump_sending(c);
    const bool sent = c.outbox.empty() || !c.record.wait_sent;
    if (c.record.at == stage::deleting && !c.record.receive && sent && !c.gone) remove_now(c);
}

void engine::pump_receiving(live_connection& c) {
    auto& queue = *c.record.receive;
    use(c, queue.server);
    auto& s = session_for(queue.server, c.id());
    if (!s.up() || now_ < c.retry_after) return;

    operation what;
    what.connection = c.id();
    if (c.record.at == stage::deleting) {
        if (c.deleting_queue) return;
        c.deleting_queue = true;
        what.what = operation::kind::delete_queue;
        issue(s, std::move(what), queue.recipient_id, &queue.key, smp::cmd::del{});
        return;
    }
    if (!c.subscribed && !c.subscribing && !c.subscription_refused) {
        c.subscribing = true;
        s.to_subscribe.push_back(c.id());
        subscribe_next(s);
    }
    if (queue.secure_with && !c.securing_own && c.record.at != stage::failed) {
        c.securing_own = true;
        what.what = operation::kind::secure_own;
        issue(s, std::move(what), queue.recipient_id, &queue.key, smp::cmd::key{*queue.secure_with});
    }
}

void engine::pump_sending(live_connection& c) {
    const bool stopped = c.record.at == stage::deleting && !c.record.wait_sent;
    // The peer answers to what we send, so our own queue must be ready for it.
    const bool not_ready = c.record.receive && c.record.receive->secure_with;
    if (c.outbox.empty() || stopped || not_ready || c.sending || c.securing_peer || now_ < c.send_after)
        return;

    auto& queue = *c.record.send;
    use(c, queue.server);
    auto& s = session_for(queue.server, c.id());
    if (!s.up()) return;
    if (queue.can_secure() && !queue.secured) {
        c.securing_peer = true;
        operation what;
        what.what = operation::kind::secure_peer;
        what.connection = c.id();
        issue(s, std::move(what), queue.sender_id, &queue.key, smp::cmd::skey{queue.key.public_part()});
        return;
    }
    deliver(c, s);
}

// ---- the outbox

result<std::int64_t> engine::enqueue(live_connection& c, const message_content& content, outbox_kind kind,
                                     bool notify, std::uint64_t tag) {
    if (!c.can_send()) return make_error(failure::state, "the connection has no keys to send with");
    numbered_message message{c.progress.sent.last + 1, c.progress.sent.last_hash, content};
    const auto plaintext = encode(message);
    auto encrypted = c.progress.ratchet->encrypt(plaintext, message_padding(c.record.agent_version, false));
    if (!encrypted) {
        if (encrypted.error().is(crypto::ratchet_error::too_large))
            return make_error(failure::too_large,
                              "the message is too large: " + std::to_string(plaintext.size()) +
                                  " bytes, most " + std::to_string(message_padding(0, false) - 2));
        return std::move(encrypted).error();
    }
    c.progress.sent.add(message.number, plaintext);
    save_progress(c);
    PLEXUS_CHECK(seal_and_store(c, {kind, message.number, notify, tag, {}},
                                encode(message_envelope{agent_versions.max, std::move(*encrypted)})));
    return message.number;
}

result<void> engine::enqueue_confirmation(live_connection& c, const agent_message& info,
                                          std::optional<crypto::e2e_params> e2e) {
    const auto plaintext = encode(info);
    auto encrypted =
        c.progress.ratchet->encrypt(plaintext, confirmation_padding(c.record.agent_version, false));
    if (!encrypted) {
        if (encrypted.error().is(crypto::ratchet_error::too_large))
            return make_error(failure::too_large, "the connection info is too large: " +
                                                      std::to_string(plaintext.size()) + " bytes");
        return std::move(encrypted).error();
    }
    // The confirmation is message 1 of the chain.
    c.progress.sent.add(1, plaintext);
    save_progress(c);
    return seal_and_store(
        c, {outbox_kind::confirmation, 1, true, 0, {}},
        encode(confirmation_envelope{c.record.agent_version, std::move(e2e), std::move(*encrypted)}));
}

result<void> engine::seal_and_store(live_connection& c, outbox_entry entry, bytes envelope) {
    const auto& queue = *c.record.send;
    const bool confirmation = entry.kind == outbox_kind::confirmation;
    client_message message{{}, std::move(envelope)};
    std::optional<crypto::public_key> dh_key;
    if (confirmation) {
        dh_key = queue.dh.public_part();
        if (!queue.can_secure()) message.sender_key = queue.key.public_part();
    }
    PLEXUS_TRY(const auto sealed,
               seal_client_message(queue.secret.key, crypto::random_nonce(random_), queue.client_version,
                                   dh_key, message,
                                   confirmation ? client_confirmation_padding : client_message_padding));
    entry.body = encode(sealed);
    const auto place = c.next_place++;
    put(table::outbox, outbox_key(c.id(), place), encode(entry));
    waiting_message waiting{place, entry.kind, entry.number, entry.tag, std::nullopt};
    if (c.outbox.size() < held_bodies) waiting.entry = std::move(entry);
    c.outbox.push_back(std::move(waiting));
    return {};
}

void engine::clear_outbox(live_connection& c) {
    for (const auto& message : c.outbox) erase(table::outbox, outbox_key(c.id(), message.place));
    c.outbox.clear();
}

void engine::load_head(live_connection& c) {
    if (c.loading) return;
    c.loading = true;
    const auto token = next_token_++;
    loads_.emplace(token, c.id());
    effect(action::load{token, table::outbox, outbox_key(c.id(), c.outbox.front().place)});
}

void engine::loaded(std::uint64_t token, std::optional<bytes_view> value) {
    const auto found = loads_.find(token);
    if (found == loads_.end()) return;
    auto* c = find(found->second);
    loads_.erase(found);
    if (c == nullptr) return;
    c->loading = false;
    if (c->outbox.empty()) return;
    auto entry = value ? decode_outbox_entry(*value)
                       : result<outbox_entry>(make_error(failure::corrupt, "a message to send is missing"));
    if (entry) {
        // It may have been another head when it was asked for.
        if (entry->number == c->outbox.front().number) c->outbox.front().entry = std::move(*entry);
    } else {
        notify_error(c->id(), entry.error());
        drop_head(*c);
    }
    pump(*c);
    finish_step();
}

void engine::deliver(live_connection& c, session& s) {
    auto& head = c.outbox.front();
    if (!head.entry) return load_head(c);
    const auto& queue = *c.record.send;
    const bool unauthorized =
        head.kind == outbox_kind::confirmation && !queue.can_secure() && !c.sign_confirmation;
    smp::cmd::send command;
    command.flags.notification = head.entry->notify;
    std::vector<bytes> lent;
    command.body = lent.emplace_back(head.entry->body);
    operation what;
    what.what = operation::kind::send;
    what.connection = c.id();
    c.sending = true;
    issue(s, std::move(what), queue.sender_id, unauthorized ? nullptr : &queue.key, command, std::move(lent));
}

void engine::drop_head(live_connection& c) {
    erase(table::outbox, outbox_key(c.id(), c.outbox.front().place));
    c.outbox.pop_front();
    c.send_attempts = 0;
    c.send_after = 0;
    c.sign_confirmation = false;
}

void engine::delivered(live_connection& c, const smp::message& response) {
    c.sending = false;
    if (c.outbox.empty()) return;
    const auto kind = c.outbox.front().kind;
    event out;
    out.connection = c.id();
    out.id = c.outbox.front().number;
    out.tag = c.outbox.front().tag;

    const auto* refused = error_of(response);
    if (refused != nullptr && refused->code == smp::error_code::quota && kind != outbox_kind::confirmation &&
        c.record.at != stage::deleting) {
        c.send_after = now_ + settings_.quota_retry.count();
        wake(c, c.send_after);
        if (!c.quota) {
            out.kind = event_kind::quota;
            out.status = static_cast<std::int32_t>(failure::quota);
            out.text = "the peer's queue is full; messages wait until they are received";
            notify(std::move(out));
        }
        c.quota = true;
        return;
    }
    // The recipient secures its queue with the key in the first confirmation that arrives. If its server's OK
    // was lost, the next attempt has to be signed.
    const bool unsigned_confirmation =
        kind == outbox_kind::confirmation && !c.record.send->can_secure() && !c.sign_confirmation;
    if (refused != nullptr && refused->code == smp::error_code::auth && unsigned_confirmation) {
        c.sign_confirmation = true;
        return;
    }
    drop_head(c);
    if (refused != nullptr) {
        const auto cause = server_refusal("SEND: the queue is gone or closed to us", *refused);
        const bool handshake = kind == outbox_kind::confirmation || kind == outbox_kind::hello;
        if (handshake && c.record.at == stage::connecting) return fail_connection(c, cause);
        if (kind != outbox_kind::user_message) return;
        out.kind = event_kind::send_failed;
        out.status = cause.code();
        out.text = cause.message();
        return raise(std::move(out));
    }
    switch (kind) {
    case outbox_kind::confirmation:
        if (!c.record.creator) {
            // The answer may have come before the server's OK.
            out.kind = event_kind::joined;
            if (c.record.at == stage::connecting) raise(std::move(out));
        } else if (c.record.send->can_secure()) {
            finish_connecting(c);
        }
        break;
    case outbox_kind::hello:
        c.record.hello_sent = true;
        save(c);
        if (c.record.hello_received) finish_connecting(c);
        break;
    case outbox_kind::user_message:
        out.kind = event_kind::sent;
        raise(std::move(out));
        break;
    case outbox_kind::control: break;
    }
}

} // namespace plexus::agent
