// What an import or an export tells: each thing that is damaged or left out, progress, and counts at the end.
#pragma once

#include "init_command.hpp"

#include <filesystem>
#include <map>

namespace plexus::smp_server {

class report {
  public:
    explicit report(const init_call& call) : call_(call) {}

    /// FILE:LINE: what, to standard error; 0 is no line.
    void damaged(const std::filesystem::path& file, std::uint64_t line, std::string_view what) {
        ++damaged_;
        call_.note(file.string() + (line == 0 ? "" : ":" + std::to_string(line)) + ": " + std::string(what) +
                   "\n");
    }
    void note(std::string_view text) { call_.note(std::string(text) + "\n"); }
    /// Counted, and named at the end.
    void left_out(const std::string& what) { ++left_out_[what]; }
    void progress(const std::filesystem::path& file, std::uint64_t lines) {
        if (lines % 100'000 == 0) note(file.filename().string() + ": " + std::to_string(lines) + " lines");
    }
    bool is_complete() const noexcept { return damaged_ == 0 && left_out_.empty(); }
    std::uint64_t damaged_count() const noexcept { return damaged_; }
    void end() {
        for (const auto& [what, count] : left_out_) note("left out: " + std::to_string(count) + " " + what);
        if (damaged_ > 0)
            note("left out: " + std::to_string(damaged_) + " damaged lines or files, named above");
    }

  private:
    const init_call& call_;
    std::uint64_t damaged_ = 0;
    std::map<std::string, std::uint64_t> left_out_;
};

} // namespace plexus::smp_server
