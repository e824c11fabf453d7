#include "server.hpp"

#include "plexus/encoding/writer.hpp"

namespace plexus::smp_server {
namespace {

constexpr std::chrono::nanoseconds sweep_interval = std::chrono::seconds(1);

/// Arrival numbers: which start of the server, which shard, and how many before.
std::uint64_t first_number_of(std::uint64_t epoch, std::uint32_t shard) {
    return epoch << 44 | std::uint64_t{shard} << 36;
}

} // namespace

shard::shard(server& owner, std::uint32_t index, std::uint32_t shards, std::uint64_t epoch)
    : server_(owner), index_(index), settings_(owner.setup().queues),
      limits_(owner.setup().limits), identities_{owner.setup().identity},
      engine_(index, shards, settings_, owner.setup().store, owner.setup().opened, *this,
              owner.setup().random, first_number_of(epoch, index)),
      proxy_(owner.setup().network, owner.setup().loop, owner.setup().proxy, owner.setup().random, *this),
      names_(owner.setup().resolver, *this, engine_.statistics()), outgoing_(shards) {}

std::chrono::nanoseconds shard::now() { return server_.setup().clock.monotonic(); }

std::int64_t shard::seconds() {
    return std::chrono::duration_cast<std::chrono::seconds>(server_.setup().clock.wall()).count();
}

void shard::start() {
    sweep_.emplace(server_.setup().loop, [this] { sweep(); });
    sweep_->arm(sweep_interval);
    wake_.emplace(server_.setup().loop, [this] { wake(); });
}

void shard::stop() {
    sweep_.reset();
    wake_.reset();
}

std::int64_t shard::expiry_seconds() {
    bool jumped = false;
    const auto out = clock_.seconds(seconds(), now(), jumped);
    if (jumped)
        server_.warn(log_kind::clock,
                     "the clock jumped forward: if it stays so, messages expire by it after a day", {});
    return out;
}

/// Gives up what memory is too short for, in the order of `pressure`.
void shard::shed(pressure how) {
    if (how == pressure::none) return;
    engine_.forget_cached();
    if (how >= pressure::newcomers) proxy_.shed();
    if (how < pressure::clients || connections_.empty()) return;
    std::vector<connection*> all;
    for (const auto& [number, each] : connections_)
        if (each->is_open()) all.push_back(each.get());
    constexpr std::size_t share = 16; // of the clients, in one turn
    const auto most = all.size() / share + 1;
    std::sort(all.begin(), all.end(), [](const connection* left, const connection* right) {
        return left->waiting_output() > right->waiting_output();
    });
    for (std::size_t i = 0; i < std::min(most, all.size()); ++i) all[i]->close("memory is short");
}

void shard::sweep() {
    std::vector<connection*> all;
    all.reserve(connections_.size());
    for (const auto& [number, each] : connections_) all.push_back(each.get());
    for (auto* each : all) each->check_deadlines();
    proxy_.check_time();
    names_.check_time();
    engine_.tick();
    if (index_ == 0) server_.measure_memory();
    shed(server_.memory());
    sweep_->arm(sweep_interval);
}

// ---- connections

void shard::take_over(const settings& queues, const connection_limits& limits,
                      std::shared_ptr<const smp::server_identity> identity) {
    settings_ = queues;
    limits_ = limits;
    if (identity->chain == identities_.back()->chain) return;
    identities_.push_back(std::move(identity));
    rotated_ = now();
}

/// A client checks the hello against the certificate of its TLS handshake, which may have begun before a
/// rotation.
const smp::server_identity& shard::identity_for(const stream& peer) const {
    const bool certain =
        identities_.size() == 1 || server_.setup().clock.monotonic() - rotated_ > 2 * limits_.hello;
    const auto leaf = certain ? std::nullopt : peer.info(PLEXUS_STREAM_OWN_CERTIFICATE);
    if (leaf)
        for (const auto& each : identities_)
            if (equal(each->chain.front(), *leaf)) return *each;
    return *identities_.back();
}

void shard::accept(stream peer) {
    if (server_.memory() >= pressure::newcomers) return;
    const connection_id id{index_, next_connection_++};
    const auto& identity = identity_for(peer);
    auto made =
        std::make_unique<connection>(id, std::move(peer), identity, server_.setup().random, *this, limits_);
    auto& opened = *made;
    connections_[id.number] = std::move(made);
    server_.setup().metrics.connections.add();
    opened.start();
}

connection* shard::find(const connection_id& id) {
    const auto found = connections_.find(id.number);
    return found == connections_.end() ? nullptr : found->second.get();
}

void shard::closed(connection& which, std::string_view why) {
    server_.setup().metrics.connections.add(-1);
    if (server_.setup().log.enabled(PLEXUS_LOG_DEBUG))
        server_.setup().log.debug("connection closed", {{"why", why}});
    if (which.in_flight() == 0) bury(which);
}

void shard::wake_at(connection& which, std::chrono::nanoseconds when) {
    const auto added = wakes_.emplace(when, which.id());
    if (added == wakes_.begin() && wake_) wake_->arm(when - now());
}

void shard::wake() {
    const auto time = now();
    while (!wakes_.empty() && wakes_.begin()->first <= time) {
        const auto id = wakes_.begin()->second;
        wakes_.erase(wakes_.begin());
        if (auto* which = find(id)) which->due();
    }
    if (!wakes_.empty()) wake_->arm(wakes_.begin()->first - time);
}

void shard::idle(connection& which) {
    which.touch();
    ask_idle(0, which.id());
}

/// Asks one shard after the other whether the client has a subscription there, and closes it if none says so.
void shard::ask_idle(std::uint32_t next, const connection_id& id) {
    if (next < server_.size()) {
        server_.send(next, [this, next, id] {
            if (!server_.at(next).engine_.is_used_by(id)) ask_idle(next + 1, id);
        });
        return;
    }
    server_.send(id.shard, [this, id] {
        if (auto* which = server_.at(id.shard).find(id)) which->close("nothing came from it for too long");
    });
}

void shard::misbehaves(log_kind kind, std::string_view what) { server_.warn(kind, what, {}); }

// ---- services

void shard::admit(connection& which, const smp::service_offer& offer, std::vector<bytes> chain) {
    const auto id = which.id();
    auto done = [this, id](const result<service_ptr>& found) {
        if (!found && !found.error().is(status::denied))
            server_.warn(log_kind::service, "a service cannot be looked up",
                         {{"why", found.error().message()}});
        if (auto* waiting = find(id)) waiting->admitted(found ? *found : nullptr);
    };
    engine_.admit(offer, std::move(chain), server_.setup().identity->fingerprint, std::move(done));
}

void shard::attach_service(connection& which, const service_ptr& who) {
    server_.services().attach(which.id(), which.version(), who);
}

void shard::service_attached(const connection_id& connection) {
    if (auto* which = find(connection))
        which->attached();
    else
        server_.services().detach(connection);
}

void shard::end_service(const connection_id& of, smp::version version, const identifier& service_id,
                        const smp::service_queues& had) {
    auto* which = find(of);
    if (which == nullptr) return;
    which->service_ended();
    reply_to event;
    event.connection = of;
    event.version = version;
    event.event = true;
    event.entity = short_id(service_id);
    answer(event, smp::msg::ends{had});
}

void shard::subscribe_service(const reply_to& from, const service_ptr& who) {
    server_.services().subscribe(from, who);
}

void shard::service_given(const connection_id& connection) {
    if (auto* which = find(connection)) which->deliver_end();
}

void shard::when_room(const connection_id& of, std::function<void(bool)> next) {
    server_.send(of.shard, [this, of, next = std::move(next)]() mutable {
        auto back = [this, next = std::move(next)](bool open) {
            server_.send(index_, [next, open] { next(open); });
        };
        auto* which = server_.at(of.shard).find(of);
        if (which == nullptr)
            back(false);
        else
            which->when_room(std::move(back));
    });
}

/// It leaves the table later, outside of its own functions.
void shard::bury(connection& which) {
    if (which.gone) return;
    which.gone = true;
    gone_.push_back(&which);
    queue_work();
}

void shard::close_all() {
    std::vector<connection*> all;
    for (const auto& [number, each] : connections_) all.push_back(each.get());
    for (auto* each : all) each->close("the server stops");
    proxy_.close();
}

bool shard::is_quiet() const noexcept {
    return connections_.empty() && engine_.pending() == 0 && proxy_.is_quiet() && names_.is_quiet() &&
           !work_queued_;
}

void shard::to_flush(connection& which) {
    if (which.flush_queued) return;
    which.flush_queued = true;
    to_flush_.push_back(&which);
    queue_work();
}

void shard::to_send(std::uint32_t to, std::function<void()> function) {
    outgoing_[to].push_back(std::move(function));
    queue_work();
}

void shard::queue_work() {
    if (work_queued_) return;
    work_queued_ = server_.setup().loop.post(index_, [this] { work(); });
}

/// Sends what the turn of the loop has brought: to each shard in one piece, so that what belongs together
/// there (the answer to SUB, and the message that waits) stays together; to each connection in as few blocks
/// as it needs.
void shard::work() {
    work_queued_ = false;
    for (std::uint32_t i = 0; i < outgoing_.size(); ++i)
        if (!outgoing_[i].empty()) server_.post(i, std::exchange(outgoing_[i], {}));
    if (engine_.forget_more()) queue_work();
    flushing_.swap(to_flush_);
    for (auto* each : flushing_) {
        each->flush_queued = false;
        each->flush();
    }
    flushing_.clear();
    auto gone = std::exchange(gone_, {});
    for (auto* each : gone) {
        const auto id = each->id();
        to_flush_.erase(std::remove(to_flush_.begin(), to_flush_.end(), each), to_flush_.end());
        connections_.erase(id.number);
        for (std::uint32_t i = 0; i < server_.size(); ++i) {
            if (i == index_)
                forget(id);
            else
                server_.send(i, [this, i, id] { server_.at(i).forget(id); });
        }
    }
}

void shard::forget(const connection_id& id) {
    engine_.disconnected(id);
    if (engine_.forget_more()) queue_work();
}

// ---- commands for other servers

void shard::proxy(const reply_to& from, const smp::command& content) {
    if (const auto* asked = std::get_if<smp::cmd::prxy>(&content)) {
        const auto& password = settings_.password;
        const bool known = password.empty() || (asked->password && secret_equal(*asked->password, password));
        if (!server_.setup().allow_proxy || !known) {
            auto refused = smp::make_server_error(smp::error_code::proxy);
            refused.proxy = smp::proxy_error::basic_auth;
            answer(from, smp::msg::err{refused});
            return;
        }
        if (server_.memory() >= pressure::newcomers) {
            answer(from, smp::msg::err{proxy_busy()});
            return;
        }
        const auto owner = asked->server.fingerprint[0] % server_.size();
        if (owner == index_)
            proxy_.connect(from, asked->server);
        else
            server_.send(owner, [this, owner, from, address = asked->server] {
                server_.at(owner).proxy_.connect(from, address);
            });
        return;
    }
    const auto& asked = std::get<smp::cmd::pfwd>(content);
    const auto route = routes_.find(to_bytes(from.entity.view()));
    const auto owner = route == routes_.end() ? index_ : route->second;
    relay_command command{from, asked.relay_version, asked.key, to_bytes(asked.transmission)};
    if (owner == index_)
        proxy_.forward(command);
    else
        server_.send(owner, [this, owner, command = std::move(command)] {
            server_.at(owner).proxy_.forward(command);
        });
}

void shard::on_every_shard(const std::function<void(shard&)>& function) {
    for (std::uint32_t i = 0; i < server_.size(); ++i) {
        if (i == index_)
            function(*this);
        else
            server_.send(i, [this, i, function] { function(server_.at(i)); });
    }
}

void shard::session_opened(bytes_view session_id) {
    on_every_shard([id = to_bytes(session_id), owner = index_](shard& each) { each.routes_[id] = owner; });
}

void shard::session_closed(bytes_view session_id) {
    on_every_shard([id = to_bytes(session_id)](shard& each) { each.routes_.erase(id); });
}

void shard::destination_failed(std::string_view to, std::string_view cause) {
    server_.warn(log_kind::destination, "a server that clients want to reach cannot be reached",
                 {{"server", to}, {"why", cause}});
}

// ---- answers of engines, here and elsewhere

void shard::finish_request(connection& which, const reply_to& to) {
    if (to.event) return;
    which.request_done(to.proxied);
    if (!which.is_open() && which.in_flight() == 0) bury(which);
}

void shard::answer_here(const reply_to& to, bytes_view content) {
    auto* which = find(to.connection);
    if (which == nullptr) return;
    which->answer(to, content);
    finish_request(*which, to);
}

void shard::deliver_here(const reply_to& to, const delivery& what) {
    auto* which = find(to.connection);
    if (which == nullptr) return;
    which->deliver(to, what);
    server_.setup().metrics.messages_delivered.add();
    finish_request(*which, to);
}

void shard::answer(const reply_to& to, const smp::message& content) {
    scratch_.clear();
    encoding::writer writer(scratch_);
    smp::write(writer, content, to.version);
    if (std::holds_alternative<smp::msg::ids>(content)) server_.setup().metrics.queues_created.add();
    if (to.connection.shard == index_) {
        answer_here(to, scratch_);
        return;
    }
    server_.send(to.connection.shard,
                 [this, to, body = scratch_] { server_.at(to.connection.shard).answer_here(to, body); });
}

void shard::deliver(const reply_to& to, const delivery& what) {
    if (to.connection.shard == index_)
        deliver_here(to, what);
    else
        server_.send(to.connection.shard,
                     [this, to, what] { server_.at(to.connection.shard).deliver_here(to, what); });
}

void shard::forward(std::uint32_t owner, const request& in, const identifier& recipient_id) {
    auto kept = std::make_shared<const owned_request>(in);
    server_.send(owner, [this, owner, kept, recipient_id] {
        server_.at(owner).engine().execute(kept->view(), recipient_id);
    });
}

} // namespace plexus::smp_server
