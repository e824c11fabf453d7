// Runs a check in a process of its own, so that a plugin that crashes or hangs fails one check. Used by
// plexus-validate.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace plexus::validate {

enum class verdict { passed, failed, skipped };

struct finding {
    verdict outcome = verdict::passed;
    std::string text; ///< why it failed or was skipped
};

/// The finding of `check`, or why its process ended without one. What the process writes to standard output
/// and error is added to the text if it failed.
finding run_in_child(const std::function<finding()>& check, std::chrono::seconds limit);

} // namespace plexus::validate
