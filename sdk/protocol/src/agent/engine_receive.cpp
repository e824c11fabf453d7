// What arrives in our queues: confirmations and messages, each stored together with the moved ratchet before
// the server is told that it came.
#include "engine_state.hpp"
#include "plexus/agent/engine.hpp"
#include "plexus/smp/message_body.hpp"

#include <algorithm>

namespace plexus::agent {

namespace {

error prohibited(std::string_view what) { return make_error(failure::state, std::string(what)); }

bool acceptable(std::uint16_t version, version_range supported, std::uint16_t agreed) {
    return supported.contains(version) || version <= agreed;
}

} // namespace

void engine::received(live_connection& c, const smp::msg::message& content) {
    if (!c.record.receive || c.record.at == stage::deleting) return;
    c.current_message = to_bytes(content.message_id);
    if (c.current_message == c.progress.last_message_id) {
        // It was processed before; the server did not hear of it. If the user has it, they acknowledge it.
        const auto waiting =
            std::any_of(unacknowledged_.begin(), unacknowledged_.end(), [&](const auto& each) {
                return each.second.connection == c.id() && each.second.server_message_id == c.current_message;
            });
        if (!waiting) acknowledge_message(c);
        return;
    }
    auto opened = open_message(c, content.message_id, content.body);
    if (opened) return;
    notify_error(c.id(), opened.error());
    acknowledge_message(c);
}

/// Success means that somebody acknowledges the message: here, or the user later.
result<void> engine::open_message(live_connection& c, bytes_view message_id, bytes_view encrypted) {
    auto& queue = *c.record.receive;
    auto buffer = to_bytes(encrypted);
    PLEXUS_TRY(const auto body, smp::open_message_body(queue.body.key, message_id, buffer));
    if (body.quota) {
        // Said before the acknowledgement that makes room.
        const queue_reference own{queue.server, queue.sender_id};
        if (c.can_send() && c.record.at == stage::connected)
            PLEXUS_CHECK(enqueue(c, queue_continue{own}, outbox_kind::control, false));
        c.progress.last_message_id = to_bytes(message_id);
        save_progress(c);
        acknowledge_message(c);
        return {};
    }

    PLEXUS_TRY(const auto envelope, parse_client_envelope(body.body));
    if (!acceptable(envelope.client_version, client_versions, queue.client_version))
        return make_error(failure::version,
                          "a message of client version " + std::to_string(envelope.client_version));
    if (!queue.secret && !envelope.dh_key) return prohibited("a message before any confirmation");

    auto secret = queue.secret;
    if (!secret) {
        PLEXUS_TRY(secret, queue_secret::agree(queue.dh, *envelope.dh_key));
    }
    PLEXUS_TRY(const auto message, open_client_message(secret->key, envelope));
    PLEXUS_TRY(const auto inside, parse_agent_envelope(message.body));
    const auto* confirmation = std::get_if<confirmation_envelope>(&inside);
    if (queue.secret && envelope.dh_key) {
        if (confirmation == nullptr) return prohibited("a message with a key, after the confirmation");
        // The confirmation again, because its sender did not hear that it arrived.
        acknowledge_message(c);
        return {};
    }
    if (!queue.secret) {
        if (confirmation == nullptr) return prohibited("a message instead of a confirmation");
        if (!message.sender_key && queue.mode != queue_mode::messaging)
            return prohibited("a confirmation without the sender's key");
        PLEXUS_CHECK(take_confirmation(c, message, envelope, *confirmation, std::move(*secret)));
        c.progress.last_message_id = to_bytes(message_id);
        save_progress(c);
        acknowledge_message(c);
        return {};
    }
    if (message.sender_key) return prohibited("a second sender key");
    if (const auto* numbered = std::get_if<message_envelope>(&inside))
        return take_message(c, message_id, body.seconds, *numbered);
    return prohibited(std::holds_alternative<ratchet_key_envelope>(inside)
                          ? "the peer asks for new keys, which is not supported; connect anew"
                          : "an envelope that does not belong here");
}

result<void> engine::take_confirmation(live_connection& c, const client_message& message,
                                       const client_envelope& envelope,
                                       const confirmation_envelope& confirmation, queue_secret secret) {
    auto& record = c.record;
    if (!acceptable(confirmation.agent_version, agent_versions, record.creator ? 0 : record.agent_version))
        return make_error(failure::version,
                          "a confirmation of agent version " + std::to_string(confirmation.agent_version));
    event out;
    out.connection = c.id();
    bytes plaintext;
    if (record.creator && record.at == stage::awaiting_confirmation) {
        if (!confirmation.e2e || !record.x3dh) return prohibited("a confirmation without keys");
        const auto version = confirmation.e2e->version;
        if (version < crypto::ratchet_version_min || version > crypto::ratchet_version_max)
            return make_error(failure::version,
                              "a confirmation of ratchet version " + std::to_string(version));
        PLEXUS_TRY(const auto secrets,
                   crypto::x3dh_accept(*record.x3dh, confirmation.e2e->key1, confirmation.e2e->key2));
        auto ratchet =
            crypto::ratchet::accept({version, crypto::ratchet_version_max}, secrets, record.x3dh->key2);
        PLEXUS_TRY(plaintext, ratchet.decrypt(confirmation.encrypted_info, random_));
        PLEXUS_TRY(const auto inside, parse_agent_message(plaintext));
        const auto* reply = std::get_if<connection_info_reply>(&inside);
        if (reply == nullptr) return prohibited("a confirmation that does not say where to answer");
        if (!client_versions.contains(reply->queues.front().client_version))
            return make_error(failure::version, "a queue of an unknown client version");

        c.progress.ratchet = std::move(ratchet);
        record.reply_queue = reply->queues.front();
        record.peer_sender_key = message.sender_key;
        record.agent_version = std::min(confirmation.agent_version, agent_versions.max);
        record.at = stage::awaiting_allow;
        record.x3dh.reset();
        out.kind = event_kind::confirmation;
        out.id = 1;
        out.body = reply->info;
    } else if (!record.creator && record.at == stage::connecting && c.progress.ratchet) {
        if (confirmation.e2e) return prohibited("a confirmation with keys, from the creator");
        auto ratchet = *c.progress.ratchet;
        PLEXUS_TRY(plaintext, ratchet.decrypt(confirmation.encrypted_info, random_));
        PLEXUS_TRY(const auto inside, parse_agent_message(plaintext));
        const auto* info = std::get_if<connection_info>(&inside);
        if (info == nullptr) return prohibited("a confirmation that does not say who it is from");

        c.progress.ratchet = std::move(ratchet);
        record.receive->secure_with = message.sender_key;
        out.kind = event_kind::info;
        out.body = info->info;
    } else {
        return prohibited("a confirmation at the wrong time");
    }
    c.progress.received.add(1, plaintext);
    record.receive->secret = std::move(secret);
    record.receive->client_version = std::min(record.receive->client_version, envelope.client_version);
    save(c);
    raise(std::move(out));
    // Without a key to let in, the joiner's queue was secured by the creator: no HELLO follows.
    if (!record.creator && !message.sender_key) finish_connecting(c);
    return {};
}

result<void> engine::take_message(live_connection& c, bytes_view message_id, std::int64_t seconds,
                                  const message_envelope& envelope) {
    if (!c.progress.ratchet) return prohibited("a message before any keys are agreed");
    auto plaintext = c.progress.ratchet->decrypt(envelope.encrypted_message, random_);
    if (!plaintext) {
        const auto& cause = plaintext.error();
        if (!cause.is(crypto::ratchet_error::duplicate) && !cause.is(crypto::ratchet_error::earlier))
            return make_error(failure::crypto, "a message cannot be decrypted: " + cause.message());
        // Sent twice, because its sender did not hear that it arrived.
        acknowledge_message(c);
        return {};
    }
    // The ratchet has moved, whatever the message turns out to be.
    c.progress.last_message_id = to_bytes(message_id);
    save_progress(c);
    const auto agreed = std::min(envelope.agent_version, agent_versions.max);
    if (agreed > c.record.agent_version) {
        c.record.agent_version = agreed;
        save(c);
    }
    PLEXUS_TRY(const auto message, parse_agent_message(*plaintext));
    const auto* numbered = std::get_if<numbered_message>(&message);
    if (numbered == nullptr) return prohibited("connection info in place of a message");
    const auto order = check(c.progress.received, *numbered);
    if (numbered->number >= c.progress.received.last) c.progress.received.add(numbered->number, *plaintext);
    take_content(c, message_id, seconds, *numbered, order);
    return {};
}

void engine::take_content(live_connection& c, bytes_view message_id, std::int64_t seconds,
                          const numbered_message& message, integrity order) {
    event out;
    out.connection = c.id();
    out.id = message.number;
    out.seconds = seconds;
    out.order = order;
    if (const auto* content = std::get_if<user_message>(&message.content)) {
        out.kind = event_kind::message;
        out.body = content->body;
        out.server_message_id = to_bytes(message_id);
        raise(std::move(out));
        return; // the user acknowledges it
    }
    if (std::holds_alternative<hello>(message.content)) {
        if (!c.record.hello_received && c.record.at == stage::connecting) {
            c.record.hello_received = true;
            save(c);
            if (c.record.hello_sent)
                finish_connecting(c);
            else if (c.record.creator)
                static_cast<void>(enqueue(c, hello{}, outbox_kind::hello, true));
        }
    } else if (const auto* list = std::get_if<receipts>(&message.content)) {
        for (const auto& each : list->list) {
            if (each.message < 2 || each.message > c.progress.sent.last) continue;
            event receipt = out;
            receipt.kind = event_kind::receipt;
            receipt.id = each.message;
            const auto waiting = std::find_if(c.outbox.begin(), c.outbox.end(), [&](const auto& unsent) {
                return unsent.number == each.message;
            });
            if (waiting != c.outbox.end()) receipt.tag = waiting->tag;
            raise(std::move(receipt));
        }
    } else if (const auto* room = std::get_if<queue_continue>(&message.content)) {
        if (c.record.send && equal(room->queue.sender_id, c.record.send->sender_id)) {
            c.send_after = 0;
            c.send_attempts = 0;
            if (c.quota) {
                out.kind = event_kind::quota;
                out.id = 0;
                notify(std::move(out));
            }
            c.quota = false;
        }
    }
    // QADD, QKEY, QUSE, QTEST and EREADY take their place in the chain.
    acknowledge_message(c);
}

void engine::acknowledge_message(live_connection& c) {
    if (c.current_message.empty() || !c.record.receive) return;
    auto& queue = *c.record.receive;
    auto& s = session_for(queue.server, c.id());
    auto id = std::move(c.current_message);
    c.current_message.clear();
    if (!s.up()) return;
    std::vector<bytes> lent;
    smp::cmd::ack command{lent.emplace_back(std::move(id))};
    operation what;
    what.what = operation::kind::acknowledge;
    what.connection = c.id();
    issue(s, std::move(what), queue.recipient_id, &queue.key, command, std::move(lent));
}

} // namespace plexus::agent
