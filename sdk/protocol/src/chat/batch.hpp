// Compressed batches ("X"): the parser of messages opens them here.
#pragma once

#include "plexus/bytes.hpp"
#include "plexus/chat/errors.hpp"

#include <vector>

namespace plexus::chat {

/// The items of a batch, each plain or decompressed; together at most max_decompressed_length bytes. An error
/// of one item stands in its place.
result<std::vector<result<bytes>>> decompress_batch(bytes_view list);

} // namespace plexus::chat
