// Small tables between enumerators and the words of the protocol.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace plexus::smp {

template <typename Enum>
struct named {
    Enum value;
    std::string_view name;
};

template <typename Enum, std::size_t N>
std::string_view name_of(const named<Enum> (&names)[N], Enum value) {
    for (const auto& entry : names)
        if (entry.value == value) return entry.name;
    return {};
}

template <typename Enum, std::size_t N>
std::optional<Enum> value_of(const named<Enum> (&names)[N], std::string_view name) {
    for (const auto& entry : names)
        if (entry.name == name) return entry.value;
    return std::nullopt;
}

} // namespace plexus::smp
