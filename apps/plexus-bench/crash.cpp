// The workload `crash`: kill -9 under load, again and again. What was acknowledged to a sender is delivered,
// once, until its recipient has acknowledged it.
#include "server_process.hpp"
#include "statistics.hpp"
#include "workloads.hpp"

#include "plexus/encoding/reader.hpp"
#include "plexus/encoding/writer.hpp"
#include "plexus/smp/message_body.hpp"

#include <deque>
#include <random>
#include <unordered_map>

namespace plexus::bench {
namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// A message from its SEND until nothing can happen to it any more.
struct fate {
    bool accepted = false;     ///< its sender was told OK
    bool received = false;     ///< in any life of the server
    bool acknowledged = false; ///< its recipient was told OK
    unsigned life = 0;         ///< of the server, in which it was received last
};

struct lane {
    std::uint64_t first = 0; ///< number of the oldest message that is looked at
    std::deque<fate> fates;  ///< from that number on
    std::uint64_t under_way = 0;
    std::uint64_t unfinished = 0;                ///< not yet acknowledged by the recipient
    std::optional<std::uint64_t> unacknowledged; ///< an ACK is under way for it
    std::optional<std::uint64_t> last;           ///< when this is answered all before it has been

    std::uint64_t next() const noexcept { return first + fates.size(); }
    fate* find(std::uint64_t number) noexcept {
        return number < first || number >= next() ? nullptr : &fates[number - first];
    }
};

// Tokens: of SEND the queue and the number's low bits, of ACK the queue.
constexpr unsigned number_bits = 24;
/// Messages of one queue that may wait at the server: half of the default quota.
constexpr std::uint64_t unfinished_most = 64;
constexpr std::uint64_t send_token = std::uint64_t{1} << 63;
constexpr std::uint64_t ack_token = std::uint64_t{1} << 62;

class crash_run {
  public:
    crash_run(target& to, const options& with)
        : with_(with), to_(to), server_(with.command, with.server_log), load_(to, {with.authorization}) {}

    result<figures> run() {
        PLEXUS_CHECK(server_.start(to_));
        PLEXUS_CHECK(set_up());
        for (unsigned round = 0; round < with_.rounds; ++round) {
            load_.shown().show("kill", round, with_.rounds);
            PLEXUS_CHECK(load_until_killed());
            PLEXUS_TRY(const double took, server_.start(to_));
            starts_.push_back(took);
            PLEXUS_CHECK(come_back());
            PLEXUS_CHECK(look_after());
        }
        load_.close_connections();
        PLEXUS_CHECK(server_.stop());
        return figures{
            {"kills", "kills", unit::count, static_cast<double>(with_.rounds)},
            {"messages_accepted", "messages acknowledged to senders", unit::count,
             static_cast<double>(accepted_)},
            {"messages_in_doubt", "delivered without an answer to their SEND", unit::count,
             static_cast<double>(in_doubt_)},
            {"messages_redelivered", "delivered again, their ACK was not answered", unit::count,
             static_cast<double>(redelivered_)},
            {lost_key, "lost", unit::count, static_cast<double>(lost_)},
            {doubled_key, "doubled", unit::count, static_cast<double>(doubled_)},
            {"start_seconds", "start after a kill", unit::seconds, median(starts_)},
        };
    }

  private:
    result<void> set_up() {
        PLEXUS_CHECK(load_.open_pairs(with_.connections, with_.queues));
        lanes_.resize(with_.queues);
        const auto most = smp::max_message_length(load_.at(0).version());
        body_.assign(std::max<std::size_t>(with_.size == 0 ? most : std::min(with_.size, most), 8), 'm');
        index_queues();
        return {};
    }
    void index_queues() {
        for (std::size_t i = 0; i < load_.queues().size(); ++i)
            by_recipient_[plexus::to_string(load_.queues()[i].recipient_id)] = i;
    }

    result<void> load_until_killed() {
        sending_ = true;
        for (std::size_t i = 0; i < lanes_.size(); ++i) fill(i);
        const auto before = accepted_;
        const auto at =
            clock::now() + std::chrono::milliseconds(std::uniform_int_distribution<int>(20, 400)(chance_));
        std::size_t gone = 0;
        bool killed = false;
        auto take = [this](connection& on, incoming& what) { receive(on, what); };
        auto done = [&] {
            if (!killed && clock::now() >= at && accepted_ > before) {
                server_.kill();
                killed = true;
                sending_ = false;
            }
            // What the server still said counts.
            return gone == load_.connections();
        };
        auto lost = [&](connection&, const error& why) {
            ++gone;
            if (!killed) load_.fail(why);
        };
        return load_.run(take, done, lost);
    }

    result<void> come_back() {
        load_.close_connections();
        ++life_;
        for (auto& one : lanes_) {
            one.under_way = 0;
            one.unacknowledged.reset();
        }
        PLEXUS_CHECK(load_.open_connections(with_.connections));
        for (auto& queue : load_.queues())
            PLEXUS_CHECK(load_.at(queue.sender_connection).attach(queue.sender));
        // Messages may come before all are subscribed.
        load_.unasked = [this](connection& on, incoming& what) { receive(on, what); };
        auto done = load_.subscribe_queues();
        load_.unasked = {};
        return done;
    }

