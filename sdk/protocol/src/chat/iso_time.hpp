// Times as they stand in JSON: ISO 8601 with any offset in, UTC with 0, 3, 6, 9 or 12 digits of the fraction
// out.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace plexus::chat {

/// "2025-07-01T12:20:30.5+02:00" gives "2025-07-01T10:20:30.500Z".
std::optional<std::string> normal_time(std::string_view text);

} // namespace plexus::chat
