#include "limits.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

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

memory_now own_memory() {
    // Pages: all, resident, and of those the ones of files.
    std::array<char, 128> text{};
    const int file = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (file < 0) return {};
    const auto size = ::read(file, text.data(), text.size() - 1);
    ::close(file);
    if (size <= 0) return {};
    char* next = text.data();
    std::strtoull(next, &next, 10);
    const auto resident = std::strtoull(next, &next, 10);
    const auto of_files = std::strtoull(next, &next, 10);
    const auto heap = ::mallinfo2();
    memory_now out;
    out.resident =
        (resident - std::min(resident, of_files)) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    out.in_use = heap.uordblks + heap.hblkhd;
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    for (const auto& part : {used.ru_utime, used.ru_stime})
        out.cpu += std::chrono::seconds(part.tv_sec) + std::chrono::microseconds(part.tv_usec);
    return out;
}

namespace {

std::size_t free_of(const memory_now& now) noexcept {
    return now.resident - std::min(now.resident, now.in_use);
}

} // namespace

bool heap_watch::due(const memory_now& now, std::chrono::nanoseconds time) noexcept {
    constexpr std::size_t worth = 1 << 20;
    constexpr std::chrono::nanoseconds much_cpu = std::chrono::milliseconds(200); // of a second
    constexpr std::chrono::nanoseconds when_busy = std::chrono::seconds(10);
    constexpr std::chrono::nanoseconds when_not = std::chrono::seconds(2);
    constexpr std::chrono::nanoseconds little_cpu = std::chrono::milliseconds(20);
    constexpr std::size_t worth_when_calm = 128 << 10;
    const auto cpu = now.cpu - std::exchange(last_cpu_, now.cpu);
    const auto between = cpu > much_cpu ? when_busy : when_not;
    least_free_ = std::min(least_free_, free_of(now));
    calm_ = cpu > little_cpu ? 0 : calm_ + 1;
    if (calm_ == 0) {
        was_busy_ = true;
        if (free_of(now) < least_free_ + std::max(worth, now.in_use / 8)) return false;
    } else {
        // What could not go back while there was much to do may be able to now.
        const bool anew = calm_ > 1 && was_busy_ && free_of(now) > worth_when_calm;
        if (!anew && free_of(now) < least_free_ + std::max(worth_when_calm, now.in_use / 64)) return false;
    }
    return !trimmed_at_ || time - *trimmed_at_ >= between;
}

void heap_watch::trimmed(const memory_now& now, std::chrono::nanoseconds time) noexcept {
    least_free_ = free_of(now);
    trimmed_at_ = time;
    if (calm_ > 1) was_busy_ = false;
}

void trim_heap() { ::malloc_trim(0); }

} // namespace plexus::smp_server
