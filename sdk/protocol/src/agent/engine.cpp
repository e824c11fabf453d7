#include "plexus/agent/engine.hpp"

#include "engine_state.hpp"

#include <algorithm>

namespace plexus::agent {

namespace {

/// Counters that are stored, by their keys.
constexpr std::uint8_t connection_counter = 1;
constexpr std::uint8_t event_counter = 2;
/// Event numbers taken in one write.
constexpr std::uint64_t event_range = 1'000;

} // namespace

engine::engine(options settings, crypto::random_source& random)
    : settings_(std::move(settings)), random_(random), current_(std::make_unique<step>()) {}

engine::~engine() = default;

// ---- restoring

result<void> engine::restore(table from, bytes_view key, bytes_view value) {
    encoding::reader in(key);
    const auto corrupt_key = [] { return make_error(failure::corrupt, "a stored key of a wrong size"); };
    switch (from) {
    case table::connections: {
        const auto id = in.u64();
        if (!in.done()) return corrupt_key();
        PLEXUS_TRY(auto record, decode_connection(id, value));
        add(std::move(record));
        return {};
    }
    case table::progress: {
        const auto id = in.u64();
        if (!in.done()) return corrupt_key();
        PLEXUS_TRY(auto progress, decode_progress(value));
        if (auto* c = find(id)) c->progress = std::move(progress);
        return {};
    }
    case table::outbox: {
        const auto id = in.u64();
        const auto place = in.u64();
        if (!in.done()) return corrupt_key();
        auto* c = find(id);
        if (c == nullptr) return {};
        PLEXUS_TRY(auto entry, decode_outbox_entry(value));
        waiting_message message{place, entry.kind, entry.number, entry.tag, std::nullopt};
        if (c->outbox.size() < held_bodies) message.entry = std::move(entry);
        c->outbox.push_back(std::move(message));
        c->next_place = std::max(c->next_place, place + 1);
        return {};
    }
    case table::events: {
        const auto sequence = in.u64();
        if (!in.done()) return corrupt_key();
        PLEXUS_TRY(auto stored, decode_event(sequence, value));
        unacknowledged_.insert_or_assign(sequence, std::move(stored));
        return {};
    }
    case table::counters: {
        const auto which = in.u8();
        encoding::reader number(value);
        const auto limit = number.u64();
        if (!in.done() || !number.done()) return corrupt_key();
        if (which == connection_counter) next_connection_ = connection_limit_ = limit;
        if (which == event_counter) next_event_ = event_limit_ = limit;
        return {};
    }
    }
    return {};
}

void engine::start() {
    started_ = true;
    for (auto& [id, c] : connections_) pump(*c);
    finish_step();
}

// ---- records and steps

engine::live_connection* engine::find(connection_id id) {
    const auto found = connections_.find(id);
    return found == connections_.end() || found->second->gone ? nullptr : found->second.get();
}

engine::live_connection& engine::add(connection value) {
    auto live = std::make_unique<live_connection>();
    live->record = std::move(value);
    auto& slot = connections_[live->record.id];
    slot = std::move(live);
    return *slot;
}

void engine::put(table into, bytes key, secret_bytes value) {
    current_->writes.push_back({into, std::move(key), std::move(value)});
}
void engine::erase(table into, bytes key) {
    current_->writes.push_back({into, std::move(key), std::nullopt});
}
void engine::save(live_connection& c) { current_->changed.insert(c.id()); }
void engine::save_progress(live_connection& c) { current_->advanced.insert(c.id()); }
void engine::effect(any_action value) { current_->effects.push_back(std::move(value)); }

void engine::finish_step() {
    if (broken_) {
        *current_ = {};
        return;
    }
    for (const auto id : current_->changed)
        if (auto* c = find(id)) put(table::connections, number_key(id), encode(c->record));
    for (const auto id : current_->advanced)
        if (auto* c = find(id)) put(table::progress, number_key(id), encode(c->progress));
    for (auto c = connections_.begin(); c != connections_.end() && current_->removed;)
        c = c->second->gone ? connections_.erase(c) : std::next(c);

    auto finished = std::move(*current_);
    *current_ = {};
    if (!finished.writes.empty()) {
        ready_.emplace_back(action::commit{std::move(finished.writes)});
        waiting_.emplace_back();
    }
    // Nothing overtakes a commit that is under way: what follows may rest on it.
    auto& target = waiting_.empty() ? ready_ : waiting_.back().effects;
    for (auto& each : finished.effects) target.push_back(std::move(each));
}

void engine::committed() {
    if (waiting_.empty()) return;
    for (auto& each : waiting_.front().effects) ready_.push_back(std::move(each));
    waiting_.pop_front();
}

void engine::commit_failed(const error&) {
    broken_ = true;
    waiting_.clear();
    ready_.clear();
    operations_.clear();
    *current_ = {};
}

std::optional<any_action> engine::next() {
    while (!ready_.empty()) {
        auto out = std::move(ready_.front());
        ready_.pop_front();
        // A command whose session has ended meanwhile is made anew when the next one stands.
        const auto* command = std::get_if<action::command>(&out);
        if (command != nullptr && operations_.count(command->token) == 0) continue;
        return out;
    }
    return std::nullopt;
}

std::uint64_t engine::next_number(std::uint64_t& counter, std::uint64_t& limit, std::uint8_t key) {
    if (counter >= limit) {
        limit = counter + (key == event_counter ? event_range : 1);
        put(table::counters, {key}, secret_bytes(bytes_view(number_key(limit))));
    }
    return counter++;
}

// ---- what the user is told

void engine::raise(event value) {
    value.sequence = next_number(next_event_, event_limit_, event_counter);
    put(table::events, number_key(value.sequence), encode(value));
    unacknowledged_.emplace(value.sequence, value);
    notify(std::move(value));
}

void engine::notify(event value) {
    if (has_receiver_) effect(action::notify{std::move(value)});
}

void engine::notify_error(connection_id id, const error& cause) {
    event out;
    out.kind = event_kind::error;
    out.connection = id;
    out.status = cause.is(failure::state) ? static_cast<std::int32_t>(failure::state) : 1;
    if (cause.domain() == error_domain(failure{})) out.status = cause.code();
    out.text = cause.message();
    notify(std::move(out));
}

void engine::answer(request_id request) {
    action::reply reply;
    reply.request = request;
    effect(std::move(reply));
}
void engine::answer(action::reply value) { effect(std::move(value)); }

void engine::refuse(request_id request, error cause) {
    action::reply reply;
    reply.request = request;
    reply.failed = std::move(cause);
    effect(std::move(reply));
}

void engine::set_receiver(bool present) {
    has_receiver_ = present;
    if (present)
        for (const auto& [sequence, stored] : unacknowledged_) notify(stored);
    finish_step();
}

engine::live_connection* engine::usable(request_id request, connection_id id) {
    auto* c = find(id);
    if (c != nullptr && c->record.at != stage::deleting) return c;
    refuse(request, make_error(failure::not_found, "there is no connection " + std::to_string(id)));
    finish_step();
    return nullptr;
}

// ---- calls that change no queue

void engine::send(request_id request, connection_id id, std::uint64_t tag, bool notify, bytes_view body) {
    auto* c = usable(request, id);
    if (c == nullptr) return;
    if (c->record.at != stage::connected) {
        refuse(request, make_error(failure::state, "connection " + std::to_string(id) +
                                                       " does not stand yet; send when it is connected"));
        return finish_step();
    }
    const bool taken_before = tag != 0 && tag <= c->progress.last_tag;
    c->progress.last_tag = std::max(c->progress.last_tag, tag);
    auto number = taken_before
                      ? result<std::int64_t>(0)
                      : enqueue(*c, user_message{to_bytes(body)}, outbox_kind::user_message, notify, tag);
    if (number) {
        action::reply reply;
        reply.request = request;
        reply.connection = id;
        reply.id = *number;
        answer(std::move(reply));
        pump(*c);
    } else {
        refuse(request, std::move(number).error());
    }
    finish_step();
}

void engine::acknowledge(request_id request, std::uint64_t sequence) {
    const auto found = unacknowledged_.find(sequence);
    if (found != unacknowledged_.end()) {
        const auto acknowledged = std::move(found->second);
        unacknowledged_.erase(found);
        erase(table::events, number_key(sequence));
        auto* c = find(acknowledged.connection);
        const bool delivered = c != nullptr && !c->current_message.empty() &&
                               c->current_message == acknowledged.server_message_id;
        if (delivered) acknowledge_message(*c);
    }
    answer(request);
    finish_step();
}

void engine::security_code(request_id request, connection_id id) {
    auto* c = usable(request, id);
    if (c == nullptr) return;
    if (c->progress.ratchet) {
        action::reply reply;
        reply.request = request;
        reply.connection = id;
        reply.text = agent::security_code(c->progress.ratchet->associated_data());
        answer(std::move(reply));
    } else {
        refuse(request, make_error(failure::not_found, "connection " + std::to_string(id) +
                                                           " has no keys yet; wait until it stands"));
    }
    finish_step();
}

std::size_t engine::connection_count() const noexcept { return connections_.size(); }
std::size_t engine::session_count() const noexcept { return sessions_.size(); }

} // namespace plexus::agent
