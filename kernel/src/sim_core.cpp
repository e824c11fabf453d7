#include "sim_core.hpp"

#include <algorithm>
#include <stdexcept>

namespace plexus::kernel::sim {

namespace {
// How long a task keeps its thread. Workers block on files.
constexpr std::uint64_t shard_cost_most_ns = 20'000;
constexpr std::uint64_t worker_cost_most_ns = 2'000'000;
} // namespace

std::uint64_t chance::next() noexcept {
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t z = state_;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

// ---- timers

void sim_timer::arm(std::uint64_t delay_ns) {
    disarm();
    const std::uint64_t now = home_.core_.now_;
    const std::uint64_t time = delay_ns > UINT64_MAX - 1 - now ? UINT64_MAX - 1 : now + delay_ns;
    place_ = home_.timers_.insert({time, home_.core_.sequence_++, this}).first;
    armed_ = true;
}

void sim_timer::disarm() {
    if (armed_) home_.timers_.erase(place_);
    armed_ = false;
}

// ---- lanes

lane::lane(core& owner, sim_loop& loop, lane_kind kind, std::int32_t shard)
    : core_(owner), loop_(loop), kind_(kind), shard_(shard), number_(owner.lane_count_++) {
    core_.lanes_.push_back(this);
}

lane::~lane() { std::erase(core_.lanes_, this); }

bool lane::has_work(std::uint64_t now) const noexcept {
    if (free_at_ > now) return false;
    return !queue_.empty() || (!timers_.empty() && timers_.begin()->time <= now);
}

std::uint64_t lane::next_time(std::uint64_t now) const noexcept {
    std::uint64_t time = UINT64_MAX;
    if (!queue_.empty()) time = now;
    if (!timers_.empty()) time = std::min(time, timers_.begin()->time);
    return time == UINT64_MAX ? time : std::max(time, free_at_);
}

void lane::run_front() {
    const std::function<void()> step = std::move(queue_.front());
    queue_.pop_front();
    const lane* const outer = std::exchange(core_.current_, this);
    step();
    core_.current_ = outer;
}

void lane::run_one() {
    const std::uint64_t now = core_.now_;
    const bool overdue = !timers_.empty() && timers_.begin()->time <= now;
    const std::uint64_t most = kind_ == lane_kind::worker ? worker_cost_most_ns : shard_cost_most_ns;
    free_at_ = now + core_.order.below(most);
    if (queue_.empty() || (overdue && core_.order.percent(50))) {
        sim_timer* const timer = timers_.begin()->timer;
        timer->disarm();
        queue_.push_front(timer->fired_); // a copy: it may destroy its timer
    }
    run_front();
}

// ---- core

void core::mix(std::uint64_t value) noexcept {
    trace_ = (trace_ ^ value) * 0x100000001b3;
    trace_ ^= trace_ >> 29;
}

void core::mix(bytes_view data) noexcept {
    for (const std::uint8_t byte : data) trace_ = (trace_ ^ byte) * 0x100000001b3;
    mix(data.size());
    bytes_ += data.size();
}

void core::at(std::uint64_t time, std::function<void()> step) {
    events_.emplace(std::pair(std::max(time, now_), sequence_++), std::move(step));
}

bool core::run_due_event() {
    if (events_.empty() || events_.begin()->first.first > now_) return false;
    auto event = events_.extract(events_.begin());
    mix(event.key().second);
    event.mapped()();
    return true;
}

lane* core::draw() {
    ready_.clear();
    for (lane* one : lanes_)
        if (one->has_work(now_)) ready_.push_back(one);
    return ready_.empty() ? nullptr : ready_[order.below(ready_.size())];
}

bool core::advance() {
    std::uint64_t time = events_.empty() ? UINT64_MAX : events_.begin()->first.first;
    for (const lane* one : lanes_) time = std::min(time, one->next_time(now_));
    if (time == UINT64_MAX) return false;
    now_ = std::max(now_, time);
    return true;
}

bool core::step() {
    if (stepping_) throw std::logic_error("a step of the simulation within another");
    stepping_ = true;
    bool ran = false;
    do {
        if (run_due_event()) {
            ran = true;
        } else if (lane* next = draw(); next != nullptr) {
            mix(now_);
            mix(next->number_);
            next->run_one();
            ran = true;
        }
    } while (!ran && advance());
    stepping_ = false;
    if (ran) ++steps_;
    return ran;
}

} // namespace plexus::kernel::sim
