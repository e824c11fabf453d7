// The log: one line for each event, as text or JSON, written by a thread of its own so that a slow standard
// error holds back no shard. What does not fit into a bounded queue is counted and reported as lost.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "plexus/abi/host.h"
#include "plexus/result.hpp"

namespace plexus::kernel {

struct log_event {
    std::uint32_t level; ///< PLEXUS_LOG_*
    std::int64_t wall_ns;
    std::string_view instance;
    std::int32_t shard; ///< -1: none
    std::string_view message;
    const plexus_log_field* fields;
    std::uint32_t field_count;
};

/// One line without a newline; what could disturb a terminal or a parser is escaped.
std::string format_text(const log_event& event);
std::string format_json(const log_event& event);

/// Takes lines until its end, when it waits a moment for those still queued.
class line_writer {
  public:
    /// Empty: standard error.
    static result<std::unique_ptr<line_writer>> open(const std::filesystem::path& file);
    ~line_writer();
    line_writer(const line_writer&) = delete;
    line_writer& operator=(const line_writer&) = delete;

    void write(std::string_view line);

  private:
    struct state;
    explicit line_writer(std::shared_ptr<state> shared);
    std::shared_ptr<state> state_;
};

class logger {
  public:
    logger(std::uint32_t level, bool json, std::function<void(std::string_view line)> sink);

    bool enabled(std::uint32_t level) const noexcept {
        return level <= level_.load(std::memory_order_relaxed);
    }
    std::uint32_t level() const noexcept { return level_.load(std::memory_order_relaxed); }
    void set_level(std::uint32_t level) noexcept { level_.store(level, std::memory_order_relaxed); }
    /// [any-thread]
    void write(const log_event& event);

  private:
    std::atomic<std::uint32_t> level_;
    const bool json_;
    const std::function<void(std::string_view)> sink_;
};

} // namespace plexus::kernel
