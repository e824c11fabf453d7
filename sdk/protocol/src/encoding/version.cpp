#include "plexus/encoding/version.hpp"

#include "plexus/encoding/text.hpp"

namespace plexus::encoding {

std::optional<version_range> version_range::intersect(version_range other) const noexcept {
    const version_range both{std::max(min, other.min), std::min(max, other.max)};
    if (both.min > both.max) return std::nullopt;
    return both;
}

std::optional<std::uint16_t> version_range::agree(version_range other) const noexcept {
    const auto both = intersect(other);
    if (!both) return std::nullopt;
    return both->max;
}

version_range read_version_range(reader& in) noexcept {
    version_range range;
    range.min = in.u16();
    range.max = in.u16();
    if (range.min > range.max) in.fail();
    return in.ok() ? range : version_range{};
}

void write(writer& out, version_range range) { out.u16(range.min).u16(range.max); }

std::string to_text(version_range range) {
    auto text = std::to_string(range.min);
    if (range.max != range.min) text += '-' + std::to_string(range.max);
    return text;
}

std::optional<version_range> parse_version_range(std::string_view text) noexcept {
    const auto dash = text.find('-');
    const auto least = parse_decimal(text.substr(0, dash), 0xffff);
    const auto most = dash == std::string_view::npos ? least : parse_decimal(text.substr(dash + 1), 0xffff);
    if (!least || !most || *least > *most) return std::nullopt;
    return version_range{static_cast<std::uint16_t>(*least), static_cast<std::uint16_t>(*most)};
}

} // namespace plexus::encoding
