// Version ranges as every SimpleX handshake, link and envelope carries them.
#pragma once

#include "plexus/encoding/reader.hpp"
#include "plexus/encoding/writer.hpp"

#include <string>

namespace plexus::encoding {

struct version_range {
    std::uint16_t min = 0;
    std::uint16_t max = 0;

    bool contains(std::uint16_t version) const noexcept { return min <= version && version <= max; }
    /// The versions both know; nothing if there are none.
    std::optional<version_range> intersect(version_range other) const noexcept;
    /// The highest version both know.
    std::optional<std::uint16_t> agree(version_range other) const noexcept;

    friend bool operator==(const version_range&, const version_range&) = default;
};

/// Two numbers of 2 bytes; a range whose least is above its most fails the reader.
version_range read_version_range(reader& in) noexcept;
void write(writer& out, version_range range);
/// "6-17", or "6" where both are the same.
std::string to_text(version_range range);
std::optional<version_range> parse_version_range(std::string_view text) noexcept;

} // namespace plexus::encoding
