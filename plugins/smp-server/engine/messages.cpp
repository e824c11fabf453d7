// Messages of a queue: sent, delivered, acknowledged, expired.
#include "engine.hpp"

#include "plexus/encoding/base64.hpp"
#include "plexus/smp/authorization.hpp"

namespace plexus::smp_server {

using smp::command_error;
using smp::error_code;
namespace cmd = smp::cmd;
namespace msg = smp::msg;

void queue_engine::with_head(const queue_ptr& found,
                             std::function<void(std::shared_ptr<const stored_message>)> next) {
    if (found->deleted || found->committed == 0) {
        next(nullptr);
        return;
    }
    const auto number = found->waiting.entries.front().number;
    if (found->head && found->head_number == number) {
        next(found->head);
        return;
    }
    ++found->pins;
    read(tables_.messages, message_key(number),
         [this, found, number, next = std::move(next)](const result<std::optional<bytes>>& value) {
             --found->pins;
             const bool still =
                 !found->deleted && found->committed > 0 && found->waiting.entries.front().number == number;
             if (!still) {
                 with_head(found, next);
                 return;
             }
             auto decoded = value && *value ? decode_message(**value) : std::nullopt;
             if (!decoded && value) { // lost, as from a store that was repaired: the queue goes on without it
                 write_batch batch;
                 drop_first(*found, batch);
                 put_waiting(*found, batch);
                 ++found->pins;
                 commit(std::move(batch), [this, found](const result<void>& outcome) {
                     --found->pins;
                     if (!outcome) broken(found);
                 });
                 with_head(found, next);
                 return;
             }
             if (!decoded) {
                 next(nullptr);
                 return;
             }
             found->head = std::make_shared<const stored_message>(std::move(*decoded));
             found->head_number = number;
             next(found->head);
         });
}

void queue_engine::deliver_head(const queue_ptr& found, bool to_its_sender) {
    if (found->committed == 0) return;
    const auto* waiting = receiver(*found);
    if (waiting == nullptr || waiting->last) return;
    if (found->record.service_id && !has_room(found->record)) return;
    with_head(found, [this, found, to_its_sender](const std::shared_ptr<const stored_message>& message) {
        auto* to = receiver(*found);
        if (!message || to == nullptr || to->last) return;
        to->sent(message->id, found->head_number);
        outputs_.deliver(event_to(*to, found->record.recipient_id),
                         {message, found->body_key, to_its_sender});
    });
}

void queue_engine::drop_first(queue& found, write_batch& batch) {
    batch.erase(tables_.messages, message_key(found.waiting.entries.front().number));
    found.waiting.entries.pop_front();
    --found.committed;
    found.head.reset();
}

void queue_engine::drop_expired(queue& found, write_batch& batch) {
    if (settings_.message_ttl == 0) return;
    const auto oldest = outputs_.expiry_seconds() - settings_.message_ttl;
    while (found.committed > 0 && found.waiting.entries.front().seconds < oldest) {
        drop_first(found, batch);
        statistics_.add(counted::expired);
        statistics_.take(counted::messages);
    }
}

void queue_engine::put_waiting(const queue& found, write_batch& batch) {
    auto key = to_bytes(bytes_view(found.record.recipient_id));
    if (found.waiting.entries.empty() && !found.waiting.full)
        batch.erase(tables_.waiting, std::move(key));
    else
        batch.put(tables_.waiting, std::move(key), encode(found.waiting));
}

void queue_engine::expire(const identifier& recipient_id) {
    auto drop = [this](const result<queue_ptr>& looked_up) {
        if (!looked_up || !*looked_up) return;
        const auto& found = *looked_up;
        write_batch batch;
        drop_expired(*found, batch);
        if (batch.empty()) return;
        put_waiting(*found, batch);
        commit(std::move(batch), [this, found](const result<void>& outcome) {
            if (!outcome) broken(found);
        });
    };
    if (const auto known = find(recipient_id))
        drop(*known);
    else
        load(recipient_id, drop);
}

void queue_engine::send(const request& in, const cmd::send& command, const queue_ptr& found) {
    const auto& to = *in.from;
    auto& waiting = found->waiting;
    if (command.body.size() > smp::max_message_length(to.version)) {
        statistics_.add(counted::sent_too_large);
        fail(to, error_code::large_message);
        return;
    }
    if (found->record.status == queue_status::off) {
        statistics_.add(counted::sent_refused);
        fail(to, error_code::auth);
        return;
    }
    if (found->record.status == queue_status::blocked) {
        statistics_.add(counted::sent_blocked);
        answer(to, msg::err{blocking_of(found->record)});
        return;
    }
    write_batch batch;
    if (found->record.short_link && found->record.is_secured_messaging()) {
        batch.erase(tables_.links, found->record.short_link->id);
        found->record.short_link.reset();
        batch.put(tables_.queues, to_bytes(bytes_view(found->record.recipient_id)), encode(found->record));
    }
    drop_expired(*found, batch);
    if (waiting.full && waiting.entries.empty()) waiting.full = false;
    if (waiting.full) {
        if (!batch.empty()) {
            put_waiting(*found, batch);
            commit(std::move(batch), [this, found](const result<void>& outcome) {
                if (!outcome) broken(found);
            });
        }
        statistics_.add(counted::sent_over_quota);
        fail(to, error_code::quota);
        return;
    }
    auto message = std::make_shared<stored_message>();
    message->id = own_id();
    message->seconds = outputs_.seconds();
    message->quota = waiting.entries.size() >= settings_.quota;
    if (!message->quota) {
        message->flags = command.flags;
        message->body = to_bytes(command.body);
    }
    waiting.full = message->quota;
    const auto number = next_number_++;
    waiting.entries.push_back({number, message->seconds});
    batch.put(tables_.messages, message_key(number), encode(found->record.recipient_id, *message));
    put_waiting(*found, batch);
    ++found->pins;
    commit(std::move(batch), [this, found, to, message, number](const result<void>& outcome) {
        sent(found, to, message, number, outcome);
    });
}

void queue_engine::sent(const queue_ptr& found, const reply_to& to,
                        const std::shared_ptr<const stored_message>& message, std::uint64_t number,
                        const result<void>& outcome) {
    --found->pins;
    if (!outcome) {
        broken(found);
        store_failed(to, outcome.error());
        return;
    }
    if (!found->deleted && ++found->committed == 1) {
        found->head = message;
        found->head_number = number;
    }
    statistics_.add(counted::messages);
    // Who sends to its own queue gets the message first, then the answer: clients of official servers may
    // count on it.
    const auto* recipient = found->deleted ? nullptr : receiver(*found);
    if (recipient != nullptr && recipient->connection == to.connection) deliver_head(found, true);
    if (message->quota) {
        statistics_.add(counted::sent_over_quota);
        fail(to, error_code::quota);
    } else {
        statistics_.add(counted::sent);
        if (message->flags.notification) statistics_.add(counted::sent_notified);
        statistics_.saw(found->record.recipient_id, message->flags.notification);
        answer(to, msg::ok{});
    }
    if (found->deleted) return;
    if (message->flags.notification && found->record.notifier) notify(*found, *message);
    deliver_head(found);
}

void queue_engine::get(const request& in, const queue_ptr& found) {
    const auto& to = *in.from;
    const auto& id = found->record.recipient_id;
    const auto* current = subscriber(id);
    if (current != nullptr && current->connection == to.connection) {
        statistics_.add(counted::get_prohibited);
        fail(to, command_error::prohibited);
        return;
    }
    if (getter(to.connection, id) == nullptr) {
        if (!may_subscribe(to.connection)) {
            fail(to, command_error::prohibited);
            return;
        }
        add_getter(to, id);
    }
    with_head(found, [this, found, to](const std::shared_ptr<const stored_message>& message) {
        auto* own = getter(to.connection, found->record.recipient_id);
        const bool again = own != nullptr && own->last != nullptr;
        if (own != nullptr) own->last.reset();
        if (!message || own == nullptr) {
            statistics_.add(counted::got_nothing);
            answer(to, msg::ok{});
            return;
        }
        statistics_.add(again ? counted::got_again : counted::got);
        own->sent(message->id, found->head_number);
        outputs_.deliver(to, {message, found->body_key});
    });
}

void queue_engine::ack(const request& in, const cmd::ack& command, const queue_ptr& found) {
    const auto& to = *in.from;
    const auto& id = found->record.recipient_id;
    auto* own = subscriber(id);
    const bool subscribed = own != nullptr && own->connection == to.connection;
    if (!subscribed) own = getter(to.connection, id);
    const bool known = own != nullptr && own->last && !own->last->leaving &&
                       (command.message_id.empty() || equal(command.message_id, own->last->message_id));
    if (!known) {
        fail(to, error_code::no_message);
        return;
    }
    const auto number = own->last->number;
    own->last->leaving = true; // nothing else is delivered before the answer
    if (found->committed == 0 || found->waiting.entries.front().number != number) {
        acknowledged(to, found, number);
        return;
    }
    if (found->head && !found->head->quota) {
        statistics_.add(counted::received);
        if (!subscribed) statistics_.add(counted::received_by_get);
        if (found->head->flags.notification) statistics_.add(counted::received_notified);
        statistics_.saw(id, found->head->flags.notification);
    }
    statistics_.take(counted::messages);
    // Answered when it is gone for good: what the recipient knows to be acknowledged never comes again.
    write_batch batch;
    drop_first(*found, batch);
    put_waiting(*found, batch);
    ++found->pins;
    commit(std::move(batch), [this, found, to, number](const result<void>& outcome) {
        --found->pins;
        if (outcome) {
            acknowledged(to, found, number);
            return;
        }
        broken(found);
        store_failed(to, outcome.error());
    });
}

/// The answer to an ACK: the next message for a subscriber, if it has not been sent meanwhile.
void queue_engine::acknowledged(const reply_to& to, const queue_ptr& found, std::uint64_t number) {
    const auto& id = found->record.recipient_id;
    auto* own = subscriber(id);
    const bool subscribed = own != nullptr && own->connection == to.connection;
    if (!subscribed) own = getter(to.connection, id);
    if (own != nullptr && own->last && own->last->leaving && own->last->number == number) own->last.reset();
    if (!subscribed) {
        answer(to, msg::ok{});
        return;
    }
    with_head(found, [this, found, to](const std::shared_ptr<const stored_message>& message) {
        auto* still = subscriber(found->record.recipient_id);
        if (!message || still == nullptr || still->connection != to.connection || still->last) {
            if (!message) forget_receiver(*found);
            answer(to, msg::ok{});
            return;
        }
        still->sent(message->id, found->head_number);
        outputs_.deliver(to, {message, found->body_key});
    });
}

} // namespace plexus::smp_server
