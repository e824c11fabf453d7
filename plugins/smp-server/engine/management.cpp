// What an operator does to queues: found by any of their ids, blocked, unblocked, removed.
#include "engine.hpp"

namespace plexus::smp_server {

namespace msg = smp::msg;

smp::server_error queue_engine::blocking_of(const queue_record& record) {
    auto out = smp::make_server_error(smp::error_code::blocked);
    if (record.blocked) {
        out.reason = record.blocked->reason;
        out.text = record.blocked->notice;
    }
    return out;
}

void queue_engine::look_up(bytes id, std::function<void(result<std::optional<identifier>>)> next) {
    look_up_from(0, std::move(id), std::move(next));
}

void queue_engine::look_up_from(std::size_t first, bytes id,
                                std::function<void(result<std::optional<identifier>>)> next) {
    // Their rows begin with the recipient id.
    const std::array places{tables_.senders, tables_.links, tables_.notifiers};
    if (first == places.size()) {
        next(to_identifier(id));
        return;
    }
    const auto key = id;
    read(places[first], key,
         [this, first, id = std::move(id),
          next = std::move(next)](const result<std::optional<bytes>>& row) mutable {
             if (!row)
                 next(row.error());
             else if (!*row)
                 look_up_from(first + 1, std::move(id), std::move(next));
             else
                 next(to_identifier(
                     bytes_view(**row).first(std::min<std::size_t>((*row)->size(), smp::id_size))));
         });
}

void queue_engine::manage(const identifier& recipient_id, const queue_change& what,
                          std::function<void(result<void>)> done) {
    auto apply = [this, recipient_id, what, done = std::move(done)](const result<queue_ptr>& looked_up) {
        if (!looked_up)
            done(looked_up.error());
        else if (!*looked_up)
            done(make_error(status::not_found, "there is no such queue"));
        else if ((*looked_up)->held)
            held_changes_[recipient_id].push_back(
                [this, recipient_id, what, done] { manage(recipient_id, what, done); });
        else
            change(*looked_up, what, done);
    };
    if (const auto known = find(recipient_id))
        apply(*known);
    else
        load(recipient_id, apply);
}

void queue_engine::inspect(const identifier& recipient_id, std::function<void(result<queue_view>)> done) {
    auto look = [this, done = std::move(done)](const result<queue_ptr>& looked_up) {
        if (!looked_up || !*looked_up) {
            done(looked_up ? make_error(status::not_found, "there is no such queue") : looked_up.error());
            return;
        }
        const auto& found = **looked_up;
        const auto& record = found.record;
        queue_view out;
        out.status = record.status;
        if (record.blocked) out.blocked = *record.blocked;
        out.mode = record.mode;
        out.recipient_keys = record.recipient_keys.size();
        out.secured = record.sender_key.has_value();
        out.has_link = record.short_link.has_value();
        out.has_notifier = record.notifier != nullptr;
        out.has_service = record.service_id.has_value();
        out.subscribed = record.service_id ? session_of(record.service_id) != nullptr
                                           : subscriber(record.recipient_id) != nullptr;
        out.messages = found.waiting.entries.size();
        out.full = found.waiting.full;
        done(out);
    };
    if (const auto known = find(recipient_id))
        look(*known);
    else
        load(recipient_id, look);
}

void queue_engine::change(const queue_ptr& found, const queue_change& what,
                          std::function<void(result<void>)> done) {
    auto& record = found->record;
    if (what.what == queue_change::action::remove) {
        remove(found, {}, std::move(done));
        return;
    }
    if (what.what == queue_change::action::block) {
        if (record.status == queue_status::active) statistics_.add(counted::blocked);
        record.blocked =
            std::make_shared<const queue_record::blocking>(queue_record::blocking{what.reason, what.notice});
        record.status = queue_status::blocked;
        const auto* session = session_of(record.service_id);
        const auto* to = session == nullptr ? subscriber(record.recipient_id) : nullptr;
        if (session != nullptr)
            answer(event_to(*session, record.recipient_id), msg::err{blocking_of(record)});
        if (to != nullptr) answer(event_to(*to, record.recipient_id), msg::err{blocking_of(record)});
    } else if (record.status == queue_status::blocked) {
        record.blocked.reset();
        record.status = queue_status::active;
    } else {
        done({});
        return;
    }
    save(found, {}, std::move(done));
}

} // namespace plexus::smp_server
