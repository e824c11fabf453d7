// What keeps one client's misbehaviour from being another's: budgets that fill up again with time, and
// warnings that are given once a minute. The server and its connections use them.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace plexus::smp_server {

/// What a warning is about.
enum class log_kind : std::uint8_t { destination, count };

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

} // namespace plexus::smp_server
