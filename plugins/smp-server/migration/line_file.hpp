// A text file read line by line, whatever its size. Used by the import.
#pragma once

#include "plexus/result.hpp"

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>

namespace plexus::smp_server {

class line_file {
  public:
    /// The bytes from `from` to before `to`.
    static result<line_file> open(const std::filesystem::path& path, std::uint64_t from = 0,
                                  std::uint64_t to = std::numeric_limits<std::uint64_t>::max());
    line_file(line_file&& other) noexcept;
    line_file& operator=(line_file&&) = delete;
    ~line_file();

    /// The next line, lent until the next call; nothing at the end. Of a line that is too long only the
    /// end comes.
    result<bool> next(std::string_view& line);
    std::uint64_t number() const noexcept { return number_; } ///< of that line, from 1
    bool too_long() const noexcept { return too_long_; }
    const std::filesystem::path& path() const noexcept { return path_; }

  private:
    line_file(std::filesystem::path path, int file, std::uint64_t left)
        : path_(std::move(path)), file_(file), left_(left) {}
    result<bool> fill();

    std::filesystem::path path_;
    int file_;
    std::uint64_t left_;
    std::string buffer_;
    std::size_t at_ = 0;
    std::uint64_t number_ = 0;
    bool too_long_ = false;
};

} // namespace plexus::smp_server
