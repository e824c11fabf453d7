// Reads an LMDB data file before LMDB does: it has no checksums and trusts what it maps, so damage is looked
// for here, page by page from the roots, and told as an error instead of a crash.
#pragma once

#include "plexus/result.hpp"

#include <cstdint>
#include <filesystem>

namespace plexus::store_lmdb {

/// Pages of a quick check: all of a small store, the upper levels of a large one.
inline constexpr std::uint64_t quick_pages = 4096;

/// The file's size, 0 if it is not there; `corrupt` names the page and what is wrong with it. At most
/// `pages_most` pages are read beside the heads and the list of free pages (0: all of them).
result<std::uint64_t> verify_file(const std::filesystem::path& file, std::uint64_t pages_most);

} // namespace plexus::store_lmdb
