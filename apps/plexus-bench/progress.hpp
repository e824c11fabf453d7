// One line on a terminal that says how far long work is; nothing where nobody looks.
#pragma once

#include <chrono>
#include <string>

namespace plexus::bench {

class progress {
  public:
    /// Silent unless standard error is a terminal.
    progress();
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;
    ~progress() { clear(); }

    /// "connecting 1,200 of 5,000", at most ten times a second.
    void show(const char* what, std::uint64_t done, std::uint64_t of);
    void clear();

  private:
    bool shown_ = false;
    bool terminal_;
    std::chrono::steady_clock::time_point next_{};
};

} // namespace plexus::bench
