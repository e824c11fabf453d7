#include "limits.hpp"

#include <malloc.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

namespace plexus::smp_server {
namespace {

constexpr std::chrono::nanoseconds between_lines = std::chrono::minutes(1);
/// Clocks are set by this much without being called wrong.
constexpr std::int64_t small_jump = 600; // seconds
constexpr std::chrono::nanoseconds jump_stands = std::chrono::hours(24);

} // namespace

bool log_limiter::may_say(log_kind kind, std::chrono::nanoseconds now, std::uint64_t& silent) noexcept {
    auto& own = kinds_[static_cast<std::size_t>(kind)];
    auto next = own.next.load();
    if (now.count() < next || !own.next.compare_exchange_strong(next, (now + between_lines).count())) {
        own.silent.fetch_add(1);
        return false;
    }
    silent = own.silent.exchange(0);
    return true;
}

void budget::refill(std::chrono::nanoseconds now) noexcept {
    const auto since = filled_ ? now - *filled_ : std::chrono::nanoseconds(0);
    filled_ = now;
    const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
    const auto more = static_cast<std::size_t>(std::clamp<std::int64_t>(whole, 0, 1'000)) * most_ / 1'000;
    left_ = std::min(most_, left_ + more);
}

std::int64_t expiry_clock::seconds(std::int64_t wall, std::chrono::nanoseconds monotonic,
                                   bool& jumped) noexcept {
    if (!base_) {
        base_ = wall;
        base_at_ = monotonic;
    }
    const auto passed = std::chrono::duration_cast<std::chrono::seconds>(monotonic - base_at_).count();
    const auto expected = *base_ + passed;
    if (wall > expected + small_jump) {
        jumped = !jumped_at_;
        if (!jumped_at_) jumped_at_ = monotonic;
        if (monotonic - *jumped_at_ < jump_stands) return expected;
    }
    jumped_at_.reset();
    base_ = wall;
    base_at_ = monotonic;
    return wall;
}

pressure pressure_of(std::size_t used, std::size_t limit) noexcept {
    if (limit == 0 || used < limit / 10 * 8) return pressure::none;
    if (used < limit / 10 * 9) return pressure::caches;
    return used < limit ? pressure::newcomers : pressure::clients;
}

std::size_t own_memory() {
    std::ifstream status("/proc/self/status");
    constexpr std::string_view field = "RssAnon:";
    for (std::string line; std::getline(status, line);)
        if (line.compare(0, field.size(), field) == 0)
            return std::strtoull(line.c_str() + field.size(), nullptr, 10) * 1'024;
    return 0;
}

void trim_heap() { ::malloc_trim(0); }

} // namespace plexus::smp_server
