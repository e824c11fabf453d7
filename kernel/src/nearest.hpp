// How far a mistyped word is from a known one. Used by did_you_mean (plexus/kernel/command.hpp).
#pragma once

#include <cstddef>
#include <string_view>

#include "plexus/kernel/command.hpp"

namespace plexus::kernel {

/// Insertions, deletions, replacements and swaps of neighbours that turn one into the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

} // namespace plexus::kernel
