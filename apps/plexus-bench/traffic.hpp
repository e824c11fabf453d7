// Messages through the queues of a load: each goes from SEND over OK and MSG to the answered ACK, and then
// the next one follows. Used by throughput, latency and soak.
#pragma once

#include "load.hpp"
#include "statistics.hpp"

#include <deque>
#include <unordered_map>

namespace plexus::bench {

struct traffic_options {
    std::uint32_t window = 1;  ///< messages under way at once in a queue
    std::size_t body_size = 0; ///< 0: the largest that the version allows
    /// Bodies of one in so many messages are decrypted and compared; all are counted.
    std::uint32_t open_one_in = 64;
    unsigned rate = 0; ///< messages a second at the most; 0: as fast as they are taken
};

class traffic {
  public:
    using clock = std::chrono::steady_clock;

    traffic(load& on, traffic_options options);

    /// Signs what will be sent; once, when all queues are secured.
    void prepare();
    /// Sends until `enough`, and then waits for all that is under way. What is no answer to the traffic's
    /// commands goes to `other`.
    result<void> run(const std::function<bool()>& enough, const load::receive_handler& other = {});

    // For a workload that takes queues away under load: no message is lost or doubled in a quiet one.
    /// No further messages go into it.
    void hold(std::size_t queue) { lanes_[queue].held = true; }
    bool is_quiet(std::size_t queue) const noexcept { return lanes_[queue].under_way == 0; }
    /// A new queue, or the old one on new connections, is in its place: messages go on.
    void renew(std::size_t queue);

    std::uint64_t delivered() const noexcept { return delivered_; }
    /// Delivered again after they were acknowledged.
    std::uint64_t doubled() const noexcept { return doubled_; }
    /// Accepted and never delivered: final when a run is over.
    std::uint64_t missing() const noexcept { return accepted_ - delivered_; }
    std::size_t body_size() const noexcept { return body_size_; }
    /// From SEND to MSG.
    latency_histogram& latencies() noexcept { return latencies_; }

    /// False for what is no answer to the traffic's commands, and no message.
    bool take(connection& on, incoming& what);

  private:
    struct lane {
        std::vector<ready_command> ready;          ///< one for each place in the window
        std::vector<clock::time_point> sent_times; ///< a ring
        std::uint64_t sent = 0;
        std::uint64_t accepted = 0;
        std::uint64_t received = 0;
        std::uint64_t acknowledged = 0;
        std::uint64_t under_way = 0;
        bool held = false;
        bool waits = false; ///< for its turn, where the rate is limited
        entity_id last_message;
    };
    struct hash_id {
        std::size_t operator()(const entity_id& id) const noexcept;
    };

    void prepare(std::size_t queue);
    void fill(std::size_t queue);
    bool may_send();
    void send_waiting();
    void take_message(connection& on, std::size_t queue, const smp::msg::message& message);
    void settle(std::size_t queue);
    bool has_right_body(const load_queue& queue, const smp::msg::message& message);

    load& load_;
    traffic_options options_;
    std::size_t body_size_ = 0;
    bytes command_; ///< SEND, encoded: all bodies are the same
    bytes opened_;
    std::vector<lane> lanes_;
    std::unordered_map<entity_id, std::size_t, hash_id> by_recipient_;
    latency_histogram latencies_;
    bool sending_ = false;
    clock::time_point begun_;
    std::uint64_t sent_ = 0;
    std::deque<std::size_t> waiting_; ///< queues that the rate holds back
    std::uint64_t under_way_ = 0;
    std::uint64_t accepted_ = 0;
    std::uint64_t delivered_ = 0;
    std::uint64_t doubled_ = 0;
};

} // namespace plexus::bench
