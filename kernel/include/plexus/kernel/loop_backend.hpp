// The seam under the kernel's services of time, threads, chance and names. Two implementations stand on it:
// Boost.Asio with one thread a shard (make_asio_loop), and the simulation, where the shards and workers of
// several kernels are tasks of one thread in virtual time, in an order that follows from a seed.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plexus/abi/base.h"
#include "plexus/abi/host.h"
#include "plexus/bytes.hpp"
#include "plexus/kernel/export.hpp"
#include "plexus/result.hpp"

namespace plexus::kernel {

/// What an instance of a plugin has under way in the loop: for the drain check after stop, and for the
/// watchdog, which names the instance whose callback blocks a shard. Outlives the loop.
struct activity {
    explicit activity(std::string instance) : name(std::move(instance)) {}

    const std::string name;
    std::atomic<std::uint32_t> tasks{0};   ///< posted or submitted, and not yet run
    std::atomic<std::uint32_t> timers{0};  ///< made and not destroyed
    std::atomic<std::uint32_t> watches{0}; ///< made and not destroyed
    std::atomic<std::uint32_t> workers{0}; ///< made and not destroyed
    std::atomic<std::uint32_t> lookups{0}; ///< name resolutions without a completion so far
    std::atomic<bool> ended{false};        ///< destroyed: its callbacks are dropped, not run
};

/// A callback and whose it is (never null).
struct task {
    void (*run)(void* context);
    void* context;
    activity* owner;
};

/// Of one shard, used and destroyed there alone. `fired` runs once for each arming, never inside a call,
/// never after disarm or the destructor returned.
class PLEXUS_KERNEL_API loop_timer {
  public:
    virtual ~loop_timer() = default;
    virtual void arm(std::uint64_t delay_ns) = 0; ///< arming again replaces
    virtual void disarm() = 0;
};

/// Level-triggered readiness of a descriptor (plexus_loop in plexus/abi/host.h). Of one shard.
class PLEXUS_KERNEL_API loop_watch {
  public:
    virtual ~loop_watch() = default;
    virtual void interest(std::uint32_t events) = 0;
};

/// Runs tasks in the order of submission. The destructor [loader] finishes what was submitted.
class PLEXUS_KERNEL_API loop_worker {
  public:
    virtual ~loop_worker() = default;

    /// After `work`, `done` (if its run is set) is posted to the submitting shard, or runs on the worker if
    /// submitted outside shards. [any-thread]
    void submit(task work, task done) {
        work.owner->tasks.fetch_add(1, std::memory_order_relaxed);
        if (done.run != nullptr) done.owner->tasks.fetch_add(1, std::memory_order_relaxed);
        do_submit(work, done);
    }

  protected:
    /// Ends in run_posted (or drop_posted) for each of the two.
    virtual void do_submit(const task& work, const task& done) = 0;
};

struct lookup_result {
    std::int32_t status = PLEXUS_OK; ///< PLEXUS_E_*
    std::string message;             ///< the reason, if status is not OK
    std::vector<plexus_address> addresses;
};

class PLEXUS_KERNEL_API loop_backend {
  public:
    virtual ~loop_backend() = default;

    // ---- life, all [loader]

    /// Shards begin to run. Called once, before any instance is initialised.
    virtual void start() = 0;
    /// Shards run what is queued and end; later posts are dropped. Called once, after every instance stopped.
    virtual void stop() = 0;

    /// Runs `step` on the loader, after what was queued there before. [any-thread]
    virtual void post_loader(std::function<void()> step) = 0;
    /// On the loader: runs its steps (in the simulation: everything) until `done` is true; asked after each.
    virtual void run_loader(const std::function<bool()>& done) = 0;
    /// True on the thread (in the simulation: in a task) that may load, start and stop. [any-thread]
    virtual bool on_loader() const noexcept = 0;

    // ---- shards

    virtual std::uint32_t shard_count() const noexcept = 0;
    virtual std::int32_t current_shard() const noexcept = 0; ///< -1 outside this loop's shards

    /// False: the shard no longer runs and the task was dropped. [any-thread]
    bool post(std::uint32_t shard, const task& posted) {
        posted.owner->tasks.fetch_add(1, std::memory_order_relaxed);
        if (do_post(shard, posted)) return true;
        posted.owner->tasks.fetch_sub(1, std::memory_order_relaxed);
        return false;
    }

    /// Of the calling shard.
    virtual std::unique_ptr<loop_timer> make_timer(const task& fired) = 0;
    /// Of the calling shard. Fails for what cannot be watched (a regular file), in the simulation always.
    virtual result<std::unique_ptr<loop_watch>> make_watch(int descriptor,
                                                           void (*ready)(void* context, std::uint32_t events),
                                                           void* context, activity* owner) = 0;
    /// [loader] or a shard
    virtual std::unique_ptr<loop_worker> make_worker(const std::string& name, activity* owner) = 0;

    /// Resolves a name that is not numeric; `done` runs on the calling shard, as a callback of `owner`, never
    /// inside the call. It is dropped if the loop stops first. [shard]
    virtual void lookup(const std::string& host, std::uint32_t port, activity* owner,
                        std::function<void(const lookup_result&)> done) = 0;

    // ---- time and chance [any-thread]

    virtual std::uint64_t monotonic_ns() const noexcept = 0;
    virtual std::int64_t wall_ns() const noexcept = 0;
    virtual void fill_random(bytes_span out) = 0;

    /// A service of the loop's own, given to instances beside the kernel's (the simulation's network), or
    /// null. It lives as long as the loop. [loader]
    virtual const plexus_service* service([[maybe_unused]] std::string_view id,
                                          [[maybe_unused]] activity& owner) {
        return nullptr;
    }

    // ---- threads of the kernel's own

    /// True if the kernel may run threads beside the loop (the writer of the log).
    virtual bool threads() const noexcept = 0;

  protected:
    /// Ends in run_posted (or drop_posted), unless it answers false.
    virtual bool do_post(std::uint32_t shard, const task& posted) = 0;

    /// What an implementation calls for a task that was posted or submitted ...
    static void run_posted(const task& posted) {
        posted.owner->tasks.fetch_sub(1, std::memory_order_relaxed);
        run_fired(posted);
    }
    static void drop_posted(const task& posted) {
        posted.owner->tasks.fetch_sub(1, std::memory_order_relaxed);
    }
    /// ... and for a timer.
    static void run_fired(const task& fired) {
        if (!fired.owner->ended.load(std::memory_order_relaxed)) fired.run(fired.context);
    }
    friend class loop_worker;
};

/// Called by the watchdog, on its own thread, once for each callback that runs longer than the limit.
using stall_report = std::function<void(std::uint32_t shard, const std::string& instance)>;

struct asio_loop_options {
    std::uint32_t shards = 0;      ///< 0: one a core
    std::uint64_t watchdog_ns = 0; ///< 0: no watchdog
    stall_report stalled;
};

PLEXUS_KERNEL_API std::unique_ptr<loop_backend> make_asio_loop(asio_loop_options options);

} // namespace plexus::kernel
