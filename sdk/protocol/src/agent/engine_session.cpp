// Sessions with servers: dialing with jittered back-off, subscribing in portions, operations and their
// answers.
#include "engine_state.hpp"
#include "plexus/agent/engine.hpp"

namespace plexus::agent {

namespace {

std::string host_of(const server_address& server) {
    return server.hosts.front().name + ':' + std::to_string(server.port_number());
}

std::string name_of(const server_address& server, bytes_view isolation) {
    return to_string(server.fingerprint) + host_of(server) + '/' + to_string(isolation);
}

} // namespace

engine::session& engine::session_for(const server_address& server, connection_id id) {
    const auto isolation = settings_.isolate_connections ? number_key(id) : bytes();
    auto name = name_of(server, isolation);
    const auto known = session_names_.find(name);
    if (known != session_names_.end()) return *sessions_.at(known->second);

    auto made = std::make_unique<session>();
    made->id = next_session_++;
    made->server = server;
    made->server.password.clear();
    made->isolation = isolation;
    made->name = name;
    session_names_.emplace(std::move(name), made->id);
    return *sessions_.emplace(made->id, std::move(made)).first->second;
}

engine::session* engine::find_session(session_id id) {
    const auto found = sessions_.find(id);
    return found == sessions_.end() ? nullptr : found->second.get();
}

/// Dials if it is time to.
void engine::open(session& s) {
    if (!started_ || s.now != session::state::idle || now_ < s.retry_at) return;
    s.now = session::state::dialing;
    effect(action::dial{s.id, s.server, s.isolation, is_awaited(s)});
}

/// Whether a person waits for what is to be done there. For a join, only at the first attempt: then the agent
/// goes on alone.
bool engine::is_awaited(const session& s) {
    const bool first = s.attempts == 0;
    const auto joins = [this](connection_id id) {
        const auto* c = find(id);
        return c != nullptr && (c->record.at == stage::resolving || c->record.at == stage::creating_queue);
    };
    return std::any_of(s.creates.begin(), s.creates.end(),
                       [first](const auto& each) { return each->request != 0 || first; }) ||
           (first && std::any_of(s.users.begin(), s.users.end(), joins));
}

void engine::leave_all(const error& cause) {
    std::vector<session_id> ids;
    for (const auto& [id, s] : sessions_)
        if (s->now != session::state::idle) ids.push_back(id);
    for (const auto id : ids) {
        effect(action::hang_up{id});
        server_down(id, cause);
    }
}

void engine::set_rules(bool isolate_connections, std::chrono::milliseconds reconnect_least,
                       std::chrono::milliseconds reconnect_most) {
    settings_.reconnect_least = reconnect_least;
    settings_.reconnect_most = reconnect_most;
    if (isolate_connections == settings_.isolate_connections) return;
    leave_all(make_error(failure::network, "connections are grouped anew", true));
    settings_.isolate_connections = isolate_connections;
    std::deque<std::unique_ptr<pending_create>> creates;
    for (auto& [id, s] : sessions_)
        std::move(s->creates.begin(), s->creates.end(), std::back_inserter(creates));
    sessions_.clear();
    session_names_.clear();
    for (auto& each : creates) {
        auto& s = session_for(settings_.servers[each->server], each->connection);
        send_create(s, std::move(each));
    }
    std::vector<connection_id> ids;
    for (const auto& [id, c] : connections_) ids.push_back(id);
    for (const auto id : ids)
        if (auto* c = find(id)) pump(*c);
    finish_step();
}

void engine::reconnect(const error& cause) {
    leave_all(cause);
    dial_now();
}

void engine::dial_now() {
    for (auto& [id, s] : sessions_) {
        s->attempts = 0;
        s->retry_at = std::min(s->retry_at, now_);
        open(*s);
    }
    finish_step();
}

void engine::use(live_connection& c, const server_address& server) {
    auto& s = session_for(server, c.id());
    s.users.insert(c.id());
    if (c.record.receive && &session_for(c.record.receive->server, c.id()) == &s)
        s.receivers[c.record.receive->recipient_id] = c.id();
    open(s);
}

bool engine::has_operations(session_id id) const {
    return std::any_of(operations_.begin(), operations_.end(),
                       [id](const auto& each) { return each.second.session == id; });
}

void engine::leave_sessions(live_connection& c) {
    for (auto& [id, s] : sessions_) {
        s->users.erase(c.id());
        if (c.record.receive) s->receivers.erase(c.record.receive->recipient_id);
    }
    for (auto each = sessions_.begin(); each != sessions_.end();) {
        auto& s = *each->second;
        if (s.users.empty() && s.creates.empty() && !has_operations(s.id)) {
            if (s.now != session::state::idle) effect(action::hang_up{s.id});
            session_names_.erase(s.name);
            each = sessions_.erase(each);
        } else {
            ++each;
        }
    }
}

std::chrono::milliseconds engine::backoff(unsigned attempts) {
    auto delay = settings_.reconnect_least;
    for (unsigned i = 0; i < attempts && delay < settings_.reconnect_most; ++i) delay *= 2;
    delay = std::min(delay, settings_.reconnect_most);
    // Between a half and the whole of it, so that clients do not come back all at once.
    const auto random = random_.array<2>();
    const auto part = static_cast<std::int64_t>(random[0] << 8 | random[1]);
    return delay / 2 + std::chrono::milliseconds(delay.count() / 2 * part / 65'536);
}

void engine::wake(live_connection& c, std::int64_t at_ms) { wakes_.emplace(at_ms, c.id()); }

void engine::advance(std::int64_t now_ms) {
    now_ = std::max(now_, now_ms);
    while (!wakes_.empty() && wakes_.begin()->first <= now_) {
        const auto id = wakes_.begin()->second;
        wakes_.erase(wakes_.begin());
        if (auto* c = find(id)) pump(*c);
    }
    for (auto& [id, s] : sessions_)
        if (s->now == session::state::idle) open(*s);
    finish_step();
}

std::optional<std::int64_t> engine::next_deadline() const {
    std::optional<std::int64_t> earliest;
    const auto consider = [&](std::int64_t at) { earliest = std::min(earliest.value_or(at), at); };
    if (!wakes_.empty()) consider(wakes_.begin()->first);
    for (const auto& [id, s] : sessions_)
        if (s->now == session::state::idle) consider(s->retry_at);
    return earliest;
}

std::uint64_t engine::issue(session& s, operation what, bytes entity_id, const crypto::private_key* key,
                            smp::command value, std::vector<bytes> lent,
                            std::optional<std::array<std::uint8_t, 24>> correlation_id) {
    action::command command;
    command.session = s.id;
    command.token = next_token_++;
    command.entity_id = std::move(entity_id);
    if (key != nullptr) command.key = *key;
    command.correlation_id = correlation_id;
    command.value = std::move(value);
    command.lent = std::move(lent);
    what.session = s.id;
    const auto token = command.token;
    operations_.emplace(token, std::move(what));
    effect(std::move(command));
    return token;
}

void engine::server_up(session_id id, smp::version version) {
    auto* s = find_session(id);
    if (s == nullptr) return;
    s->now = session::state::up;
    s->version = version;
    s->announced = false;
    auto creates = std::move(s->creates);
    s->creates.clear();
    for (auto& each : creates) send_create(*s, std::move(each));
    const auto users = s->users;
    for (const auto user : users)
        if (auto* c = find(user)) pump(*c);
    subscribe_next(*s);
    finish_step();
}

void engine::server_down(session_id id, const error& cause) {
    auto* s = find_session(id);
    if (s == nullptr) return;
    const bool announced = s->announced;
    s->now = session::state::idle;
    s->retry_at = now_ + backoff(s->attempts++).count();
    s->announced = false;
    s->to_subscribe.clear();
    s->subscribing = 0;
    auto users = std::move(s->users);
    s->users.clear();
    s->receivers.clear();

    std::vector<operation> lost;
    for (auto each = operations_.begin(); each != operations_.end();) {
        if (each->second.session == id) {
            lost.push_back(std::move(each->second));
            each = operations_.erase(each);
        } else {
            ++each;
        }
    }
    for (const auto user : users)
        if (auto* c = find(user);
            c != nullptr && c->record.receive && &session_for(c->record.receive->server, c->id()) == s) {
            c->subscribed = c->subscribing = false;
            c->current_message.clear();
        }
    auto creates = std::move(s->creates);
    s->creates.clear();
    for (auto& each : creates) {
        operation waiting;
        waiting.what = each->request != 0 ? operation::kind::create : operation::kind::create_reply;
        waiting.connection = each->connection;
        waiting.create = std::move(each);
        lost.push_back(std::move(waiting));
    }
    for (auto& each : lost) failed_operation(each, cause, true);
    // Those who still need the server wait for it; a session without users is forgotten.
    for (const auto user : users)
        if (auto* c = find(user)) pump(*c);
    event down;
    down.kind = event_kind::server_down;
    down.text = host_of(s->server);
    down.text2 = cause.message();
    if (announced || s->attempts == 1) notify(std::move(down));
    if (s->users.empty() && s->creates.empty()) {
        session_names_.erase(s->name);
        sessions_.erase(id);
    }
    finish_step();
}

void engine::subscribe_next(session& s) {
    while (s.up() && !s.to_subscribe.empty() && s.subscribing < settings_.subscriptions_at_once) {
        auto* c = find(s.to_subscribe.front());
        s.to_subscribe.pop_front();
        if (c == nullptr || !c->record.receive || c->subscribed) continue;
        ++s.subscribing;
        operation what;
        what.what = operation::kind::subscribe;
        what.connection = c->id();
        issue(s, std::move(what), c->record.receive->recipient_id, &c->record.receive->key, smp::cmd::sub{});
    }
    if (!s.up() || s.announced || s.subscribing > 0 || !s.to_subscribe.empty()) return;
    s.announced = true;
    event up;
    up.kind = event_kind::server_up;
    up.text = host_of(s.server);
    notify(std::move(up));
}

void engine::subscribed(session& s, live_connection& c, const smp::message& response) {
    c.subscribing = false;
    const auto* refused = error_of(response);
    if (refused == nullptr) {
        c.subscribed = true;
        c.attempts = 0;
        if (const auto* content = std::get_if<smp::msg::message>(&response)) received(c, *content);
    } else if (is_temporary(*refused)) {
        c.retry_after = now_ + backoff(c.attempts++).count();
        wake(c, c.retry_after);
    } else {
        c.subscription_refused = true;
        notify_error(c.id(), server_refusal("SUB: the queue is gone at " + host_of(s.server), *refused));
    }
}

void engine::response(std::uint64_t token, const smp::message& response) {
    const auto found = operations_.find(token);
    if (found == operations_.end()) return;
    auto what = std::move(found->second);
    operations_.erase(found);
    auto* s = find_session(what.session);
    if (s == nullptr) return;
    s->attempts = 0;
    using kind = operation::kind;
    if (what.what == kind::subscribe) --s->subscribing;

    if (what.what == kind::create) {
        created(std::move(what.create), response);
    } else if (auto* c = find(what.connection)) {
        const auto* refused = error_of(response);
        const bool retry = refused != nullptr && is_temporary(*refused);
        if (retry && what.what != kind::subscribe && what.what != kind::acknowledge) {
            failed_operation(what, server_refusal("a command", *refused), true);
        } else {
            switch (what.what) {
            case kind::create: break;
            case kind::create_reply: reply_queue_created(*c, *what.create, response); break;
            case kind::fetch_link: link_fetched(*c, response); break;
            case kind::subscribe: subscribed(*s, *c, response); break;
            case kind::secure_own:
                c->securing_own = false;
                if (refused != nullptr) {
                    fail_connection(*c, server_refusal("KEY: the peer cannot be let in", *refused));
                } else if (c->record.receive) {
                    c->record.receive->secure_with.reset();
                    save(*c);
                    // The creator's own confirmation was waiting for this; a joiner says hello.
                    if (!c->record.creator) static_cast<void>(enqueue(*c, hello{}, outbox_kind::hello, true));
                }
                break;
            case kind::secure_peer:
                c->securing_peer = false;
                if (refused != nullptr) {
                    fail_connection(
                        *c, server_refusal("SKEY: somebody else used the link, or it was deleted", *refused));
                } else if (c->record.send) {
                    c->record.send->secured = true;
                    save(*c);
                }
                break;
            case kind::send: delivered(*c, response); break;
            case kind::acknowledge:
                if (const auto* content = std::get_if<smp::msg::message>(&response)) received(*c, *content);
                break;
            case kind::delete_queue:
                c->deleting_queue = false;
                leave_sessions(*c);
                c->record.receive.reset();
                save(*c);
                break;
            }
        }
        if (!c->gone) pump(*c);
    }
    if (auto* still = find_session(what.session)) subscribe_next(*still);
    finish_step();
}

void engine::command_failed(std::uint64_t token, const error& cause) {
    const auto found = operations_.find(token);
    if (found == operations_.end()) return;
    auto what = std::move(found->second);
    operations_.erase(found);
    if (auto* s = find_session(what.session); s != nullptr && what.what == operation::kind::subscribe)
        --s->subscribing;
    failed_operation(what, cause, cause.retryable());
    if (auto* c = find(what.connection)) pump(*c);
    if (auto* s = find_session(what.session)) subscribe_next(*s);
    finish_step();
}

/// An operation that got no answer. Temporary ones are made again; others end what they were for.
void engine::failed_operation(const operation& what, const error& cause, bool temporary) {
    using kind = operation::kind;
    if (what.what == kind::create) {
        auto& create = *what.create;
        if (++create.tried < settings_.servers.size()) {
            auto again = std::make_unique<pending_create>(create);
            again->server = (again->server + 1) % settings_.servers.size();
            auto& next = session_for(settings_.servers[again->server], again->connection);
            next.retry_at = std::min(next.retry_at, now_);
            send_create(next, std::move(again));
        } else {
            refuse(create.request, cause);
        }
        return;
    }
    auto* c = find(what.connection);
    if (c == nullptr) return;
    // If the session ended, what is missing is done when the next one stands; otherwise after a pause.
    const auto* s = find_session(what.session);
    const bool answered = s != nullptr && s->up();
    const auto later = [&] {
        if (!answered) return;
        c->retry_after = now_ + backoff(c->attempts++).count();
        wake(*c, c->retry_after);
    };
    switch (what.what) {
    case kind::create: break;
    case kind::create_reply:
        c->creating = false;
        // Another of our servers may do.
        if (c->creating_on) c->creating_on = (*c->creating_on + 1) % settings_.servers.size();
        later();
        break;
    case kind::fetch_link: c->linking = false; break;
    case kind::subscribe: c->subscribing = false; break;
    case kind::secure_own: c->securing_own = false; break;
    case kind::secure_peer: c->securing_peer = false; break;
    case kind::send: c->sending = false; break;
    case kind::acknowledge: return;
    case kind::delete_queue: c->deleting_queue = false; break;
    }
    if (what.what == kind::send && !temporary) {
        delivered(*c, smp::msg::err{smp::make_server_error(smp::error_code::large_message)});
    } else if (what.what == kind::send) {
        if (!answered) return;
        c->send_after = now_ + backoff(c->send_attempts++).count();
        wake(*c, c->send_after);
    } else if (!temporary && (what.what == kind::fetch_link || what.what == kind::secure_peer ||
                              what.what == kind::secure_own)) {
        fail_connection(*c, cause);
    } else if (what.what != kind::create_reply) {
        later();
    }
}

void engine::server_event(session_id id, bytes_view entity_id, const smp::message& content) {
    auto* s = find_session(id);
    if (s == nullptr) return;
    const auto found = s->receivers.find(to_bytes(entity_id));
    auto* c = found == s->receivers.end() ? nullptr : find(found->second);
    if (c == nullptr) return;
    if (const auto* message = std::get_if<smp::msg::message>(&content)) {
        received(*c, *message);
    } else if (std::holds_alternative<smp::msg::end>(content)) {
        c->subscribed = false;
        c->subscription_refused = true;
        notify_error(c->id(), make_error(failure::state, "another client receives the messages of this "
                                                         "connection now; restart to take it back"));
    } else if (std::holds_alternative<smp::msg::deld>(content)) {
        c->subscribed = false;
        c->subscription_refused = true;
        notify_error(c->id(), make_error(failure::refused, "the queue was deleted at " + host_of(s->server)));
    }
    pump(*c);
    finish_step();
}

} // namespace plexus::agent
