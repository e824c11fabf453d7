#include "dial.hpp"

#include "plexus/net/socket.hpp"

namespace plexus::network {

namespace {

constexpr std::size_t most_hosts = 16;
constexpr std::string_view preset_domains[] = {".simplex.im", ".simplexonflux.com"};

bool is_preset(const encoding::host& host) {
    return host.kind == encoding::host_kind::domain &&
           std::any_of(std::begin(preset_domains), std::end(preset_domains),
                       [&](auto domain) { return host.name.ends_with(domain); });
}

encoding::host host_of(std::string_view text) {
    // What only looks like a .onion name is not to be taken for a name of the public internet.
    if (net::is_onion(text)) return {encoding::host_kind::onion, std::string(text)};
    if (auto parsed = encoding::parse_host(text)) return std::move(*parsed);
    return {encoding::host_kind::domain, std::string(text)};
}

bool uses_web_port(const in_force& now, const encoding::host& first) {
    switch (now.set.web) {
    case web_ports::all: return true;
    case web_ports::preset: return is_preset(first);
    case web_ports::off: break;
    }
    return false;
}

} // namespace

result<plexus_operation*> dial::start(runtime& owner, const plexus_network_server& server,
                                      connected_function done, void* context) {
    if (owner.account.stopping()) return make_error(status::stopping, "the network stops");
    if (server.host_count == 0 || server.host_count > 1'000 || server.port > 65'535)
        return make_error(status::invalid, "a server has one host or more, and a port up to 65535");
    std::unique_ptr<dial> made(new dial(owner, server, done, context));
    made->posted_ = true;
    const auto shard = static_cast<std::uint32_t>(owner.account.loop.current_shard());
    const bool posted = owner.account.loop.post(shard, [self = made.get()] {
        self->posted_ = false;
        self->begin();
    });
    if (!posted) return make_error(status::stopping, "the shard stops");
    owner.account.members().add(*made);
    return &made.release()->operation_;
}

dial::dial(runtime& owner, const plexus_network_server& server, connected_function done, void* context)
    : owner_(owner), hold_(owner.account), done_(done), context_(context), flags_(server.flags),
      given_port_(server.port), default_port_(server.default_port), web_port_(server.web_port),
      alpn_(text_of(server.alpn)), web_alpn_(text_of(server.web_alpn)),
      key_hash_(to_bytes(from_abi(server.key_hash))), profile_(text_of(server.profile)),
      entity_(text_of(server.entity)), client_chain_(to_bytes(from_abi(server.client_chain))),
      client_key_(from_abi(server.client_key)), timeout_(static_cast<std::int64_t>(server.timeout_ns)),
      timer_(owner.account.loop, [this] { timer_fired(); }) {
    for (std::uint32_t i = 0; i < server.host_count && i < most_hosts; ++i)
        hosts_.push_back(host_of(text_of(server.hosts[i])));
    operation_.owner = this;
    operation_.cancel = [](plexus_operation* raw) {
        auto& self = *static_cast<cancel_handle*>(raw)->owner;
        self.cancelled_ = true;
        self.finish(make_error(status::cancelled, "the connection was cancelled"));
    };
}

dial::~dial() { owner_.waiting[static_cast<std::size_t>(owner_.account.loop.current_shard())].erase(this); }

// ---- begin

void dial::begin() {
    if (finished_) return deliver_failure();
    now_ = owner_.rules.get();
    if (now_->waits) {
        owner_.waiting[static_cast<std::size_t>(owner_.account.loop.current_shard())].insert(this);
        timer_.arm(now_->set.plain.connect.background);
        return;
    }
    const bool web = uses_web_port(*now_, hosts_.front());
    port_ = given_port_ != 0 ? given_port_ : web && web_port_ != 0 ? web_port_ : default_port_;
    name_ = encoding::to_text(hosts_) + ":" + std::to_string(port_);
    isolation_ = isolation_of(*now_, profile_, name_, entity_);
    health_ = owner_.health.dialing(name_);
    begun_ = owner_.clock.monotonic();
    auto planned = plan(hosts_, now_->set.rules, now_->proxy);
    if (!planned) {
        finish(std::move(planned).error());
        return;
    }
    attempts_ = std::move(*planned);
    start_next();
}

void dial::go_on() {
    owner_.waiting[static_cast<std::size_t>(owner_.account.loop.current_shard())].erase(this);
    if (finished_) return; // the delivery is on its way
    timer_.disarm();
    begin();
}

void dial::timer_fired() {
    if (attempts_.empty())
        return finish(make_error(status::timeout, "the saved settings of the network did not come", true));
    start_next();
}

// ---- attempts

std::string dial::shown(const attempt& of) const {
    const auto& host = hosts_[of.host].name;
    return of.by == road::direct ? host : host + " by " + owner_.road_name;
}

void dial::start_next() {
    while (next_ < attempts_.size()) {
        const auto which = next_++;
        auto& one = running_.emplace_back();
        one.owner = this;
        one.attempt = which;
        const auto launched = launch(attempts_[which], one);
        if (!launched) {
            running_.pop_back();
            note_failure(which, launched.error());
            continue;
        }
        if (next_ < attempts_.size() && attempts_[next_].after)
            timer_.arm(begun_ + *attempts_[next_].after - owner_.clock.monotonic());
        return;
    }
    if (running_.empty()) fail_all();
}

result<void> dial::launch(const attempt& what, running& one) {
    const bool interactive = (flags_ & PLEXUS_NETWORK_INTERACTIVE) != 0;
    const auto& patience = now_->times(what.by).connect;
    const nanoseconds timeout = timeout_.count() != 0
                                    ? timeout_
                                    : nanoseconds(interactive ? patience.interactive : patience.background);
    const plexus_view protocol =
        to_abi(std::string_view(port_ == web_port_ && !web_alpn_.empty() ? web_alpn_ : alpn_));
    plexus_connect_options options{};
    options.size = sizeof options;
    // Both roads are named outright: a transport that does not have the one that was chosen refuses. Where
    // there is no plexus.proxy/0 nothing was chosen, and a carrier that the transport may have is not passed
    // by.
    options.flags = PLEXUS_CONNECT_SECURE;
    if (what.by == road::proxy)
        options.flags |= PLEXUS_CONNECT_CARRIED;
    else if (now_->proxy != proxy_state::none)
        options.flags |= PLEXUS_CONNECT_DIRECT;
    if ((flags_ & PLEXUS_NETWORK_PUBLIC) != 0) options.flags |= PLEXUS_CONNECT_PUBLIC;
    options.host = to_abi(std::string_view(hosts_[what.host].name));
    options.port = port_;
    options.alpn_count = protocol.size == 0 ? 0 : 1;
    options.alpn = &protocol;
    options.key_hash = to_abi(bytes_view(key_hash_));
    options.timeout_ns = static_cast<std::uint64_t>(timeout.count());
    options.isolation = to_abi(std::string_view(isolation_));
    options.client_chain = to_abi(bytes_view(client_chain_));
    options.client_key = to_abi(bytes_view(client_key_));
    options.keepalive = PLEXUS_KEEPALIVE_OFF;
    if (const auto& alive = now_->set.alive) {
        options.keepalive = PLEXUS_KEEPALIVE_ON;
        options.keepalive_idle = alive->idle;
        options.keepalive_interval = alive->interval;
        options.keepalive_count = alive->count;
    }
    const auto done = [](void* context, std::int32_t code, const plexus_error* failure, plexus_stream* made) {
        auto& ended = *static_cast<running*>(context);
        ended.owner->ended(ended, code, failure, made);
    };
    const auto& table = *owner_.transport;
    const auto code = table.connect(table.service.self, &options, done, &one, &one.operation);
    if (code != PLEXUS_OK) return from_abi(code, nullptr);
    return {};
}

void dial::ended(running& one, std::int32_t code, const plexus_error* failure, plexus_stream* made) {
    const auto which = one.attempt;
    running_.remove_if([&one](const running& each) { return &each == &one; });
    if (finished_) {
        if (code == PLEXUS_OK) stream unwanted(made);
        if (!running_.empty()) return;
        if (delivered_) {
            delete this;
            return;
        }
        if (!posted_) deliver_failure();
        return;
    }
    if (code == PLEXUS_OK) return won(attempts_[which], made);
    note_failure(which, from_abi(code, failure));
    if (!running_.empty()) return;
    timer_.disarm();
    start_next();
}

void dial::note_failure(std::size_t which, error cause) {
    if (attempts_.size() > 1)
        cause = error("plexus", status_of(cause), shown(attempts_[which]) + ": " + cause.message(),
                      cause.retryable());
    owner_.log.debug("a server was not reached",
                     {{"server", name_}, {"by", shown(attempts_[which])}, {"cause", cause.message()}});
    failures_.push_back(std::move(cause));
}

void dial::fail_all() {
    std::string text;
    bool retryable = false;
    for (const auto& each : failures_) {
        text += (text.empty() ? "" : "; ") + each.message();
        retryable = retryable || each.retryable();
    }
    finish(error("plexus", status_of(failures_.back()), std::move(text), retryable));
}

// ---- ends

void dial::won(const attempt& by, plexus_stream* made) {
    finished_ = true;
    timer_.disarm();
    for (auto& each : running_)
        if (each.operation != nullptr) each.operation->cancel(each.operation);
    const auto& host = hosts_[by.host].name;
    auto link = owner_.health.connected(health_, host, by.by, owner_.wall());
    health_.reset();
    owner_.log.debug("connected to a server", {{"server", name_}, {"by", shown(by)}});
    const auto& times = now_->times(by.by);
    const auto ns = [](microseconds time) { return static_cast<std::uint64_t>(nanoseconds(time).count()); };
    plexus_network_connected out{};
    out.size = sizeof out;
    if (by.by == road::proxy) out.flags |= PLEXUS_NETWORK_PROXIED;
    out.stream = made;
    out.link = reinterpret_cast<plexus_network_link*>(link.release());
    out.host = to_abi(std::string_view(host));
    out.port = port_;
    out.ping_count = now_->set.ping_count;
    out.ping_interval_ns = ns(now_->set.ping_interval);
    out.response_ns = ns(times.response.background);
    out.response_interactive_ns = ns(times.response.interactive);
    out.per_kilobyte_ns = ns(times.per_kilobyte);
    delivered_ = true;
    const auto done = done_;
    void* const context = context_;
    const std::string kept_host = host; // the user may come back here
    out.host = to_abi(std::string_view(kept_host));
    const net::hold until_called(owner_.account);
    if (running_.empty()) delete this;
    done(context, PLEXUS_OK, nullptr, &out);
}

void dial::finish(error why) {
    if (finished_) return;
    finished_ = true;
    failure_ = std::move(why);
    timer_.disarm();
    for (auto& each : running_)
        if (each.operation != nullptr) each.operation->cancel(each.operation);
    if (running_.empty()) post_delivery();
}

void dial::post_delivery() {
    if (posted_) return; // begin() is to come, and delivers
    posted_ = true;
    const auto shard = static_cast<std::uint32_t>(owner_.account.loop.current_shard());
    owner_.account.loop.post(shard, [this] {
        posted_ = false;
        deliver_failure();
    });
}

void dial::deliver_failure() {
    if (health_) owner_.health.failed(*health_, failure_->message(), owner_.wall(), cancelled_);
    const auto done = done_;
    void* const context = context_;
    const error reason = std::move(*failure_);
    const net::hold until_called(owner_.account);
    delete this;
    const plexus_error lent = lend(reason);
    done(context, status_of(reason), &lent, nullptr);
}

void dial::cut() {
    cancelled_ = true;
    finish(make_error(status::stopping, "the connection was given up: the network stops"));
}

} // namespace plexus::network
