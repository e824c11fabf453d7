// Notifications: who is told that a message came to a queue, without its content.
#include "engine.hpp"

#include "plexus/smp/message_body.hpp"

namespace plexus::smp_server {

using smp::error_code;
namespace cmd = smp::cmd;
namespace msg = smp::msg;

namespace {

/// Notifications that wait for their notifier, of all queues of a shard; the oldest go first.
constexpr std::size_t most_waiting_notifications = 10'000;
constexpr std::int64_t notification_lifetime = 86'400; // seconds
constexpr int notifier_tries = 3;

} // namespace

std::optional<queue_engine::new_notifier>
queue_engine::make_notifier(const smp::notifier_credentials& credentials) {
    const auto server_key = crypto::private_key::generate(crypto::key_type::x25519, random_);
    const auto secret = crypto::dh_x25519(server_key, credentials.dh_key);
    if (!secret) return std::nullopt;
    queue_record::notifications made;
    made.id = own_id();
    made.key = credentials.key;
    made.dh_secret = *secret;
    return new_notifier{std::make_shared<const queue_record::notifications>(std::move(made)),
                        server_key.public_part()};
}

void queue_engine::set_notifier(const request& in, const cmd::nkey& command, const queue_ptr& found) {
    try_notifier(*in.from, command.credentials, found, notifier_tries);
}

/// The queue is held until the store knows whether the id is free.
void queue_engine::try_notifier(const reply_to& to, const smp::notifier_credentials& credentials,
                                const queue_ptr& found, int tries) {
    const auto made = tries == 0 ? std::nullopt : make_notifier(credentials);
    if (!made) {
        if (tries == 0)
            fail(to, error_code::internal);
        else
            fail(to, smp::command_error::syntax);
        if (found->held) release(found);
        return;
    }
    auto changed = found->record;
    changed.notifier = made->record;
    write_batch batch;
    if (found->record.notifier)
        batch.erase(tables_.notifiers, to_bytes(bytes_view(found->record.notifier->id)));
    const auto id = to_bytes(bytes_view(changed.recipient_id));
    batch.insert(tables_.notifiers, to_bytes(bytes_view(made->record->id)), id);
    batch.put(tables_.queues, id, encode(changed));
    ++found->pins;
    found->held = true;
    commit(std::move(batch),
           [this, to, credentials, found, made = *made, tries](const result<void>& outcome) {
               --found->pins;
               if (!outcome && outcome.error().is(status::exists)) {
                   try_notifier(to, credentials, found, tries - 1);
                   return;
               }
               if (outcome) {
                   const auto previous = std::exchange(found->record.notifier, made.record);
                   if (previous) forget_notifier(*previous, to.connection);
                   answer(to, msg::nid{made.record->id, made.dh_key});
               } else {
                   broken(found);
                   store_failed(to, outcome.error());
               }
               release(found);
           });
}

void queue_engine::delete_notifier(const request& in, const queue_ptr& found) {
    const auto previous = std::exchange(found->record.notifier, nullptr);
    if (!previous) {
        answer(*in.from, msg::ok{});
        return;
    }
    write_batch batch;
    batch.erase(tables_.notifiers, to_bytes(bytes_view(previous->id)));
    forget_notifier(*previous, in.from->connection);
    save(*in.from, found, std::move(batch), msg::ok{});
}

void queue_engine::forget_notifier(const queue_record::notifications& gone, const connection_id& by) {
    waiting_notifications_.erase(gone.id);
    const auto* subscribed = notifiers_.find(gone.id);
    if (subscribed == nullptr) return;
    const bool others = subscribed->connection != by;
    const auto previous = event_to(*subscribed, gone.id);
    notifiers_.erase(gone.id);
    if (others) answer(previous, msg::deld{});
}

void queue_engine::subscribe_notifier(const request& in, const queue_ptr& found) {
    const auto& to = *in.from;
    const auto& id = found->record.notifier->id;
    const auto* known = notifiers_.find(id);
    if (known == nullptr || known->connection != to.connection) {
        if (!may_subscribe(to.connection)) {
            fail(to, smp::command_error::prohibited);
            return;
        }
        if (known != nullptr) {
            const auto previous = event_to(*known, id);
            notifiers_.erase(id);
            answer(previous, msg::end{});
        }
        notifiers_.add(id, to.connection, to.version);
    }
    answer(to, msg::sok{});
    const auto waiting = waiting_notifications_.extract(id);
    if (!waiting) return;
    const auto oldest = outputs_.seconds() - notification_lifetime;
    for (const auto& each : waiting.mapped())
        if (each.seconds >= oldest) tell_notifier(id, each);
}

void queue_engine::tell_notifier(const identifier& id, const notification& what) {
    answer(event_to(*notifiers_.find(id), id), msg::nmsg{bytes_view(what.nonce), what.metadata});
}

void queue_engine::notify(const queue& found, const stored_message& message) {
    const auto& notifier = *found.record.notifier;
    notification made;
    made.number = ++last_notification_;
    made.seconds = message.seconds;
    made.nonce = random_.array<crypto::nonce_size>();
    auto sealed = smp::seal_notification(crypto::box_key(notifier.dh_secret), crypto::to_nonce(made.nonce),
                                         {message.id, message.seconds});
    if (!sealed) return;
    made.metadata = std::move(sealed).value();
    if (notifiers_.find(notifier.id) != nullptr) {
        tell_notifier(notifier.id, made);
        return;
    }
    notification_order_.emplace_back(made.number, notifier.id);
    waiting_notifications_[notifier.id].push_back(std::move(made));
    if (notification_order_.size() <= most_waiting_notifications) return;
    const auto [number, id] = notification_order_.front();
    notification_order_.pop_front();
    const auto oldest = waiting_notifications_.find(id);
    if (oldest == waiting_notifications_.end() || oldest->second.front().number != number) return;
    oldest->second.pop_front();
    if (oldest->second.empty()) waiting_notifications_.erase(oldest);
}

} // namespace plexus::smp_server
