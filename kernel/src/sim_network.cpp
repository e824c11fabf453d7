#include "sim_network.hpp"

#include <algorithm>
#include <stdexcept>

#include "plexus/abi.hpp"
#include "sim_loop.hpp"

namespace plexus::kernel::sim {

namespace {
constexpr std::uint64_t reset_spread_ns = 100'000'000;    // until both sides know of a cut
constexpr std::uint64_t silence_most_ns = 60'000'000'000; // until peers learn of a crash that said nothing
constexpr std::uint32_t silent_crash_percent = 30;
} // namespace

void network::attach(sim_loop& loop) {
    if (machines_[loop.host()] != nullptr)
        throw std::logic_error("the machine " + loop.host() + " runs already: end its kernel first");
    machines_[loop.host()] = &loop;
}

void network::detach(sim_loop& loop) {
    if (machines_[loop.host()] == &loop) machines_[loop.host()] = nullptr;
    std::erase_if(listeners_, [&loop](const auto& one) { return one.second->loop == &loop; });
    for (sim_end* one : ends_)
        if (one->loop() == &loop) one->detach();
}

sim_loop* network::machine(const std::string& host) const {
    const auto found = machines_.find(host);
    return found == machines_.end() ? nullptr : found->second;
}

std::pair<std::string, std::string> network::pair_of(const std::string& one, const std::string& other) {
    return one < other ? std::pair(one, other) : std::pair(other, one);
}

std::uint64_t network::stalled_until(const std::string& one, const std::string& other) const {
    const auto found = stalls_.find(pair_of(one, other));
    return found == stalls_.end() ? 0 : found->second;
}

std::uint64_t network::arrival(const std::string& from, const std::string& to) {
    const std::uint64_t delay = world_.network.between(profile.delay_least_ns, profile.delay_most_ns);
    return std::max(world_.now() + delay, stalled_until(from, to));
}

// ---- listening and connecting

result<std::shared_ptr<listening>> network::listen(sim_loop& loop, activity& owner,
                                                   const plexus_listen_options& options,
                                                   plexus_accept_function accepted, void* context) {
    if (loop.crashed()) return error("plexus", PLEXUS_E_IO, "the machine " + loop.host() + " has crashed");
    std::uint32_t port = options.port;
    while (port == 0 || (options.port == 0 && listeners_.contains({loop.host(), port}))) port = next_port_++;
    auto& place = listeners_[{loop.host(), port}];
    if (place != nullptr)
        return error("plexus", PLEXUS_E_BUSY,
                     "cannot listen on " + loop.host() + ":" + std::to_string(port) +
                         ": another instance does");
    place = std::make_shared<listening>(
        listening{&loop, &owner, accepted, context, loop.host(), port, options.connections_most});
    return place;
}

void network::close(listening& one) {
    one.closed = true;
    std::erase_if(listeners_, [&one](const auto& each) { return each.second.get() == &one; });
}

void network::connect(
    const std::string& from, const std::string& host, std::uint32_t port,
    std::function<void(std::shared_ptr<connection> made, std::optional<error> why)> arrived) {
    const auto at_host = [this, from, host, port, arrived = std::move(arrived)] {
        const std::string name = host + ":" + std::to_string(port);
        const auto answer = [&](std::shared_ptr<connection> made, std::optional<error> why) {
            world_.at(arrival(host, from),
                      [arrived, made = std::move(made), why = std::move(why)] { arrived(made, why); });
        };
        if (!machines_.contains(host))
            return answer(nullptr,
                          error("plexus", PLEXUS_E_NOT_FOUND, name + ": the simulation has no such host"));
        const auto found = listeners_.find({host, port});
        if (found == listeners_.end())
            return answer(nullptr, error("plexus", PLEXUS_E_REFUSED, name + ": nobody listens there", true));
        const auto server = found->second;
        if (server->connections_most != 0 && *server->connections >= server->connections_most)
            return answer(
                nullptr, error("plexus", PLEXUS_E_REFUSED, name + ": it has all the clients it takes", true));
        ++*server->connections;
        auto made = std::make_shared<connection>();
        made->hosts[0] = from;
        made->hosts[1] = host;
        made->place = std::shared_ptr<std::uint32_t>(
            server->connections.get(), [kept = server->connections](std::uint32_t* count) { --*count; });
        const std::uint32_t shard = server->next_shard;
        server->next_shard = (shard + 1) % server->loop->shard_count();
        const auto end = std::make_shared<std::unique_ptr<sim_end>>(
            std::make_unique<sim_end>(*this, made, 1, *server->loop, shard, *server->owner));
        server->loop->push(shard, server->owner, [server, end] {
            if (!server->closed) server->accepted(server->context, end->release());
        });
        answer(made, std::nullopt);
    };
    world_.at(arrival(from, host), at_host);
}

// ---- faults

void network::kill(const std::shared_ptr<connection>& shared, std::uint64_t spread_ns, const char* why) {
    if (shared->dead) return;
    shared->dead = true;
    shared->place.reset();
    for (const int side : {0, 1}) {
        const std::uint64_t heard = world_.now() + world_.network.below(spread_ns);
        world_.at(heard, [shared, side, why] {
            if (shared->ends[side] != nullptr)
                shared->ends[side]->break_with(
                    error("plexus", PLEXUS_E_IO,
                          "the connection with " + shared->hosts[1 - side] + " broke: " + why, true));
        });
    }
}

void network::cut(const std::string& one, const std::string& other) {
    for (const sim_end* end : std::vector<sim_end*>(ends_))
        if (pair_of(end->shared()->hosts[0], end->shared()->hosts[1]) == pair_of(one, other))
            kill(end->shared(), reset_spread_ns, "cut");
}

void network::stall(const std::string& one, const std::string& other, std::uint64_t time) {
    auto& until = stalls_[pair_of(one, other)];
    until = std::max(until, world_.now() + time);
}

void network::crash(sim_loop& loop) {
    loop.crash();
    std::erase_if(listeners_, [&loop](const auto& one) {
        if (one.second->loop == &loop) one.second->closed = true;
        return one.second->loop == &loop;
    });
    const bool silent = world_.network.percent(silent_crash_percent);
    for (sim_end* end : std::vector<sim_end*>(ends_)) {
        if (end->loop() != &loop) continue;
        kill(end->shared(), silent ? silence_most_ns : reset_spread_ns, "the other machine crashed");
        end->break_with(error("plexus", PLEXUS_E_IO, "the machine " + loop.host() + " crashed"));
    }
}

// ---- ends

const plexus_stream_api sim_end::table = {
    sizeof(plexus_stream_api),
    0,
    [](plexus_stream* raw, const plexus_stream_handler* handler, void* context) {
        of(raw).set_handler(handler, context);
    },
    [](plexus_stream* raw, plexus_span out, std::uint64_t* taken) { return of(raw).try_read(out, taken); },
    [](plexus_stream* raw, plexus_view in, std::uint64_t* given) { return of(raw).try_write(in, given); },
    [](plexus_stream* raw) { of(raw).shutdown(); },
    [](plexus_stream* raw) { delete &of(raw); },
    [](plexus_stream* raw, std::uint32_t what, std::uint32_t index, plexus_view* value) -> std::int32_t {
        if (what != PLEXUS_STREAM_PEER || index != 0) return PLEXUS_E_NOT_FOUND;
        *value = to_abi(std::string_view(of(raw).shared_->hosts[1 - of(raw).side_]));
        return PLEXUS_OK;
    },
    [](plexus_stream*, std::int32_t*) -> std::int32_t { return PLEXUS_E_UNSUPPORTED; },
    [](plexus_stream* raw) -> const plexus_error* { return of(raw).failure_ ? &of(raw).lent_ : nullptr; },
};

sim_end::sim_end(network& net, std::shared_ptr<connection> shared, int side, sim_loop& loop,
                 std::uint32_t shard, activity& owner)
    : plexus_stream{&table}, net_(net), shared_(std::move(shared)), side_(side), loop_(&loop), shard_(shard),
      owner_(owner), window_(net.world().network.between(net.profile.window_least, net.profile.window_most)) {
    shared_->ends[side_] = this;
    owner_.watches.fetch_add(1); // what a real transport would hold
    net_.add(*this);
}

sim_end::~sim_end() {
    *alive_ = false;
    owner_.watches.fetch_sub(1);
    net_.remove(*this);
    shared_->ends[side_] = nullptr;
    if (side_ == 1) shared_->place.reset();
    if (!ended_ && !failure_) send({});
}

void sim_end::set_handler(const plexus_stream_handler* handler, void* context) {
    handler_ = handler;
    context_ = context;
    notify();
}

void sim_end::notify() {
    const bool due = (waits_read_ && readable()) || (waits_write_ && writable());
    if (!due || notified_ || handler_ == nullptr || loop_ == nullptr) return;
    notified_ = true;
    loop_->push(shard_, &owner_, [this, alive = alive_] {
        if (*alive) call_back();
    });
}

void sim_end::call_back() {
    const std::shared_ptr<bool> alive = alive_;
    notified_ = false;
    if (waits_read_ && readable() && handler_ != nullptr) {
        waits_read_ = false;
        handler_->readable(context_);
        if (!*alive) return;
    }
    if (waits_write_ && writable() && handler_ != nullptr) {
        waits_write_ = false;
        handler_->writable(context_);
    }
}

std::int32_t sim_end::try_read(plexus_span out, std::uint64_t* taken) {
    if (out.size == 0) return PLEXUS_E_INVALID;
    if (inbox_.empty()) {
        if (failure_) return failure_->code();
        if (peer_ended_) return PLEXUS_E_CLOSED;
        waits_read_ = true;
        return PLEXUS_E_WOULD_BLOCK;
    }
    std::size_t count = std::min<std::size_t>(inbox_.size(), static_cast<std::size_t>(out.size));
    auto& draw = net_.world().network;
    if (draw.percent(net_.profile.partial_percent)) count = 1 + draw.below(count);
    std::copy_n(inbox_.begin(), count, out.data);
    inbox_.erase(inbox_.begin(), inbox_.begin() + static_cast<std::ptrdiff_t>(count));
    *taken = count;
    net_.world().at(net_.arrival(shared_->hosts[side_], shared_->hosts[1 - side_]),
                    [shared = shared_, to = 1 - side_, count] {
                        if (!shared->dead && shared->ends[to] != nullptr) shared->ends[to]->taken(count);
                    });
    return PLEXUS_OK;
}

std::int32_t sim_end::try_write(plexus_view in, std::uint64_t* given) {
    if (in.size == 0) return PLEXUS_E_INVALID;
    if (failure_) return failure_->code();
    if (ended_) return PLEXUS_E_CLOSED;
    if (!writable()) {
        waits_write_ = true;
        return PLEXUS_E_WOULD_BLOCK;
    }
    std::size_t count = std::min<std::size_t>(window_ - under_way_, static_cast<std::size_t>(in.size));
    auto& draw = net_.world().network;
    if (draw.percent(net_.profile.partial_percent)) count = 1 + draw.below(count);
    under_way_ += count;
    send({bytes(in.data, in.data + count)});
    *given = count;
    return PLEXUS_OK;
}

void sim_end::shutdown() {
    if (ended_ || failure_) return;
    ended_ = true;
    send({});
}

void sim_end::send(segment one) {
    way_->push_back(std::move(one));
    last_arrival_ = std::max(last_arrival_, net_.arrival(shared_->hosts[side_], shared_->hosts[1 - side_]));
    net_.world().at(last_arrival_, [&net = net_, shared = shared_, from = side_, way = way_] {
        deliver(net, shared, from, way);
    });
}

void sim_end::deliver(network& net, const std::shared_ptr<connection>& shared, int from,
                      const std::shared_ptr<std::deque<segment>>& way) {
    const std::uint64_t stalled = net.stalled_until(shared->hosts[0], shared->hosts[1]);
    if (shared->dead) return;
    if (stalled > net.world().now())
        return net.world().at(stalled, [&net, shared, from, way] { deliver(net, shared, from, way); });
    const segment one = std::move(way->front());
    way->pop_front();
    net.world().mix(one.data);
    sim_end* to = shared->ends[1 - from];
    if (to == nullptr) { // nobody is there: the sender hears of it
        if (!one.data.empty() && shared->ends[from] != nullptr)
            net.world().at(net.arrival(shared->hosts[1 - from], shared->hosts[from]), [shared, from] {
                if (shared->ends[from] != nullptr)
                    shared->ends[from]->break_with(error("plexus", PLEXUS_E_IO,
                                                         "the connection with " + shared->hosts[1 - from] +
                                                             " broke: reset by the other side",
                                                         true));
            });
        return;
    }
    if (one.data.empty())
        to->peer_ended();
    else
        to->arrived(one.data);
}

void sim_end::arrived(bytes_view data) {
    if (failure_) return;
    inbox_.insert(inbox_.end(), data.begin(), data.end());
    notify();
}

void sim_end::peer_ended() {
    peer_ended_ = true;
    notify();
}

void sim_end::taken(std::size_t count) {
    under_way_ -= std::min(under_way_, count);
    notify();
}

void sim_end::break_with(error reason) {
    if (failure_) return;
    failure_ = std::move(reason);
    lent_ = lend(*failure_);
    inbox_.clear();
    notify();
}

} // namespace plexus::kernel::sim
