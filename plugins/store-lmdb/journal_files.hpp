// The segments that a journal has left in its folder: found, put in order, and read record by record. Used at
// the opening of a store, and by a backup beside the program that writes them.
#pragma once

#include "journal_format.hpp"
#include "segment.hpp"

#include "plexus/result.hpp"

#include <functional>
#include <memory>

namespace plexus::store_lmdb {

struct left_segment {
    std::shared_ptr<segment> file;
    std::optional<journal_format::head> head; ///< none: it holds nothing
};
/// In the order of their records.
result<std::vector<left_segment>> find_segments(const std::filesystem::path& folder);

/// The path of a segment by its number, from 1.
std::filesystem::path segment_path(const std::filesystem::path& folder, std::uint64_t number);
/// The greatest number that a segment in the folder has, or 0.
std::uint64_t last_segment_number(std::span<const left_segment> segments);

struct replayed {
    std::uint64_t last = 0;    ///< of the records that were given
    std::uint64_t highest = 0; ///< number of any record that is there, also of one that does not count
    bool gap = false;          ///< records are missing in front of some that are there
};
/// Gives each record behind `applied` (nothing: all that are there), in order, up to the first gap.
result<replayed> replay(
    std::span<const left_segment> segments, std::optional<std::uint64_t> applied,
    const std::function<result<void>(const journal_format::record&, const std::shared_ptr<segment>&)>& each);

} // namespace plexus::store_lmdb
