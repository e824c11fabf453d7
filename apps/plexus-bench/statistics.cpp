#include "statistics.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace plexus::bench {

std::size_t latency_histogram::bucket_of(std::uint64_t value) noexcept {
    constexpr std::uint64_t linear = std::uint64_t{1} << sub_bits;
    if (value < linear) return static_cast<std::size_t>(value);
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - sub_bits;
    const auto sub = (value >> shift) - linear;
    return std::min<std::size_t>(((shift + 1) << sub_bits) + static_cast<std::size_t>(sub), buckets - 1);
}

std::uint64_t latency_histogram::upper_bound(std::size_t bucket) noexcept {
    constexpr std::uint64_t linear = std::uint64_t{1} << sub_bits;
    if (bucket < linear) return bucket;
    const auto shift = (bucket >> sub_bits) - 1;
    const auto sub = (bucket & (linear - 1)) + linear;
    return ((sub + 1) << shift) - 1;
}

void latency_histogram::add(std::chrono::nanoseconds took) noexcept {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0));
    ++counts_[bucket_of(value)];
    ++count_;
    longest_ = std::max(longest_, took);
}

std::chrono::nanoseconds latency_histogram::quantile(double part) const noexcept {
    if (count_ == 0) return std::chrono::nanoseconds(0);
    const auto wanted =
        std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(part * static_cast<double>(count_))));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
        seen += counts_[i];
        if (seen >= wanted)
            return std::min(longest_, std::chrono::nanoseconds(static_cast<std::int64_t>(upper_bound(i))));
    }
    return longest_;
}

double median(std::vector<double> values) {
    if (values.empty()) return 0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

} // namespace plexus::bench
