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
/// Read or written at once when a server starts or stops.
constexpr std::size_t notifications_a_step = 1'000;

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
    with_services(found, services_of(found->record),
                  [this, to = *in.from, credentials = command.credentials, found](const result<void>& ready) {
                      if (!ready)
                          store_failed(to, ready.error());
                      else if (found->deleted)
                          fail(to, error_code::auth);
                      else
                          try_notifier(to, credentials, found, notifier_tries);
                  });
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
    const auto previous = found->record.notifier;
    const auto left = previous ? previous->service_id : std::nullopt;
    if (previous) batch.erase(tables_.notifiers, to_bytes(bytes_view(previous->id)));
    if (left) ledger_.remove(*left, previous->id, batch);
    const auto id = to_bytes(bytes_view(changed.recipient_id));
    batch.insert(tables_.notifiers, to_bytes(bytes_view(made->record->id)), id);
    batch.put(tables_.queues, id, encode(changed));
    ++found->pins;
    found->held = true;
    commit(std::move(batch),
           [this, to, credentials, found, made = *made, previous, left, tries](const result<void>& outcome) {
               --found->pins;
               if (left)
                   settle_services(left, nullptr, outcome.has_value(), service_queue_kind::notifications);
               if (!outcome && outcome.error().is(status::exists)) {
                   with_services(found, services_of(found->record),
                                 [this, to, credentials, found, tries](const result<void>& ready) {
                                     try_notifier(to, credentials, found, ready ? tries - 1 : 0);
                                 });
                   return;
               }
               if (outcome) {
                   found->record.notifier = made.record;
                   statistics_.add(counted::notifier_created);
                   if (previous)
                       forget_notifier(*previous, to.connection);
                   else
                       statistics_.add(counted::notifiers);
                   answer(to, msg::nid{made.record->id, made.dh_key});
               } else {
                   broken(found);
                   store_failed(to, outcome.error());
               }
               release(found);
           });
}

void queue_engine::delete_notifier(const request& in, const queue_ptr& found) {
    with_services(found, services_of(found->record), [this, to = *in.from, found](const result<void>& ready) {
        if (!ready || found->deleted) {
            if (ready)
                fail(to, error_code::auth);
            else
                store_failed(to, ready.error());
            return;
        }
        const auto previous = std::exchange(found->record.notifier, nullptr);
        if (!previous) {
            answer(to, msg::ok{});
            return;
        }
        const auto left = previous->service_id;
        write_batch batch;
        batch.erase(tables_.notifiers, to_bytes(bytes_view(previous->id)));
        if (left) ledger_.remove(*left, previous->id, batch);
        forget_notifier(*previous, to.connection);
        save(found, std::move(batch), [this, to, left](const result<void>& outcome) {
            if (left) settle_services(left, nullptr, outcome.has_value(), service_queue_kind::notifications);
            if (!outcome) {
                store_failed(to, outcome.error());
                return;
            }
            statistics_.add(counted::notifier_deleted);
            statistics_.take(counted::notifiers);
            answer(to, msg::ok{});
        });
    });
}

void queue_engine::drop_notifications(std::size_t count, counted why) {
    statistics_.take(counted::notifications_waiting, count);
    if (why != counted::notifications_waiting) statistics_.add(why, count);
}

void queue_engine::forget_notifier(const queue_record::notifications& gone, const connection_id& by) {
    if (const auto waiting = waiting_notifications_.extract(gone.id))
        drop_notifications(waiting.mapped().list.size(), counted::notifications_waiting);
    end_service_use(gone.service_id, gone.id, by, msg::deld{});
    const auto* subscribed = notifiers_.find(gone.id);
    if (subscribed == nullptr) return;
    const bool others = subscribed->connection != by;
    const auto previous = event_to(*subscribed, gone.id);
    notifiers_.erase(gone.id);
    if (others) end_use(previous, msg::deld{});
}

