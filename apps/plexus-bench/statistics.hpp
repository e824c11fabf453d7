// Numbers made of many: latencies in buckets of a fixed size, and the median of a few runs. Every workload
// reports with these.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

namespace plexus::bench {

/// Durations from 1 ns to hours in buckets that are at most 1/64 wide: no allocation, constant time.
class latency_histogram {
  public:
    void add(std::chrono::nanoseconds took) noexcept;
    void clear() noexcept { *this = {}; }

    std::uint64_t count() const noexcept { return count_; }
    std::chrono::nanoseconds longest() const noexcept { return longest_; }
    /// The duration that `part` (0 to 1) of all do not exceed, at most 1/64 too long; 0 of none.
    std::chrono::nanoseconds quantile(double part) const noexcept;

  private:
    static constexpr unsigned sub_bits = 6;
    static constexpr std::size_t buckets = (44 - sub_bits + 1) << sub_bits; // up to 2^44 ns, 4.9 h

    static std::size_t bucket_of(std::uint64_t value) noexcept;
    static std::uint64_t upper_bound(std::size_t bucket) noexcept;

    std::array<std::uint32_t, buckets> counts_{};
    std::uint64_t count_ = 0;
    std::chrono::nanoseconds longest_{0};
};

/// Of an even number the lower of the two in the middle; 0 of none.
double median(std::vector<double> values);

} // namespace plexus::bench
