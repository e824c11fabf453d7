// Shards, timers, descriptor readiness and worker threads, as values that clean up behind themselves.
#pragma once

#include "plexus/host.hpp"

#include <functional>
#include <memory>

namespace plexus {

/// The host's event loops. Cheap to copy.
class loop_ref {
  public:
    loop_ref() = default;
    explicit loop_ref(const plexus_loop* table) : table_(table) {}

    explicit operator bool() const noexcept { return table_ != nullptr; }
    const plexus_loop* table() const noexcept { return table_; }
    void* self() const noexcept { return table_->service.self; }

    std::uint32_t shard_count() const { return table_->shard_count(self()); }
    /// The calling thread's shard, or -1.
    std::int32_t current_shard() const { return table_->current_shard(self()); }

    /// Runs `function` on a shard, later. False if the shard no longer runs. [any-thread]
    template <typename Function>
    bool post(std::uint32_t shard, Function&& function) const {
        auto* kept = new std::decay_t<Function>(std::forward<Function>(function));
        const plexus_task task{[](void* context) {
                                   std::unique_ptr<std::decay_t<Function>> mine(
                                       static_cast<std::decay_t<Function>*>(context));
                                   (*mine)();
                               },
                               kept};
        if (table_->post(self(), shard, task) == PLEXUS_OK) return true;
        delete kept;
        return false;
    }

  private:
    const plexus_loop* table_ = nullptr;
};

/// A timer of the shard where it is made and destroyed. `fired` may arm, disarm and destroy it. [shard]
class timer {
  public:
    timer(loop_ref loop, std::function<void()> fired) : loop_(loop), fired_(std::move(fired)) {
        const plexus_task task{[](void* context) {
                                   auto run = static_cast<timer*>(context)->fired_; // outlives the timer
                                   run();
                               },
                               this};
        if (loop_.table()->timer_create(loop_.self(), task, &handle_) != PLEXUS_OK) throw std::bad_alloc();
    }
    timer(const timer&) = delete;
    timer& operator=(const timer&) = delete;
    ~timer() { loop_.table()->timer_destroy(loop_.self(), handle_); }

    /// Fires once, after `delay`; arming again replaces.
    void arm(std::chrono::nanoseconds delay) {
        const auto count = delay.count();
        loop_.table()->timer_arm(loop_.self(), handle_, count < 0 ? 0 : static_cast<std::uint64_t>(count));
    }
    void disarm() { loop_.table()->timer_disarm(loop_.self(), handle_); }

  private:
    loop_ref loop_;
    std::function<void()> fired_;
    plexus_timer* handle_ = nullptr;
};

/// Readiness of a non-blocking descriptor, which stays its owner's. [shard]
class watch {
  public:
    watch(loop_ref loop, int descriptor, std::function<void(std::uint32_t events)> ready)
        : loop_(loop), ready_(std::move(ready)) {
        const auto call = [](void* context, std::uint32_t events) {
            auto run = static_cast<watch*>(context)->ready_; // outlives the watch
            run(events);
        };
        if (loop_.table()->watch_create(loop_.self(), descriptor, call, this, &handle_) != PLEXUS_OK)
            throw std::bad_alloc();
    }
    watch(const watch&) = delete;
    watch& operator=(const watch&) = delete;
    ~watch() { loop_.table()->watch_destroy(loop_.self(), handle_); }

    /// PLEXUS_READABLE, PLEXUS_WRITABLE, both, or 0.
    void interest(std::uint32_t events) { loop_.table()->watch_interest(loop_.self(), handle_, events); }

  private:
    loop_ref loop_;
    std::function<void(std::uint32_t)> ready_;
    plexus_watch* handle_ = nullptr;
};

/// A named thread for what blocks. Made and destroyed by the loader or a shard; its destructor waits.
class worker {
  public:
    worker(loop_ref loop, const char* name) : loop_(loop) {
        if (loop_.table()->worker_create(loop_.self(), name, &handle_) != PLEXUS_OK) throw std::bad_alloc();
    }
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;
    ~worker() { loop_.table()->worker_destroy(loop_.self(), handle_); }

    /// Runs `work` there, then `done` on the submitting shard. [any-thread]
    template <typename Work, typename Done>
    bool submit(Work work, Done done) {
        struct job {
            Work work;
            Done done;
        };
        auto* kept = new job{std::move(work), std::move(done)};
        const plexus_task first{[](void* context) { static_cast<job*>(context)->work(); }, kept};
        const plexus_task then{[](void* context) {
                                   std::unique_ptr<job> mine(static_cast<job*>(context));
                                   mine->done();
                               },
                               kept};
        if (loop_.table()->worker_submit(loop_.self(), handle_, first, then) == PLEXUS_OK) return true;
        delete kept;
        return false;
    }

  private:
    loop_ref loop_;
    plexus_worker* handle_ = nullptr;
};

} // namespace plexus
