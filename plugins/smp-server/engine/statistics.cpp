#include "statistics.hpp"

#include "plexus/encoding/reader.hpp"
#include "plexus/encoding/writer.hpp"

#include <cmath>

namespace plexus::smp_server {
namespace {
constexpr std::uint8_t form = 1;
}

std::uint64_t distinct_ids::estimate() const noexcept {
    const auto count = static_cast<double>(registers);
    const double bias = 0.7213 / (1 + 1.079 / count);
    double sum = 0;
    std::size_t zeros = 0;
    for (const auto each : registers_) {
        sum += std::ldexp(1.0, -static_cast<int>(each));
        if (each == 0) ++zeros;
    }
    const double raw_estimate = bias * count * count / sum;
    const bool few = raw_estimate <= 2.5 * count && zeros != 0;
    const double best = few ? count * std::log(count / static_cast<double>(zeros)) : raw_estimate;
    return static_cast<std::uint64_t>(std::llround(best));
}

void statistics::merge(const statistics& other) noexcept {
    for (std::size_t i = 0; i < count_of_counts; ++i) counts[i] += other.counts[i];
    for (std::size_t i = 0; i < count_of_periods; ++i) {
        active[i].merge(other.active[i]);
        active_notified[i].merge(other.active_notified[i]);
    }
}

bytes encode(statistics& value, bool clean, std::int64_t from) {
    bytes out;
    encoding::writer writer(out);
    writer.u8(form);
    writer.u8(clean ? 1 : 0);
    writer.u64(static_cast<std::uint64_t>(from));
    writer.u16(static_cast<std::uint16_t>(count_of_counts));
    for (const auto each : value.counts) writer.u64(each);
    for (auto* list : {&value.active, &value.active_notified})
        for (auto& each : *list) out.insert(out.end(), each.raw().begin(), each.raw().end());
    return out;
}

std::optional<kept_statistics> decode_statistics(bytes_view data) {
    encoding::reader in(data);
    kept_statistics out;
    if (in.u8() != form) return std::nullopt;
    out.clean = in.u8() == 1;
    out.from = static_cast<std::int64_t>(in.u64());
    const std::size_t count = in.u16();
    out.clean = out.clean && count >= count_of_counts; // what is new was not counted
    for (std::size_t i = 0; i < count && in.ok(); ++i) {
        const auto value = in.u64();
        if (i < count_of_counts) out.value.counts[i] = value;
    }
    for (auto* list : {&out.value.active, &out.value.active_notified})
        for (auto& each : *list) {
            const auto from = in.take(distinct_ids::registers);
            if (in.ok()) std::copy(from.begin(), from.end(), each.raw().begin());
        }
    if (!in.ok()) return std::nullopt;
    return out;
}

} // namespace plexus::smp_server
