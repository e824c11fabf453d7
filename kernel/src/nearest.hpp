// The known word that a mistyped one is most like. Used by every "did you mean".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace plexus::kernel {

/// Insertions, deletions, replacements and swaps of neighbours that turn one into the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// " (did you mean 'port'?)", or nothing if no word is near.
std::string did_you_mean(std::string_view typed, const std::vector<std::string>& known);

} // namespace plexus::kernel
