// The loop on Boost.Asio: one io_context and one thread a shard. Used by make_asio_loop alone.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include "lookup_pool.hpp"
#include "plexus/kernel/loop_backend.hpp"

namespace plexus::kernel {

class asio_loop;
class shard_timer;
class shard_watch;

/// What a shard does right now, for the watchdog: odd while a callback runs.
struct shard_pulse {
    std::atomic<std::uint64_t> beat{0};
    std::atomic<activity*> current{nullptr};
};

/// Marks a callback of `owner` on the calling shard.
class callback_scope {
  public:
    callback_scope(shard_pulse& pulse, activity* owner) : pulse_(pulse) {
        pulse_.current.store(owner, std::memory_order_relaxed);
        pulse_.beat.store(pulse_.beat.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }
    ~callback_scope() {
        pulse_.beat.store(pulse_.beat.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }
    callback_scope(const callback_scope&) = delete;
    callback_scope& operator=(const callback_scope&) = delete;

  private:
    shard_pulse& pulse_;
};

struct timer_entry {
    std::uint64_t deadline; ///< of the monotonic clock, ns
    std::uint64_t arming;   ///< counts; orders equal deadlines
    shard_timer* timer;

    bool operator<(const timer_entry& other) const noexcept {
        return deadline != other.deadline ? deadline < other.deadline : arming < other.arming;
    }
};
using timer_queue = std::set<timer_entry>;

/// One event loop. Timers share one Asio timer; watches share one epoll set of their own, level-triggered,
/// which Asio watches as a whole: a descriptor that stays interested costs no system call of its own.
class shard {
  public:
    shard(asio_loop& loop, std::uint32_t index);
    ~shard();
    shard(const shard&) = delete;
    shard& operator=(const shard&) = delete;

    void start();
    void request_end();
    void join();

    void schedule();
    void fire_timers();
    void await_watches();
    void dispatch_watches();

    asio_loop& loop;
    const std::uint32_t index;
    boost::asio::io_context context{1};
    shard_pulse pulse;

    timer_queue timers;
    std::uint64_t armings = 0;
    boost::asio::steady_timer wake;
    std::uint64_t wake_at = UINT64_MAX;

    boost::asio::posix::stream_descriptor epoll;
    std::vector<shard_watch*> watches; ///< by slot; null: free
    std::vector<std::uint32_t> free_slots;
    std::uint32_t watch_generation = 0;

  private:
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    std::thread thread_;
};

class asio_loop final : public loop_backend {
  public:
    explicit asio_loop(asio_loop_options options);
    ~asio_loop() override;

    void start() override;
    void stop() override;
    void post_loader(std::function<void()> step) override;
    void run_loader(const std::function<bool()>& done) override;
    bool on_loader() const noexcept override { return std::this_thread::get_id() == loader_; }

    std::uint32_t shard_count() const noexcept override { return static_cast<std::uint32_t>(shards_.size()); }
    std::int32_t current_shard() const noexcept override;
    std::unique_ptr<loop_timer> make_timer(const task& fired) override;
    result<std::unique_ptr<loop_watch>> make_watch(int descriptor,
                                                   void (*ready)(void* context, std::uint32_t events),
                                                   void* context, activity* owner) override;
    std::unique_ptr<loop_worker> make_worker(const std::string& name, activity* owner) override;
    void lookup(const std::string& host, std::uint32_t port, activity* owner,
                std::function<void(const lookup_result&)> done) override;
    std::uint64_t monotonic_ns() const noexcept override;
    std::int64_t wall_ns() const noexcept override;
    void fill_random(bytes_span out) override;
    bool threads() const noexcept override { return true; }

    /// For workers: `counted` was counted when it was submitted.
    void post_counted(std::uint32_t shard, const task& counted);
    using loop_backend::drop_posted;
    using loop_backend::run_fired;
    using loop_backend::run_posted;

  protected:
    bool do_post(std::uint32_t shard, const task& posted) override;

  private:
    void watch_for_stalls();
    shard& here();

    asio_loop_options options_;
    const std::thread::id loader_;
    std::vector<std::unique_ptr<shard>> shards_;
    std::atomic<bool> running_{false};
    lookup_pool lookups_;

    std::mutex loader_mutex_;
    std::condition_variable loader_wake_;
    std::deque<std::function<void()>> loader_steps_;

    std::mutex watchdog_mutex_;
    std::condition_variable watchdog_wake_;
    bool watchdog_ends_ = false;
    std::thread watchdog_;
};

} // namespace plexus::kernel