void queue_engine::subscribe_notifier(const request& in, const queue_ptr& found) {
    if (is_of(found->record.notifier->service_id, in))
        subscribe_notifier_ready(in, found, false);
    else
        change_service(in, found, service_queue_kind::notifications);
}

/// `joined`: the notifier became the service's by this.
void queue_engine::subscribe_notifier_ready(const request& in, const queue_ptr& found, bool joined) {
    const auto& to = *in.from;
    const auto& notifier = *found->record.notifier;
    const auto id = notifier.id;
    if (const auto waiting = waiting_notifications_.find(id); waiting != waiting_notifications_.end())
        waiting->second.service_id = notifier.service_id;
    if (in.service) {
        service_subscribed(in, id, joined, service_queue_kind::notifications);
        answer(to, msg::sok{in.service->id});
    } else {
        const auto* known = notifiers_.find(id);
        const bool again = known != nullptr && known->connection == to.connection;
        if (!again && !may_subscribe(to.connection)) {
            fail(to, smp::command_error::prohibited);
            return;
        }
        statistics_.add(again ? counted::notifier_subscribed_again : counted::notifier_subscribed);
        if (!again) {
            if (known != nullptr) {
                const auto previous = event_to(*known, id);
                notifiers_.erase(id);
                end_use(previous, msg::end{});
            }
            notifiers_.add(id, to.connection, to.version);
        }
        answer(to, msg::sok{});
    }
    if (const auto event = notifier_event(notifier)) tell_waiting(id, *event);
}

/// Where its notifications go now; nothing if nobody is subscribed.
std::optional<reply_to> queue_engine::notifier_event(const queue_record::notifications& notifier) {
    if (notifier.service_id) {
        const auto* session = session_of(notifier.service_id);
        return session == nullptr ? std::nullopt : std::optional(event_to(*session, notifier.id));
    }
    const auto* known = notifiers_.find(notifier.id);
    return known == nullptr ? std::nullopt : std::optional(event_to(*known, notifier.id));
}

void queue_engine::tell_notifier(const reply_to& to, const notification& what) {
    constexpr std::uint32_t most = 80; // fit into a block
    statistics_.add(counted::notified);
    if (notified_.begins(to.connection, outputs_.seconds(), most)) statistics_.add(counted::notified_batches);
    answer(to, msg::nmsg{bytes_view(what.nonce), what.metadata});
}

/// What waits for a notifier; how many were told.
std::size_t queue_engine::tell_waiting(const identifier& id, const reply_to& to) {
    const auto waiting = waiting_notifications_.extract(id);
    if (!waiting) return 0;
    const auto oldest = outputs_.seconds() - notification_lifetime;
    std::size_t told = 0;
    for (const auto& each : waiting.mapped().list)
        if (each.seconds >= oldest) {
            tell_notifier(to, each);
            ++told;
        }
    drop_notifications(told, counted::notifications_waiting);
    drop_notifications(waiting.mapped().list.size() - told, counted::notifications_expired);
    return told;
}

void queue_engine::notify(const queue& found, const stored_message& message) {
    const auto& notifier = *found.record.notifier;
    notification made;
    made.message_id = message.id;
    made.seconds = message.seconds;
    made.nonce = random_.array<crypto::nonce_size>();
    auto sealed = smp::seal_notification(crypto::box_key(notifier.dh_secret), crypto::to_nonce(made.nonce),
                                         {message.id, message.seconds});
    if (!sealed) return;
    made.metadata = std::move(sealed).value();
    if (const auto event = notifier_event(notifier)) {
        tell_notifier(*event, made);
        return;
    }
    wait_for_notifier(notifier.id, found.record.recipient_id, notifier.service_id, std::move(made));
}

