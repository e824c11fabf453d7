// What keeps one client's misbehaviour from being another's: budgets that fill up again with time, memory
// under its ceiling, a clock that jumps, warnings once a minute. The server and its connections use them.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace plexus::smp_server {

/// What a warning is about.
enum class log_kind : std::uint8_t {
    destination,
    slow_client,
    refusals,
    no_hello,
    memory,
    clock,
    service,
    count
};

/// One line a kind and minute. [any-thread]
class log_limiter {
  public:
    /// True if one may be written now; `silent` is how many were not since the last.
    bool may_say(log_kind kind, std::chrono::nanoseconds now, std::uint64_t& silent) noexcept;

  private:
    struct state {
        std::atomic<std::int64_t> next{INT64_MIN}; ///< monotonic, nanoseconds
        std::atomic<std::uint64_t> silent{0};
    };
    std::array<state, static_cast<std::size_t>(log_kind::count)> kinds_;
};

/// Something of which there is so much a second; a second's worth is there at the beginning.
class budget {
  public:
    explicit budget(std::size_t a_second) noexcept : most_(a_second), left_(a_second) {}

    std::size_t left() const noexcept { return left_; }
    void spend(std::size_t count) noexcept { left_ -= std::min(left_, count); }
    void refill(std::chrono::nanoseconds now) noexcept;

  private:
    std::size_t most_;
    std::size_t left_;
    std::optional<std::chrono::nanoseconds> filled_;
};

/// The wall clock, for deciding what is too old. When it jumps forward, that counts only after it has stood
/// for a day: a clock that was set wrongly for a while drops nobody's messages.
class expiry_clock {
  public:
    /// Unix time. `jumped` is true once for each jump.
    std::int64_t seconds(std::int64_t wall, std::chrono::nanoseconds monotonic, bool& jumped) noexcept;

  private:
    std::optional<std::int64_t> base_;
    std::chrono::nanoseconds base_at_{};
    std::optional<std::chrono::nanoseconds> jumped_at_;
};

/// How short memory is, and what is given up for it, each with what stands before it.
enum class pressure : std::uint8_t {
    none,
    caches,    ///< from 80 % of the ceiling: queues in memory that nobody uses
    newcomers, ///< from 90 %: new clients, new requests of the proxy, its sessions that nobody waits for
    clients,   ///< from the ceiling on: connected clients, those first that take least of what they are sent
};
/// `limit` 0: none.
pressure pressure_of(std::size_t used, std::size_t limit) noexcept;
/// Memory of the process's own, without pages of files, in bytes. Zeros if the system does not say.
struct memory_now {
    std::size_t resident = 0;
    std::size_t in_use = 0;          ///< of the heap: what is not given back of it is free memory
    std::chrono::nanoseconds cpu{0}; ///< CPU time of all threads so far
};
memory_now own_memory();

/// When to give freed memory back, which the allocator keeps, scattered as it is after a peak: soon when the
/// process has little to do, since it takes some milliseconds.
class heap_watch {
  public:
    /// Once a second. True: trim the heap, then call `trimmed`.
    bool due(const memory_now& now, std::chrono::nanoseconds time) noexcept;
    void trimmed(const memory_now& now, std::chrono::nanoseconds time) noexcept;

  private:
    std::size_t least_free_ = SIZE_MAX; ///< what trimming leaves: gaps within pages, stacks
    std::optional<std::chrono::nanoseconds> trimmed_at_;
    std::chrono::nanoseconds last_cpu_{0};
    int calm_ = 0;          ///< seconds in a row with next to nothing to do
    bool was_busy_ = false; ///< since it was last trimmed in calm
};
/// Gives freed memory back to the system.
void trim_heap();

} // namespace plexus::smp_server
