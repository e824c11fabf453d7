#include "zstd_frame.hpp"

#include <zstd.h>

#include <memory>
#include <new>
#include <string>

namespace plexus::chat {
namespace {

constexpr int window_log_limit = 20; // 1 MiB of window for a peer's frame

} // namespace

result<bytes> decompress(bytes_view frame, std::size_t limit) {
    const std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream(ZSTD_createDStream(),
                                                                            &ZSTD_freeDStream);
    if (!stream) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(stream.get(), ZSTD_d_windowLogMax, window_log_limit);
    bytes out;
    ZSTD_inBuffer in{frame.data(), frame.size(), 0};
    for (;;) {
        const auto used = out.size();
        const auto room = std::min(limit + 1 - used, std::max<std::size_t>(4096, used));
        out.resize(used + room);
        ZSTD_outBuffer target{out.data() + used, room, 0};
        const auto left = ZSTD_decompressStream(stream.get(), &target, &in);
        if (ZSTD_isError(left))
            return make_error(chat_error::compression,
                              std::string("not a zstd frame: ") + ZSTD_getErrorName(left));
        out.resize(used + target.pos);
        if (out.size() > limit)
            return make_error(chat_error::compression,
                              "more than " + std::to_string(limit) + " bytes when decompressed");
        if (left == 0) break;
        if (target.pos < target.size && in.pos == in.size)
            return make_error(chat_error::compression, "a zstd frame that ends early");
    }
    if (in.pos != in.size) return make_error(chat_error::compression, "bytes after a zstd frame");
    return out;
}

bytes compress(bytes_view data) {
    constexpr int level = 3;
    bytes out(ZSTD_compressBound(data.size()));
    const auto size = ZSTD_compress(out.data(), out.size(), data.data(), data.size(), level);
    if (ZSTD_isError(size)) throw std::bad_alloc();
    out.resize(size);
    return out;
}

} // namespace plexus::chat
