// Who uses queues: SUB, with nothing decoded that it does not need, and what ends a use.
#include "engine.hpp"

#include "plexus/smp/authorization.hpp"

#include <algorithm>

namespace plexus::smp_server {

using smp::command_error;
namespace msg = smp::msg;

bool queue_engine::may_subscribe(const connection_id& connection) const {
    return subscriptions(connection) < settings_.most_subscriptions;
}

std::size_t queue_engine::subscriptions(const connection_id& connection) const {
    const auto getting = getting_.find(connection);
    return subscribers_.count(connection) + notifiers_.count(connection) +
           (getting == getting_.end() ? 0 : getting->second.size());
}

reply_to queue_engine::event_to(const use& of, const identifier& id) {
    reply_to out;
    out.connection = of.connection;
    out.version = of.version;
    out.event = true;
    out.entity = short_id(id);
    return out;
}

// ---- subscribers

/// A client that comes back subscribes to all it has: a queue that is not in memory, and has no message, is
/// not read into it. False if it is to be done the long way.
bool queue_engine::subscribe_in_place(const request& in, const identifier& recipient_id) {
    if (cache_.contains(recipient_id) || loading_.count(recipient_id) > 0) return false;
    std::optional<queue_outline> outline;
    const auto read = store_.try_read(tables_.queues, recipient_id,
                                      [&](bytes_view record) { outline = outline_of(record); });
    if (!read || !outline || outline->status == queue_status::blocked) return false;
    const auto has_messages = store_.try_read(tables_.waiting, recipient_id, [](bytes_view) {});
    if (!has_messages || *has_messages) return false;
    if (!smp::verify_authorization(outline->recipient_key, *in.session_key, in.from->correlation,
                                   in.authorized, in.authorization)) {
        statistics_.add(counted::subscribe_refused);
        refused(in, 1);
        return true;
    }
    if (begin_subscription(*in.from, recipient_id)) answer(*in.from, msg::sok{});
    return true;
}

void queue_engine::sub(const request& in, const queue_ptr& found) {
    if (is_of(found->record.service_id, in))
        sub_ready(in, found, false);
    else
        change_service(in, found, service_queue_kind::messages);
}

/// `joined`: the queue became the service's by this.
void queue_engine::sub_ready(const request& in, const queue_ptr& found, bool joined) {
    const auto& id = found->record.recipient_id;
    if (!in.service) {
        const auto* known = subscriber(id);
        const bool again = known != nullptr && known->connection == in.from->connection;
        if (!begin_subscription(*in.from, id)) return;
        if (!again && found->committed > 0) statistics_.add(counted::subscribed);
        answer(*in.from, msg::sok{});
        deliver_head(found);
        return;
    }
    if (getter(in.from->connection, id) != nullptr) {
        statistics_.add(counted::subscribe_prohibited);
        fail(*in.from, command_error::prohibited);
        return;
    }
    service_subscribed(in, id, joined, service_queue_kind::messages);
    auto* current = subscriber(id);
    if (current != nullptr && current->connection == in.from->connection) current->last.reset();
    answer(*in.from, msg::sok{in.service->id});
    deliver_head(found);
}

/// False if it is refused, and that is answered.
bool queue_engine::begin_subscription(const reply_to& to, const identifier& id) {
    if (getter(to.connection, id) != nullptr) {
        statistics_.add(counted::subscribe_prohibited);
        fail(to, command_error::prohibited);
        return false;
    }
    auto* current = subscriber(id);
    if (current != nullptr && current->connection == to.connection) {
        statistics_.add(counted::subscribed_again);
        current->last.reset();
        return true;
    }
    if (!may_subscribe(to.connection)) {
        fail(to, command_error::prohibited);
        return false;
    }
    subscribe(to, id);
    return true;
}

void queue_engine::subscribe(const reply_to& to, const identifier& id) {
    if (const auto* known = subscriber(id)) {
        const bool others = known->connection != to.connection;
        const auto previous = event_to(*known, id);
        subscribers_.erase(id);
        if (others) {
            end_use(previous, msg::end{});
        }
    }
    subscribers_.add(id, to.connection, to.version);
}

/// Its user is told that it is over.
void queue_engine::end_use(const reply_to& previous, const smp::message& why) {
    constexpr std::uint32_t most = 255; // fit into a block
    statistics_.add(counted::subscription_ended);
    if (ended_.begins(previous.connection, outputs_.seconds(), most)) statistics_.add(counted::ended_batches);
    answer(previous, why);
}

// ---- connections that look into queues

use* queue_engine::getter(const connection_id& connection, const identifier& id) {
    const auto found = getters_.find(id);
    if (found == getters_.end()) return nullptr;
    for (auto& each : found->second)
        if (each.connection == connection) return &each;
    return nullptr;
}

void queue_engine::add_getter(const reply_to& to, const identifier& id) {
    auto& added = getters_[id].emplace_back();
    added.connection = to.connection;
    added.version = to.version;
    added.id = id;
    getting_[to.connection].insert(id);
}

void queue_engine::end_getting(const connection_id& connection, const identifier& id) {
    const auto found = getting_.find(connection);
    if (found == getting_.end()) return;
    found->second.erase(id);
    if (found->second.empty()) getting_.erase(found);
}

// ---- connections that are gone

void queue_engine::disconnected(const connection_id& connection) {
    detach(connection);
    subscribers_.disconnected(connection);
    notifiers_.disconnected(connection);
    auto used = getting_.extract(connection);
    if (!used) return;
    for (const auto& id : used.mapped()) {
        const auto got = getters_.find(id);
        auto& list = got->second;
        list.erase(std::remove_if(list.begin(), list.end(),
                                  [&](const use& each) { return each.connection == connection; }),
                   list.end());
        if (list.empty()) getters_.erase(got);
    }
}

bool queue_engine::forget_more() {
    subscribers_.take_out();
    notifiers_.take_out();
    return subscribers_.has_leaving() || notifiers_.has_leaving();
}

} // namespace plexus::smp_server
