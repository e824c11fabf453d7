// Byte strings as every layer of Plexus passes them: views for input, vectors for output.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace plexus {

using bytes = std::vector<std::uint8_t>;
using bytes_view = std::span<const std::uint8_t>;
using bytes_span = std::span<std::uint8_t>;

inline bytes_view as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(bytes_view data) noexcept {
    return {reinterpret_cast<const char*>(data.data()), data.size()};
}
inline bytes to_bytes(bytes_view data) { return {data.begin(), data.end()}; }
inline bytes to_bytes(std::string_view text) { return to_bytes(as_bytes(text)); }
inline std::string to_string(bytes_view data) { return std::string(as_text(data)); }

/// One byte string made of several, in order.
inline bytes concat(std::initializer_list<bytes_view> parts) {
    std::size_t size = 0;
    for (const auto& part : parts) size += part.size();
    bytes out;
    out.reserve(size);
    for (const auto& part : parts) out.insert(out.end(), part.begin(), part.end());
    return out;
}

/// Equality of public data; secrets are compared with secret_equal (plexus/secret.hpp).
inline bool equal(bytes_view a, bytes_view b) noexcept {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

} // namespace plexus
