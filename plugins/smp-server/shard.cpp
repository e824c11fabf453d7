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
    : server_(owner), index_(index),
      engine_(index, shards, owner.setup().queues, owner.setup().store, owner.setup().opened, *this,
              owner.setup().random, first_number_of(epoch, index)) {}

std::chrono::nanoseconds shard::now() { return server_.setup().clock.monotonic(); }

std::int64_t shard::seconds() {
    return std::chrono::duration_cast<std::chrono::seconds>(server_.setup().clock.wall()).count();
}

void shard::start() {
    sweep_.emplace(server_.setup().loop, [this] { sweep(); });
    sweep_->arm(sweep_interval);
}

void shard::stop() { sweep_.reset(); }

void shard::sweep() {
    std::vector<connection*> all;
    all.reserve(connections_.size());
    for (const auto& [number, each] : connections_) all.push_back(each.get());
    for (auto* each : all) each->check_deadlines();
    sweep_->arm(sweep_interval);
}

// ---- connections

void shard::accept(stream peer) {
    const connection_id id{index_, next_connection_++};
    auto made = std::make_unique<connection>(id, std::move(peer), server_.setup().identity,
                                             server_.setup().random, *this, server_.setup().limits);
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
}

bool shard::is_quiet() const noexcept {
    return connections_.empty() && engine_.pending() == 0 && !work_queued_;
}

void shard::to_flush(connection& which) {
    if (which.flush_queued) return;
    which.flush_queued = true;
    to_flush_.push_back(&which);
    queue_work();
}

void shard::queue_work() {
    if (work_queued_) return;
    work_queued_ = server_.setup().loop.post(index_, [this] { work(); });
}

/// Sends what the turn of the loop has brought, all answers of a connection in as few blocks as they need.
void shard::work() {
    work_queued_ = false;
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
                engine_.disconnected(id);
            else
                server_.send(i, [this, i, id] { server_.at(i).engine().disconnected(id); });
        }
    }
}

// ---- answers of engines, here and elsewhere

void shard::finish_request(connection& which, const reply_to& to) {
    if (to.event) return;
    which.request_done();
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
