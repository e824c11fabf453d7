// Order and time of the simulation: lanes of tasks, of which one that is ready is drawn at a time. Used by
// the simulated loop and network.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <vector>

#include "plexus/kernel/loop_backend.hpp"

namespace plexus::kernel::sim {

/// splitmix64
class chance {
  public:
    explicit chance(std::uint64_t seed) noexcept : state_(seed) {}
    std::uint64_t next() noexcept;
    std::uint64_t below(std::uint64_t limit) noexcept { return next() % limit; }
    std::uint64_t between(std::uint64_t least, std::uint64_t most) noexcept {
        return least + below(most - least + 1);
    }
    bool percent(std::uint32_t of) noexcept { return below(100) < of; }

  private:
    std::uint64_t state_;
};

class core;
class sim_loop;
class sim_timer;

enum class lane_kind : std::uint8_t { shard = 1, worker = 2, loader = 3 };

/// What one thread of a real kernel would run, one at a time and in order.
class lane {
  public:
    lane(core& owner, sim_loop& loop, lane_kind kind, std::int32_t shard);
    ~lane();
    lane(const lane&) = delete;
    lane& operator=(const lane&) = delete;

    void push(std::function<void()> step) { queue_.push_back(std::move(step)); }
    bool empty() const noexcept { return queue_.empty(); }
    /// Runs the front of the queue, as this lane.
    void run_front();

    sim_loop& loop() const noexcept { return loop_; }
    lane_kind kind() const noexcept { return kind_; }
    std::int32_t shard() const noexcept { return shard_; }

  private:
    friend class core;
    friend class sim_timer;
    struct due {
        std::uint64_t time;
        std::uint64_t order;
        sim_timer* timer;
        bool operator<(const due& other) const noexcept {
            return time != other.time ? time < other.time : order < other.order;
        }
    };

    bool has_work(std::uint64_t now) const noexcept;
    std::uint64_t next_time(std::uint64_t now) const noexcept; ///< UINT64_MAX: never
    void run_one();

    core& core_;
    sim_loop& loop_;
    lane_kind kind_;
    std::int32_t shard_;
    std::uint64_t number_;
    std::uint64_t free_at_ = 0; ///< its thread is busy until then
    std::deque<std::function<void()>> queue_;
    std::set<due> timers_;
};

class sim_timer final : public loop_timer {
  public:
    sim_timer(lane& home, std::function<void()> fired) : home_(home), fired_(std::move(fired)) {}
    ~sim_timer() override { disarm(); }
    sim_timer(const sim_timer&) = delete;
    sim_timer& operator=(const sim_timer&) = delete;
    void arm(std::uint64_t delay_ns) override;
    void disarm() override;

  private:
    friend class lane;
    lane& home_;
    std::function<void()> fired_;
    std::set<lane::due>::iterator place_;
    bool armed_ = false;
};

class core {
  public:
    explicit core(std::uint64_t seed) : order(seed), network(order.next()), tests(order.next()) {}

    std::uint64_t now() const noexcept { return now_; }
    std::uint64_t steps() const noexcept { return steps_; }
    std::uint64_t trace() const noexcept { return trace_; }
    std::uint64_t bytes() const noexcept { return bytes_; }
    void mix(std::uint64_t value) noexcept;
    void mix(bytes_view data) noexcept; ///< of a packet

    /// Outside all lanes, when that time has come.
    void at(std::uint64_t time, std::function<void()> step);
    bool step();
    /// The lane whose task runs; null outside.
    const lane* current() const noexcept { return current_; }

    chance order;   ///< draws the next task, and how long each takes
    chance network; ///< delays and sizes
    chance tests;   ///< choices of the test

  private:
    friend class lane;
    friend class sim_timer;
    bool run_due_event();
    lane* draw();
    bool advance();

    std::uint64_t now_ = 0;
    std::uint64_t steps_ = 0;
    std::uint64_t trace_ = 0xcbf29ce484222325;
    std::uint64_t bytes_ = 0;
    std::uint64_t sequence_ = 0;
    std::uint64_t lane_count_ = 0;
    bool stepping_ = false;
    std::vector<lane*> lanes_;
    std::vector<lane*> ready_; ///< draw's
    std::map<std::pair<std::uint64_t, std::uint64_t>, std::function<void()>> events_;
    const lane* current_ = nullptr;
};

} // namespace plexus::kernel::sim