    /// One more message through each queue: when it has come, whatever was before it should have.
    result<void> look_after() {
        sending_ = false;
        for (std::size_t i = 0; i < lanes_.size(); ++i) {
            lanes_[i].last = lanes_[i].next();
            send(i);
        }
        auto take = [this](connection& on, incoming& what) { receive(on, what); };
        PLEXUS_CHECK(load_.run(take, [this] {
            return std::all_of(lanes_.begin(), lanes_.end(), [](lane& one) {
                const auto* marker = one.find(*one.last);
                return marker->accepted && marker->acknowledged;
            });
        }));
        for (auto& one : lanes_) {
            for (const auto& each : one.fates) {
                if (each.accepted && !each.received) ++lost_;
                if (!each.accepted && each.received) ++in_doubt_;
            }
            // An older message that still comes is one that was looked at: it is doubled.
            one.first = one.next();
            one.fates.clear();
            one.unfinished = 0;
        }
        return {};
    }

    void fill(std::size_t number) {
        const auto& to = lanes_[number];
        while (sending_ && to.under_way < with_.window && to.unfinished < unfinished_most) send(number);
    }

    void send(std::size_t number) {
        auto& to = lanes_[number];
        const auto& queue = load_.queues()[number];
        const auto message = to.next();
        to.fates.emplace_back();
        ++to.under_way;
        ++to.unfinished;
        for (unsigned i = 0; i < 8; ++i) body_[i] = static_cast<std::uint8_t>(message >> (56 - 8 * i));
        load_.at(queue.sender_connection)
            .send(send_token | number << number_bits | (message & ((1U << number_bits) - 1)),
                  smp::cmd::send{{}, body_}, queue.sender_id, &queue.sender);
    }

    void receive(connection& on, incoming& what) {
        const auto* message = std::get_if<smp::msg::message>(&what.content);
        if (!what.token) {
            const auto found = by_recipient_.find(plexus::to_string(what.entity));
            if (message == nullptr || found == by_recipient_.end())
                return load_.fail(
                    failed("the server sends " + std::string(smp::name(what.content)) + " unasked"));
            return take_message(on, found->second, *message);
        }
        if (message == nullptr)
            if (const auto refused = load::refusal("SEND or ACK", what.content)) return load_.fail(*refused);
        if ((*what.token & send_token) != 0) return take_accepted(*what.token & ~send_token);
        const auto number = static_cast<std::size_t>(*what.token & ~ack_token);
        if (number >= lanes_.size()) return load_.fail(failed("the server answers what was not asked"));
        auto& of = lanes_[number];
        if (of.unacknowledged)
            if (auto* done = of.find(*of.unacknowledged); done != nullptr && !done->acknowledged) {
                done->acknowledged = true;
                --of.unfinished;
            }
        of.unacknowledged.reset();
        fill(number);
        if (message != nullptr) take_message(on, number, *message);
    }

    void take_accepted(std::uint64_t token) {
        const auto number = static_cast<std::size_t>(token >> number_bits);
        if (number >= lanes_.size()) return load_.fail(failed("the server answers what was not asked"));
        auto& of = lanes_[number];
        // The full number is the one of this lane with these low bits.
        const auto low = token & ((1U << number_bits) - 1);
        const auto message = of.first + ((low - of.first) & ((1U << number_bits) - 1));
        if (auto* accepted = of.find(message)) accepted->accepted = true;
        ++accepted_;
        --of.under_way;
        fill(number);
    }

    void take_message(connection& on, std::size_t number, const smp::msg::message& message) {
        auto& of = lanes_[number];
        const auto& queue = load_.queues()[number];
        opened_.assign(message.body.begin(), message.body.end());
        const auto opened = smp::open_message_body(queue.body_key, message.message_id, opened_);
        if (!opened || opened->quota || opened->body.size() != body_.size())
            return load_.fail(failed("a message arrives with another body than it was sent with"));
        const auto which = encoding::reader(opened->body).u64();
        auto* known = of.find(which);
        // Never again in one life of the server, nor when its recipient was told that it is gone.
        if (known == nullptr || known->acknowledged || (known->received && known->life == life_))
            ++doubled_;
        else if (known->received)
            ++redelivered_;
        if (known != nullptr) {
            known->received = true;
            known->life = life_;
        }
        of.unacknowledged = which;
        on.send(ack_token | number, smp::cmd::ack{message.message_id}, queue.recipient_id, &queue.recipient);
    }

    const options& with_;
    target& to_;
    server_process server_;
    load load_;
    std::vector<lane> lanes_;
    std::unordered_map<std::string, std::size_t> by_recipient_;
    std::minstd_rand chance_{std::random_device{}()};
    bytes body_;
    bytes opened_;
    bool sending_ = false;
    unsigned life_ = 0;
    std::uint64_t accepted_ = 0;
    std::uint64_t in_doubt_ = 0;
    std::uint64_t redelivered_ = 0;
    std::uint64_t lost_ = 0;
    std::uint64_t doubled_ = 0;
    std::vector<double> starts_;
};

} // namespace

result<figures> run_crash(target& to, const options& with) { return crash_run(to, with).run(); }

} // namespace plexus::bench
