#include "load.hpp"

#include <boost/asio/steady_timer.hpp>

namespace plexus::bench {
namespace {

using namespace std::chrono_literals;

/// Handshakes under way at once.
constexpr std::size_t opening_most = 64;
/// Commands under way at once on a connection: some blocks.
constexpr std::size_t pipelined_most = 512;

} // namespace

load::load(const target& to, load_options options) : to_(to), options_(options) {}

std::shared_ptr<connection> load::make_connection(std::uint32_t index) {
    connection::events& owner = *this;
    auto made = std::make_shared<connection>(io_, to_, owner, index);
    made->open();
    ++opening_;
    return made;
}

void load::ready(connection&) {
    --opening_;
    ++signs_of_life_;
}

void load::received(connection& on, incoming& what) {
    ++signs_of_life_;
    if (take_ != nullptr) (*take_)(on, what);
}

void load::lost(connection& on, const error& why) {
    if (lost_ != nullptr && *lost_) return (*lost_)(on, why);
    fail(why);
}

void load::fail(error why) {
    if (!failure_) failure_ = std::move(why);
}

void load::flush() {
    // What is flushed collects nothing.
    for (const auto index : dirty_) connections_[index]->flush();
    dirty_.clear();
}

result<void> load::run(const receive_handler& take, const std::function<bool()>& done,
                       const lost_handler& lost) {
    take_ = &take;
    lost_ = &lost;
    auto seen = signs_of_life_;
    auto deadline = std::chrono::steady_clock::now() + options_.patience;
    flush();
    while (!failure_ && !done()) {
        // A turn without an event lasts a little, so that done() can look at the clock.
        io_.restart();
        io_.run_one_for(20ms);
        flush();
        if (signs_of_life_ != seen) {
            seen = signs_of_life_;
            deadline = std::chrono::steady_clock::now() + options_.patience;
        } else if (std::chrono::steady_clock::now() > deadline) {
            fail(failed("the server has not answered for " + std::to_string(options_.patience.count()) +
                        " s"));
        }
    }
    take_ = nullptr;
    lost_ = nullptr;
    if (!failure_) return {};
    auto why = std::move(*failure_);
    failure_.reset();
    return why;
}

result<void> load::pause(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    return run([this](connection&, incoming&) { ++signs_of_life_; },
               [&] {
                   ++signs_of_life_;
                   return std::chrono::steady_clock::now() >= end;
               });
}

std::optional<error> load::refusal(const char* command, const smp::message& content) {
    if (std::holds_alternative<smp::msg::ok>(content) || std::holds_alternative<smp::msg::sok>(content))
        return std::nullopt;
    const auto* refused = std::get_if<smp::msg::err>(&content);
    return failed(
        "the server answers " + std::string(command) + " with " +
        (refused != nullptr ? "ERR " + smp::to_text(refused->error) : std::string(smp::name(content))));
}

result<void> load::open_connections(std::size_t count) {
    const auto begin = connections_.size();
    connections_.reserve(begin + count);
    return run([](connection&, incoming&) {},
               [&] {
                   while (connections_.size() < begin + count && opening_ < opening_most) {
                       const auto index = static_cast<std::uint32_t>(connections_.size());
                       connections_.push_back(make_connection(index));
                   }
                   progress_.show("connecting", connections_.size() - begin - opening_, count);
                   return connections_.size() == begin + count && opening_ == 0;
               });
}

void load::close_connections() {
    for (const auto& one : connections_) one->close();
    connections_.clear();
    dirty_.clear();
    opening_ = 0;
    // What waited on them ends.
    io_.restart();
    io_.poll();
}

void load::replace(std::uint32_t index) {
    connections_[index]->close();
    connections_[index] = make_connection(index);
}

result<void> load::run(const pipeline& work) {
    // Which queues each connection has still to ask about.
    struct lane {
        std::vector<std::uint32_t> todo;
        std::size_t next = 0;
        std::size_t under_way = 0;
    };
    std::vector<lane> lanes(connections_.size());
    for (std::size_t i = work.begin; i < queues_.size(); ++i)
        lanes[queues_[i].*work.connection].todo.push_back(static_cast<std::uint32_t>(i));
    const std::size_t total = queues_.size() - work.begin;
    std::size_t answered = 0;
    auto fill = [&](std::uint32_t index) {
        auto& lane = lanes[index];
        // In batches, so that blocks are full.
        if (lane.under_way > pipelined_most / 2) return;
        for (; lane.next < lane.todo.size() && lane.under_way < pipelined_most;
             ++lane.next, ++lane.under_way) {
            const auto number = lane.todo[lane.next];
            work.send(*connections_[index], queues_[number], number);
        }
    };
    for (std::uint32_t i = 0; i < lanes.size(); ++i) fill(i);
    return run(
        [&](connection& on, incoming& what) {
            if (!what.token || *what.token >= queues_.size()) {
                if (unasked) return unasked(on, what);
                if (what.token) fail(failed("the server answers what was not asked"));
                return;
            }
            ++answered;
            --lanes[on.index()].under_way;
            if (auto refused = work.take(queues_[*what.token], what.content)) return fail(*refused);
            fill(on.index());
        },
        [&] {
            progress_.show(work.doing, answered, total);
            return answered == total;
        });
}

smp::cmd::create load::new_queue(const load_queue& queue, const crypto::public_key& body_key,
                                 bool subscribe) const {
    smp::cmd::create out;
    out.key = queue.recipient.key.public_part();
    out.dh_key = body_key;
    out.subscribe = subscribe;
    out.mode = smp::queue_mode::messaging;
    if (!to_.address.password.empty()) out.password = bytes_view(to_.address.password);
    return out;
}

result<void> load::open_pairs(std::size_t connections, std::size_t queues) {
    PLEXUS_CHECK(open_connections(connections));
    const auto all = static_cast<std::uint32_t>(connections);
    const auto receiving = (all + 1) / 2;
    PLEXUS_CHECK(create_queues(queues, true, 0, receiving));
    return secure_queues(0, all == 1 ? 0 : receiving, all == 1 ? 1 : all - receiving);
}

result<void> load::create_queues(std::size_t queues, bool subscribe, std::uint32_t first,
                                 std::uint32_t count) {
    const auto begin = queues_.size();
    queues_.resize(begin + queues);
    for (std::size_t i = begin; i < queues_.size(); ++i)
        queues_[i].recipient_connection = first + static_cast<std::uint32_t>(i % count);
    // One key for all bodies: a server has to agree on a secret for each queue all the same.
    const auto body_key = crypto::private_key::generate(crypto::key_type::x25519, random_);
    pipeline work{"creating queues", begin, &load_queue::recipient_connection, {}, {}};
    work.send = [&](connection& on, load_queue& queue, std::uint64_t token) {
        queue.recipient.key = crypto::private_key::generate(options_.authorization, random_);
        if (auto done = on.attach(queue.recipient); !done) return fail(done.error());
        on.send(token, new_queue(queue, body_key.public_part(), subscribe), {}, &queue.recipient);
    };
    work.take = [&](load_queue& queue, const smp::message& content) -> std::optional<error> {
        const auto* ids = std::get_if<smp::msg::ids>(&content);
        if (ids == nullptr) return refusal("NEW", content);
        queue.recipient_id = entity_id(ids->recipient_id);
        queue.sender_id = entity_id(ids->sender_id);
        if (!options_.messages) return std::nullopt;
        auto agreed = crypto::box_key::agree(body_key, ids->dh_key);
        if (!agreed) return agreed.error();
        queue.body_key = *agreed;
        return std::nullopt;
    };
    return run(work);
}

result<void> load::secure_queues(std::size_t begin, std::uint32_t first, std::uint32_t count) {
    for (std::size_t i = begin; i < queues_.size(); ++i) {
        queues_[i].sender_connection = first + static_cast<std::uint32_t>(i % count);
        queues_[i].sender.key = crypto::private_key::generate(options_.authorization, random_);
    }
    for (std::size_t i = begin; i < queues_.size(); ++i)
        PLEXUS_CHECK(connections_[queues_[i].sender_connection]->attach(queues_[i].sender));
    pipeline work{"securing queues", begin, &load_queue::sender_connection, {}, {}};
    // Before version 9 it is the recipient who secures a queue.
    if (connections_.front()->version() < smp::since::sender_key) {
        work.connection = &load_queue::recipient_connection;
        work.send = [](connection& on, load_queue& queue, std::uint64_t token) {
            on.send(token, smp::cmd::key{queue.sender.key.public_part()}, queue.recipient_id,
                    &queue.recipient);
        };
    } else {
        work.send = [](connection& on, load_queue& queue, std::uint64_t token) {
            on.send(token, smp::cmd::skey{queue.sender.key.public_part()}, queue.sender_id, &queue.sender);
        };
    }
    work.take = [&](load_queue&, const smp::message& content) { return refusal("SKEY or KEY", content); };
    return run(work);
}

result<void> load::subscribe_queues() {
    for (auto& queue : queues_)
        PLEXUS_CHECK(connections_[queue.recipient_connection]->attach(queue.recipient));
    pipeline work{"subscribing", 0, &load_queue::recipient_connection, {}, {}};
    work.send = [](connection& on, load_queue& queue, std::uint64_t token) {
        on.send(token, smp::cmd::sub{}, queue.recipient_id, &queue.recipient);
    };
    work.take = [](load_queue&, const smp::message& content) { return refusal("SUB", content); };
    return run(work);
}

result<void> load::delete_queues() {
    pipeline work{"deleting queues", 0, &load_queue::recipient_connection, {}, {}};
    work.send = [](connection& on, load_queue& queue, std::uint64_t token) {
        on.send(token, smp::cmd::del{}, queue.recipient_id, &queue.recipient);
    };
    work.take = [](load_queue&, const smp::message& content) { return refusal("DEL", content); };
    PLEXUS_CHECK(run(work));
    queues_.clear();
    return {};
}

} // namespace plexus::bench
