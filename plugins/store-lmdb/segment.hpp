// One file of a journal. Calls give 0 or an errno.
#pragma once

#include "plexus/bytes.hpp"

#include <filesystem>
#include <span>

namespace plexus::store_lmdb {

class segment {
  public:
    explicit segment(std::filesystem::path path) : path_(std::move(path)) {}
    segment(const segment&) = delete;
    segment& operator=(const segment&) = delete;
    ~segment();

    /// Opens it, or makes it new and durably part of its folder.
    int open(bool make);
    const std::filesystem::path& path() const noexcept { return path_; }

    /// Makes the disk's room for the first `size` bytes sure.
    int reserve(std::uint64_t size);
    std::uint64_t reserved() const noexcept { return reserved_; }
    /// Writes the pieces behind one another.
    int write(std::span<const bytes_view> pieces, std::uint64_t at);
    int read(bytes_span out, std::uint64_t at) const;
    int read_all(bytes& out) const;
    int sync() const;
    /// Takes it away from the folder.
    void remove() const;

  private:
    const std::filesystem::path path_;
    int file_ = -1;
    std::uint64_t reserved_ = 0;
};

} // namespace plexus::store_lmdb
