// One zstd frame in, at most a given number of bytes out.
#pragma once

#include "plexus/bytes.hpp"
#include "plexus/chat/errors.hpp"

namespace plexus::chat {

/// Memory is taken for what comes out, not for what the frame promises.
result<bytes> decompress(bytes_view frame, std::size_t limit);
bytes compress(bytes_view data);

} // namespace plexus::chat
