#include "runtime.hpp"

namespace plexus::agent_plugin {

namespace {

/// What an error of the agent is for users of its service.
std::int32_t status_of_failure(std::int32_t code) {
    switch (static_cast<agent::failure>(code)) {
    case agent::failure::link:
    case agent::failure::state: return PLEXUS_E_INVALID;
    case agent::failure::syntax:
    case agent::failure::link_data:
    case agent::failure::crypto: return PLEXUS_E_PROTOCOL;
    case agent::failure::version: return PLEXUS_E_UNSUPPORTED;
    case agent::failure::too_large:
    case agent::failure::quota: return PLEXUS_E_LIMIT;
    case agent::failure::not_found: return PLEXUS_E_NOT_FOUND;
    case agent::failure::refused: return PLEXUS_E_REFUSED;
    case agent::failure::network: return PLEXUS_E_UNREACHABLE;
    case agent::failure::corrupt: return PLEXUS_E_CORRUPT;
    }
    return code == 0 ? PLEXUS_OK : PLEXUS_E_INTERNAL;
}

error for_users(const error& cause) {
    if (cause.domain() == "plexus") return cause;
    const auto code = cause.domain() == error_domain(agent::failure{}) ? status_of_failure(cause.code())
                                                                       : PLEXUS_E_PROTOCOL;
    return error("plexus", code, cause.message(), cause.retryable());
}

std::int64_t milliseconds(std::chrono::nanoseconds time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

} // namespace

runtime::runtime(services given, runtime_settings settings)
    : services_(given), settings_(std::move(settings)), random_(given.random),
      storage_(given.store, given.loop, random_) {}

runtime::~runtime() = default;

// ---- life

task<result<void>> runtime::start(secret_bytes passphrase) {
    timer_.emplace(services_.loop, [this] {
        advance();
        drain();
    });
    take_rules();
    auto ready = co_await storage_.unlock(std::move(passphrase));
    if (ready) ready = co_await build_engine();
    if (ready) {
        const auto* network = services_.network;
        const auto changed = [](void* self, std::uint32_t what) {
            static_cast<runtime*>(self)->network_changed(what);
        };
        const auto code = network->watch(network->service.self, changed, this, &watch_);
        if (code != PLEXUS_OK) ready = from_abi(code, nullptr);
    }
    if (!ready) timer_.reset(); // no stop follows a failed start
    co_return ready;
}

task<result<void>> runtime::build_engine() {
    const auto generation = ++generation_;
    broken_ = true;
    auto& engine = engine_.emplace(settings_.engine, random_);
    engine.advance(milliseconds(now()));
    auto restored = co_await storage_.restore(engine);
    if (!restored || generation != generation_ || stopping_) {
        engine_.reset();
        co_return restored;
    }
    broken_ = false;
    services_.log.info("connections restored", {{"count", std::to_string(engine.connection_count())}});
    engine.start();
    if (receiver_ != nullptr) engine.set_receiver(true);
    schedule();
    co_return result<void>();
}

/// After a failed commit: a new engine on what is stored.
task<void> runtime::rebuild() {
    for (;;) {
        const auto pause = settings_.store_retry;
        const auto slept = co_await sleep_for(services_.loop, pause);
        if (!slept || stopping_) co_return;
        const auto built = co_await build_engine();
        if (built || stopping_) co_return;
        services_.log.error("the store cannot be read", {{"cause", built.error().message()}});
    }
}

task<result<void>> runtime::stop() {
    stopping_ = true;
    if (watch_ != nullptr)
        services_.network->unwatch(services_.network->service.self, std::exchange(watch_, nullptr));
    fail_replies(make_error(status::stopping, "the agent is stopping"));
    drop_links();
    tasks_.cancel();
    auto drained = tasks_.drained();
    co_await drained;
    while (pending_ > 0) {
        auto waiting = stopped_.wait();
        static_cast<void>(co_await waiting);
    }
    engine_.reset();
    ended_.clear();
    timer_.reset();
    co_return result<void>();
}

void runtime::check_stopped() {
    if (stopping_ && pending_ == 0) stopped_.set();
}

void runtime::link_pending(int change) {
    pending_ += change;
    check_stopped();
}

// ---- the engine's actions

void runtime::advance() {
    if (engine_ && !broken_) engine_->advance(milliseconds(now()));
    // A link that fails here moves to `ended_`.
    std::vector<agent::session_id> ids;
    for (const auto& [id, link] : links_) ids.push_back(id);
    for (const auto id : ids)
        if (const auto found = links_.find(id); found != links_.end()) found->second->check_time();
}

/// Actions are carried out from the loop, never inside a call of somebody else.
void runtime::schedule() {
    if (scheduled_) return;
    scheduled_ = services_.loop.post(0, [this] {
        scheduled_ = false;
        --pending_;
        drain();
        check_stopped();
    });
    if (scheduled_) ++pending_;
}

void runtime::drain() {
    ended_.clear();
    if (!engine_ || stopping_ || broken_) return;
    while (auto action = engine_->next()) {
        perform(std::move(*action));
        if (!engine_ || stopping_ || broken_) return;
    }
    std::vector<agent::session_id> ids;
    for (const auto& [id, link] : links_) ids.push_back(id);
    for (const auto id : ids)
        if (const auto found = links_.find(id); found != links_.end()) found->second->flush();
    arm();
}

void runtime::arm() {
    std::optional<std::chrono::nanoseconds> due;
    if (const auto at = engine_->next_deadline()) due = std::chrono::milliseconds(*at);
    for (const auto& [id, link] : links_)
        if (const auto at = link->deadline()) due = std::min(due.value_or(*at), *at);
    if (due)
        // The engine counts whole milliseconds, so the timer must not come in the middle of one.
        timer_->arm(std::max(*due - now(), std::chrono::nanoseconds(0)) + std::chrono::milliseconds(1));
    else
        timer_->disarm();
}

void runtime::perform(agent::any_action any) {
    namespace act = agent::action;
    if (const auto* write = std::get_if<act::commit>(&any)) {
        commit(*write);
    } else if (const auto* dial = std::get_if<act::dial>(&any)) {
        auto link = std::make_unique<server_link>(*this, services_.loop, *dial, random_);
        auto& started = *links_.insert_or_assign(dial->session, std::move(link)).first->second;
        started.start(services_.network);
    } else if (const auto* hang_up = std::get_if<act::hang_up>(&any)) {
        if (auto found = links_.extract(hang_up->session)) ended_.push_back(std::move(found.mapped()));
    } else if (const auto* command = std::get_if<act::command>(&any)) {
        const auto found = links_.find(command->session);
        auto sent = found != links_.end()
                        ? found->second->send(*command)
                        : result<void>(make_error(agent::failure::network, "no session", true));
        if (!sent) engine_->command_failed(command->token, sent.error());
    } else if (auto* wanted = std::get_if<act::load>(&any)) {
        tasks_.spawn(load(wanted->token, wanted->from, std::move(wanted->key)));
    } else if (const auto* told = std::get_if<act::notify>(&any)) {
        deliver(told->what);
    } else if (const auto* reply = std::get_if<act::reply>(&any)) {
        settle(*reply);
    }
}

void runtime::commit(const agent::action::commit& action) {
    ++pending_;
    auto started = storage_.commit(action.writes, [this, generation = generation_](result<void> outcome) {
        --pending_;
        if (generation == generation_ && engine_ && !broken_ && !stopping_) {
            if (outcome) {
                engine_->committed();
                drain();
            } else {
                commit_failed(outcome.error());
            }
        }
        check_stopped();
    });
    if (started) return;
    --pending_;
    commit_failed(started.error());
}

/// Nothing that was not committed has been seen by anybody, so the engine can be built anew on what was.
void runtime::commit_failed(const error& cause) {
    services_.log.error("the store failed; everything waits until it works again",
                        {{"cause", cause.message()}});
    broken_ = true;
    engine_->commit_failed(cause);
    drop_links();
    fail_replies(error("plexus", status_of(cause), "not stored: " + cause.message(), true));
    agent::event told;
    told.kind = agent::event_kind::error;
    told.status = static_cast<std::int32_t>(agent::failure::corrupt);
    told.text = "the store failed: " + cause.message();
    deliver(told);
    timer_->disarm();
    tasks_.spawn(rebuild());
}

task<void> runtime::load(std::uint64_t token, agent::table from, bytes key) {
    const auto generation = generation_;
    auto value = co_await storage_.get(from, std::move(key));
    if (generation != generation_ || !engine_ || broken_ || stopping_) co_return;
    if (!value) services_.log.error("a message to send cannot be read", {{"cause", value.error().message()}});
    std::optional<bytes_view> found;
    if (value && *value) found = bytes_view(**value);
    engine_->loaded(token, found);
    schedule();
}

// ---- the user

void runtime::set_receiver(receiver_function receiver, void* context) {
    receiver_ = receiver;
    receiver_context_ = context;
    if (engine_ && !broken_) {
        engine_->set_receiver(receiver != nullptr);
        schedule();
    }
}

void runtime::deliver(const agent::event& event) {
    if (receiver_ == nullptr) return;
    plexus_agent_event out{};
    out.size = sizeof out;
    out.kind = static_cast<std::uint32_t>(event.kind);
    out.connection = event.connection;
    out.id = static_cast<std::uint64_t>(event.id);
    out.status = status_of_failure(event.status);
    out.integrity = static_cast<std::uint32_t>(event.order);
    out.time_ns = std::chrono::nanoseconds(std::chrono::seconds(event.seconds)).count();
    out.body = to_abi(bytes_view(event.body));
    out.text = to_abi(std::string_view(event.text));
    out.text2 = to_abi(std::string_view(event.text2));
    out.sequence = event.sequence;
    out.tag = event.tag;
    receiver_(receiver_context_, &out);
}

void runtime::settle(const agent::action::reply& reply) {
    auto found = replies_.extract(reply.request);
    if (!found) return;
    if (!reply.failed) return found.mapped()(reply);
    auto out = reply;
    out.failed = for_users(*reply.failed);
    found.mapped()(out);
}

void runtime::fail_replies(const error& cause) {
    for (auto& [id, done] : std::exchange(replies_, {})) {
        agent::action::reply reply;
        reply.request = id;
        reply.failed = cause;
        done(reply);
    }
}

// ---- links

/// Not inside a link's own call.
void runtime::drop_links() {
    links_.clear();
    ended_.clear();
}

void runtime::link_ready(agent::session_id id, smp::version version) {
    if (!engine_ || broken_) return;
    services_.log.debug("session with a server", {{"version", std::to_string(version)}});
    advance();
    engine_->server_up(id, version);
}

void runtime::link_failed(agent::session_id id, const error& cause) {
    if (auto found = links_.extract(id)) ended_.push_back(std::move(found.mapped()));
    if (!engine_ || broken_ || stopping_) return;
    engine_->server_down(id, cause);
    schedule();
}

void runtime::take_rules() {
    plexus_network_rules rules{};
    rules.size = sizeof rules;
    services_.network->get_rules(services_.network->service.self, &rules);
    const auto in_ms = [](std::uint64_t ns) {
        return std::chrono::milliseconds(
            std::max<std::int64_t>(1, milliseconds(std::chrono::nanoseconds(static_cast<std::int64_t>(ns)))));
    };
    settings_.engine.isolate_connections = (rules.flags & PLEXUS_NETWORK_BY_ENTITY) != 0;
    settings_.engine.reconnect_least = in_ms(rules.reconnect_least_ns);
    settings_.engine.reconnect_most = in_ms(rules.reconnect_most_ns);
}

void runtime::network_changed(std::uint32_t what) {
    if (what == PLEXUS_NETWORK_PROXY_CHANGED || stopping_) return;
    take_rules();
    if (!engine_ || broken_) return;
    advance();
    const auto& now = settings_.engine;
    engine_->set_rules(now.isolate_connections, now.reconnect_least, now.reconnect_most);
    if (what == PLEXUS_NETWORK_ROADS_CHANGED)
        engine_->reconnect(make_error(agent::failure::network, "the network's settings were changed", true));
    else
        engine_->dial_now();
    schedule();
}

void runtime::link_event(agent::session_id id, const smp::client_event& event) {
    if (!engine_ || broken_) return;
    using kind = smp::client_event::kind;
    switch (event.what) {
    case kind::response: engine_->response(event.token, event.content); break;
    case kind::malformed:
        if (event.matched)
            engine_->command_failed(event.token,
                                    event.cause ? *event.cause : make_error(status::protocol, ""));
        break;
    case kind::late:
    case kind::event: engine_->server_event(id, event.entity_id, event.content); break;
    }
}

} // namespace plexus::agent_plugin
