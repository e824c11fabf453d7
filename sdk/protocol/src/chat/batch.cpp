#include "batch.hpp"

#include "plexus/chat/message.hpp"
#include "plexus/encoding/reader.hpp"
#include "zstd_frame.hpp"

namespace plexus::chat {

result<std::vector<result<bytes>>> decompress_batch(bytes_view list) {
    encoding::reader in(list);
    const auto count = in.non_empty_count();
    std::size_t left = max_decompressed_length;
    std::vector<result<bytes>> out;
    for (std::size_t i = 0; i < count && in.ok(); ++i) {
        if (in.accept("0")) {
            out.emplace_back(to_bytes(in.short_bytes()));
        } else {
            in.expect("1");
            const auto frame = in.large_bytes();
            if (in.ok()) out.push_back(decompress(frame, left));
        }
        if (!out.empty() && out.back()) left -= std::min(left, out.back()->size());
    }
    if (!in.done()) return make_error(chat_error::compression, "not a list of compressed items");
    return out;
}

} // namespace plexus::chat
