// Services: admitted, told apart from each other, given the messages of their queues.
#include "engine.hpp"

namespace plexus::smp_server {

using smp::error_code;
namespace msg = smp::msg;

namespace {

/// Of one turn of the loop, when a service is given what waits for it.
constexpr std::uint64_t rows_a_turn = 256;
constexpr std::size_t messages_a_turn = 16;
constexpr std::size_t notifications_a_turn = 500;

} // namespace

// ---- who a service is

void queue_engine::admit(const smp::service_offer& offer, std::vector<bytes> chain,
                         const smp::key_hash& server, std::function<void(result<service_ptr>)> done) {
    auto made = std::make_shared<service>();
    made->record = {offer.role, offer.fingerprint, outputs_.seconds(), std::move(chain)};
    auto finish = [made, done](const result<std::optional<bytes>>& row) {
        const auto known = row && *row ? decode_service(**row) : std::nullopt;
        if (!row) {
            done(row.error());
        } else if (!known) {
            done(make_error(status::corrupt, "the record of a service is damaged"));
        } else if (known->role != made->record.role) {
            done(make_error(status::denied, "a service has one role"));
        } else {
            made->recorded = true;
            done(service_ptr(made));
        }
    };
    auto found = [this, made, server, finish = std::move(finish),
                  done = std::move(done)](const result<std::optional<bytes>>& row) mutable {
        const auto id = row && *row ? to_identifier(**row) : std::nullopt;
        if (id) {
            made->id = *id;
            read(tables_.services, to_bytes(bytes_view(*id)), std::move(finish));
        } else if (row && !*row) {
            made->id = new_service_id(server, made->record.role, made->record.fingerprint);
            done(service_ptr(made));
        } else {
            done(row ? make_error(status::corrupt, "the id of a service is damaged") : row.error());
        }
    };
    read(tables_.service_prints, to_bytes(bytes_view(offer.fingerprint)), std::move(found));
}

/// Two clients may show one certificate under different roles before it is recorded: who has the first queue
/// has the role.
bool queue_engine::has_other_role(const service& which) const {
    if (which.recorded) return false;
    bool other = false;
    const auto look = [&](bytes_view id) { other = !equal(id, which.id); };
    static_cast<void>(store_.try_read(tables_.service_prints, which.record.fingerprint, look));
    return other;
}

void queue_engine::record_service(const service& which, write_batch& batch) {
    if (which.recorded) return;
    const auto id = to_bytes(bytes_view(which.id));
    batch.put(tables_.services, id, encode(which.record));
    batch.put(tables_.service_prints, to_bytes(bytes_view(which.record.fingerprint)), id);
}

/// A commit that concerned these services is over.
void queue_engine::settle_services(const std::optional<identifier>& left, const service_ptr& joined,
                                   bool committed, service_queue_kind kind) {
    if (left) ledger_.settle(*left, committed);
    if (joined) ledger_.settle(joined->id, committed);
    if (!committed) return;
    const bool messages = kind == service_queue_kind::messages;
    const auto count = messages ? counted::service_queues : counted::service_notifiers;
    if (left) statistics_.take(count);
    if (!joined) return;
    statistics_.add(count);
    if (!joined->recorded.exchange(true))
        statistics_.add(messages ? counted::services : counted::notifier_services);
}

/// The queue is gone, or was to be.
void queue_engine::settle_removed(const queue_record& record, bool committed) {
    const auto& notifier = record.notifier;
    if (record.service_id)
        settle_services(record.service_id, nullptr, committed, service_queue_kind::messages);
    if (notifier && notifier->service_id)
        settle_services(notifier->service_id, nullptr, committed, service_queue_kind::notifications);
    if (notifier && committed) statistics_.take(counted::notifiers);
}

// ---- whose connection it is

std::optional<queue_engine::ended_service> queue_engine::attach(const service& who,
                                                                const connection_id& connection,
                                                                smp::version version, std::uint64_t turn) {
    auto& session = sessions_[who.id];
    if (session.turn > turn) return std::nullopt;
    if (session.connection == connection) {
        session.turn = turn;
        return std::nullopt;
    }
    std::optional<ended_service> out;
    if (session.connection.number != 0) {
        session_of_.erase(session.connection);
        out = ended_service{session.connection, session.version, session.subscribed};
        statistics_.add(who.record.role == smp::service_role::notifier ? counted::notifier_service_ended
                                                                       : counted::service_ended);
    }
    session = {};
    session.connection = connection;
    session.version = version;
    session.turn = turn;
    session_of_[connection] = who.id;
    return out;
}

void queue_engine::detach(const connection_id& connection) {
    const auto found = session_of_.extract(connection);
    if (found) sessions_.erase(found.mapped());
}

queue_engine::service_session* queue_engine::session_of(const std::optional<identifier>& service_id) {
    const auto found = service_id ? sessions_.find(*service_id) : sessions_.end();
    return found == sessions_.end() ? nullptr : &found->second;
}

reply_to queue_engine::event_to(const service_session& of, const identifier& id) {
    reply_to out;
    out.connection = of.connection;
    out.version = of.version;
    out.event = true;
    out.entity = short_id(id);
    return out;
}

/// The service has this queue or notifier no more.
void queue_engine::end_service_use(const std::optional<identifier>& service_id, const identifier& entity,
                                   const connection_id& by, const smp::message& event) {
    auto* session = session_of(service_id);
    if (session == nullptr) return;
    if (session->subscribed.count > 0) session->subscribed.remove(entity);
    if (session->connection != by) end_use(event_to(*session, entity), event);
}

/// Subscribed to one of its queues or notifiers. `joined`: only now it became the service's.
void queue_engine::service_subscribed(const request& in, const identifier& entity, bool joined,
                                      service_queue_kind kind) {
    const auto count = [&](counted messages, counted notifications) {
        statistics_.add(kind == service_queue_kind::messages ? messages : notifications);
    };
    auto* session = session_of(in.service->id);
    const bool own = session != nullptr && session->connection == in.from->connection;
    const bool first = !own || session->subscribed.count == 0;
    if (own && (joined || first)) session->subscribed.add(entity);
    if (first) count(counted::service_subscribed, counted::notifier_service_subscribed);
    if (joined || first)
        count(counted::service_subscribed_queues, counted::notifier_service_subscribed_queues);
    if (!joined) count(counted::service_again, counted::notifier_service_again);
}

// ---- which queues are a service's

/// Continues when the services are counted; until then the queue's commands wait.
void queue_engine::with_services(const queue_ptr& found, std::vector<identifier> services,
                                 std::function<void(result<void>)> next) {
    if (services.empty() || ledger_.knows(services)) {
        next({});
        return;
    }
    const bool was_held = std::exchange(found->held, true);
    ++found->pins;
    ledger_.with(std::move(services), [this, found, was_held, next = std::move(next)](result<void> outcome) {
        --found->pins;
        found->held = was_held;
        next(std::move(outcome)); // which may hold it for longer
        if (!found->held) release(found);
    });
}

std::vector<identifier> queue_engine::services_of(const queue_record& record) {
    std::vector<identifier> out;
    if (record.service_id) out.push_back(*record.service_id);
    if (record.notifier && record.notifier->service_id) out.push_back(*record.notifier->service_id);
    return out;
}

bool queue_engine::is_of(const std::optional<identifier>& service_id, const request& in) {
    return in.service ? service_id == in.service->id : !service_id;
}

/// SUB or NSUB by another service than the one that has the queue, or by a client that is none.
void queue_engine::change_service(const request& in, const queue_ptr& found, service_queue_kind kind) {
    auto kept = std::make_shared<const owned_request>(in);
    auto services = services_of(found->record);
    if (in.service) services.push_back(in.service->id);
    found->held = true;
    ++found->pins;
    ledger_.with(std::move(services), [this, kept, found, kind](const result<void>& ready) {
        const auto again = kept->view();
        const bool other_role = again.service && has_other_role(*again.service);
        if (ready && !other_role && !found->deleted && has_service_slot(*found, kind, again)) {
            move_to_service(kept, found, kind);
            return;
        }
        --found->pins;
        if (ready)
            fail(*again.from, other_role ? error_code::service : error_code::auth);
        else
            store_failed(*again.from, ready.error());
        release(found);
    });
}

/// Whether it still has what a service is to get.
bool queue_engine::has_service_slot(const queue& found, service_queue_kind kind, const request& in) {
    const auto& notifier = found.record.notifier;
    return kind == service_queue_kind::messages || (notifier && equal(notifier->id, in.from->entity));
}

void queue_engine::move_to_service(const std::shared_ptr<const owned_request>& kept, const queue_ptr& found,
                                   service_queue_kind kind) {
    const auto in = kept->view();
    auto& record = found->record;
    const bool messages = kind == service_queue_kind::messages;
    const auto entity = messages ? record.recipient_id : record.notifier->id;
    const auto left = messages ? record.service_id : record.notifier->service_id;
    const auto joined = in.service ? std::optional(in.service->id) : std::nullopt;
    write_batch batch;
    if (left) ledger_.remove(*left, entity, batch);
    if (in.service) {
        record_service(*in.service, batch);
        ledger_.add(*joined, entity, record.recipient_id, batch);
    }
    if (messages) {
        record.service_id = joined;
    } else {
        auto changed = *record.notifier;
        changed.service_id = joined;
        record.notifier = std::make_shared<const queue_record::notifications>(std::move(changed));
    }
    save(found, std::move(batch), [=, this](const result<void>& outcome) {
        const auto again = kept->view();
        settle_services(left, again.service, outcome.has_value(), kind);
        --found->pins;
        if (!outcome) {
            store_failed(*again.from, outcome.error());
        } else if (found->deleted) {
            fail(*again.from, error_code::auth);
        } else {
            end_service_use(left, entity, again.from->connection, msg::end{});
            if (left && messages && subscriber(entity) != nullptr) subscribers_.erase(entity);
            if (joined) end_direct_use(entity, again.from->connection, kind);
            count_move(left, joined, kind);
            if (messages)
                sub_ready(again, found, true);
            else
                subscribe_notifier_ready(again, found, true);
        }
        release(found);
    });
}

void queue_engine::count_move(const std::optional<identifier>& left, const std::optional<identifier>& joined,
                              service_queue_kind kind) {
    const bool messages = kind == service_queue_kind::messages;
    if (!joined)
        statistics_.add(messages ? counted::service_left : counted::notifier_service_left);
    else if (left)
        statistics_.add(messages ? counted::service_changed : counted::notifier_service_changed);
    else
        statistics_.add(messages ? counted::service_joined : counted::notifier_service_joined);
}

/// Whoever subscribed to it as one that is no service.
void queue_engine::end_direct_use(const identifier& entity, const connection_id& by,
                                  service_queue_kind kind) {
    auto& table = kind == service_queue_kind::messages ? subscribers_ : notifiers_;
    const auto* known = table.find(entity);
    if (known == nullptr) return;
    const auto previous = event_to(*known, entity);
    table.erase(entity);
    if (previous.connection == by) return;
    end_use(previous, msg::end{});
}

// ---- all queues of a service

void queue_engine::subscribe_service(const service_ptr& who, const connection_id& connection,
                                     std::function<void(result<service_subscription>)> done) {
    ledger_.with({who->id}, [this, who, connection, done = std::move(done)](const result<void>& ready) {
        auto* session = session_of(who->id);
        if (!ready) {
            done(ready.error());
        } else if (session == nullptr || session->connection != connection) {
            done(make_error(status::denied, "another connection of the service has come"));
        } else {
            const bool again = std::exchange(session->complete, true);
            if (!again) session->subscribed = ledger_.of(who->id);
            done(service_subscription{session->subscribed, again});
        }
    });
}

struct queue_engine::service_pass {
    service_ptr who;
    connection_id connection;
    std::function<void()> done;
    bytes from;
    bool more = true;
    std::deque<identifier> queues; ///< of the last step
};

void queue_engine::deliver_service(const service_ptr& who, const connection_id& connection,
                                   std::function<void()> done) {
    auto pass = std::make_shared<service_pass>();
    pass->who = who;
    pass->connection = connection;
    pass->done = std::move(done);
    pass->from = served_key(who->id, {});
    next_rows(pass);
}

void queue_engine::next_rows(const std::shared_ptr<service_pass>& pass) {
    const auto* session = session_of(pass->who->id);
    const bool own = session != nullptr && session->connection == pass->connection;
    if (!pass->more && own && !session->postponed.empty()) {
        outputs_.when_room(pass->connection, [this, pass](bool open) {
            if (open)
                next_rows(pass);
            else
                pass->done();
        });
        return;
    }
    if (!pass->more || !own) {
        pass->done();
        return;
    }
    scan(tables_.served, pass->from, served_end(pass->who->id), rows_a_turn,
         [this, pass](const result<store_ref::rows>& rows) {
             pass->more = rows && rows->size() == rows_a_turn;
             if (rows)
                 for (const auto& [key, value] : *rows) {
                     const auto id = to_identifier(value);
                     if (id && owner_of(*id, shards_) == shard_) pass->queues.push_back(*id);
                 }
             if (pass->more) {
                 pass->from = rows->back().first;
                 pass->from.push_back(0);
             }
             give_messages(pass);
         });
}

/// No more than the connection has room for.
void queue_engine::give_messages(const std::shared_ptr<service_pass>& pass) {
    const auto* session = session_of(pass->who->id);
    if (session == nullptr || session->connection != pass->connection) {
        pass->done();
        return;
    }
    std::size_t given = 0;
    while (!pass->queues.empty() && given < messages_a_turn) {
        const auto id = pass->queues.front();
        pass->queues.pop_front();
        if (!may_have_messages(id)) continue;
        ++given;
        deliver_of(id);
    }
    if (given == 0) {
        next_rows(pass);
        return;
    }
    outputs_.when_room(pass->connection, [this, pass](bool open) {
        if (!open)
            pass->done();
        else if (pass->queues.empty())
            next_rows(pass);
        else
            give_messages(pass);
    });
}

void queue_engine::deliver_of(const identifier& recipient_id) {
    const auto deliver = [this](const result<queue_ptr>& looked_up) {
        if (looked_up && *looked_up && (*looked_up)->record.status != queue_status::blocked)
            deliver_head(*looked_up);
    };
    if (const auto known = find(recipient_id))
        deliver(*known);
    else
        load(recipient_id, deliver);
}

/// Whether the service may be given the queue's message now; else it is when there is room.
bool queue_engine::has_room(const queue_record& record) {
    auto& session = *session_of(record.service_id);
    if (session.full) {
        session.postponed.insert(record.recipient_id);
        return false;
    }
    if (++session.given < messages_a_turn) return true;
    session.given = 0;
    session.full = true;
    outputs_.when_room(session.connection,
                       [this, id = *record.service_id, connection = session.connection](bool open) {
                           if (open) give_postponed(id, connection);
                       });
    return true;
}

void queue_engine::give_postponed(const identifier& service_id, const connection_id& connection) {
    auto* session = session_of(service_id);
    if (session == nullptr || session->connection != connection) return;
    session->full = false;
    for (const auto& id : std::exchange(session->postponed, {})) {
        session = session_of(service_id);
        if (session == nullptr) return;
        if (session->full)
            session->postponed.insert(id);
        else
            deliver_of(id);
    }
}

bool queue_engine::may_have_messages(const identifier& id) {
    if (const auto* known = cache_.find(id)) return (*known)->committed > 0;
    const auto waiting = store_.try_read(tables_.waiting, id, [](bytes_view) {});
    return !waiting || *waiting;
}

/// Who gets the queue's messages now; NULL if nobody does.
use* queue_engine::receiver(const queue& of) {
    const auto& id = of.record.recipient_id;
    auto* known = subscriber(id);
    if (!of.record.service_id) return known;
    const auto* session = session_of(of.record.service_id);
    if (session == nullptr) return nullptr;
    if (known != nullptr && known->connection == session->connection) return known;
    if (known != nullptr) subscribers_.erase(id);
    return &subscribers_.add(id, session->connection, session->version);
}

/// A service's queue has nothing to give: nothing is kept of it.
void queue_engine::forget_receiver(const queue& of) {
    if (of.record.service_id && subscriber(of.record.recipient_id) != nullptr)
        subscribers_.erase(of.record.recipient_id);
}

// ---- all notifiers of a service

struct queue_engine::notifier_pass {
    service_ptr who;
    connection_id connection;
    std::function<void()> done;
    std::deque<identifier> notifiers;
};

void queue_engine::notify_service(const service_ptr& who, const connection_id& connection,
                                  std::function<void()> done) {
    auto pass = std::make_shared<notifier_pass>();
    pass->who = who;
    pass->connection = connection;
    pass->done = std::move(done);
    for (const auto& [id, waiting] : waiting_notifications_)
        if (waiting.service_id == who->id) pass->notifiers.push_back(id);
    give_notifications(pass);
}

void queue_engine::give_notifications(const std::shared_ptr<notifier_pass>& pass) {
    const auto* session = session_of(pass->who->id);
    const bool over = session == nullptr || session->connection != pass->connection;
    if (over) pass->notifiers.clear();
    for (std::size_t given = 0; !pass->notifiers.empty() && given < notifications_a_turn;) {
        given += tell_waiting(pass->notifiers.front(), event_to(*session, pass->notifiers.front()));
        pass->notifiers.pop_front();
    }
    if (pass->notifiers.empty()) {
        pass->done();
        return;
    }
    outputs_.when_room(pass->connection, [this, pass](bool open) {
        if (open)
            give_notifications(pass);
        else
            pass->done();
    });
}

} // namespace plexus::smp_server