void queue_engine::wait_for_notifier(const identifier& notifier, const identifier& recipient_id,
                                     const std::optional<identifier>& service_id, notification made) {
    made.number = ++last_notification_;
    notification_order_.emplace_back(made.number, notifier);
    auto& waiting = waiting_notifications_[notifier];
    waiting.recipient_id = recipient_id;
    waiting.service_id = service_id;
    waiting.list.push_back(std::move(made));
    statistics_.add(counted::notifications_waiting);
    if (notification_order_.size() <= most_waiting_notifications) return;
    const auto [number, id] = notification_order_.front();
    notification_order_.pop_front();
    const auto oldest = waiting_notifications_.find(id);
    if (oldest == waiting_notifications_.end() || oldest->second.list.front().number != number) return;
    oldest->second.list.pop_front();
    drop_notifications(1, counted::notifications_lost);
    if (oldest->second.list.empty()) waiting_notifications_.erase(oldest);
}

// ---- from one run of the server to the next

struct queue_engine::kept_notifications {
    std::function<void(result<void>)> done;
    std::vector<std::pair<bytes, bytes>> rows; ///< to be written
    bytes from{0};                             ///< where to read on
};

void queue_engine::keep_notifications(std::function<void(result<void>)> done) {
    auto pass = std::make_shared<kept_notifications>();
    pass->done = std::move(done);
    const auto oldest = outputs_.seconds() - notification_lifetime;
    for (const auto& [id, waiting] : waiting_notifications_)
        for (const auto& each : waiting.list)
            if (each.seconds >= oldest)
                pass->rows.emplace_back(
                    notification_key(id, each.number),
                    encode(stored_notification{waiting.recipient_id, waiting.service_id, each.message_id,
                                               each.seconds, each.nonce, each.metadata}));
    keep_next(pass);
}

void queue_engine::keep_next(const std::shared_ptr<kept_notifications>& pass) {
    if (pass->rows.empty()) {
        pass->done({});
        return;
    }
    write_batch batch;
    for (std::size_t i = 0; i < notifications_a_step && !pass->rows.empty(); ++i) {
        auto& [key, value] = pass->rows.back();
        batch.put(tables_.notifications, std::move(key), std::move(value));
        pass->rows.pop_back();
    }
    commit(std::move(batch), [this, pass](const result<void>& outcome) {
        if (outcome)
            keep_next(pass);
        else
            pass->done(outcome);
    });
}

void queue_engine::take_notifications(std::function<void(result<void>)> done) {
    auto pass = std::make_shared<kept_notifications>();
    pass->done = std::move(done);
    take_next(pass);
}

void queue_engine::take_next(const std::shared_ptr<kept_notifications>& pass) {
    const auto take = [this, pass](const result<store_ref::rows>& rows) {
        if (!rows) {
            pass->done(rows.error());
            return;
        }
        const auto oldest = outputs_.seconds() - notification_lifetime;
        write_batch taken;
        bool any = false;
        for (const auto& [key, value] : *rows) {
            const auto kept = decode_notification(value);
            const auto notifier = to_identifier(bytes_view(key).first(std::min(key.size(), smp::id_size)));
            const bool whole = kept && notifier;
            // A damaged row is the first shard's to remove.
            if ((whole ? owner_of(kept->recipient_id, shards_) : 0) != shard_) continue;
            taken.erase(tables_.notifications, key);
            any = true;
            if (!whole || kept->seconds < oldest) continue;
            wait_for_notifier(*notifier, kept->recipient_id, kept->service_id,
                              {0, kept->message_id, kept->seconds, kept->nonce, kept->metadata});
        }
        const bool more = rows->size() == notifications_a_step;
        if (more) {
            pass->from = rows->back().first;
            pass->from.push_back(0);
        }
        const auto next = [this, pass, more](const result<void>& outcome) {
            if (outcome && more)
                take_next(pass);
            else
                pass->done(outcome);
        };
        if (any)
            commit(std::move(taken), next);
        else
            next({});
    };
    scan(tables_.notifications, pass->from, {}, notifications_a_step, take);
}

} // namespace plexus::smp_server
