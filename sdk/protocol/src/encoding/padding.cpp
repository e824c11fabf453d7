#include "plexus/encoding/padding.hpp"

#include "plexus/encoding/reader.hpp"
#include "plexus/encoding/writer.hpp"

namespace plexus::encoding {
namespace {
constexpr std::uint8_t filler = '#';
}

bool pad(bytes& out, bytes_view content, std::size_t padded_size) {
    if (!can_pad(content.size(), padded_size)) return false;
    out.reserve(out.size() + padded_size);
    writer(out).large_bytes(content).fill(padded_size - 2 - content.size(), filler);
    return true;
}

bool pad_in_place(bytes_span block, std::size_t content_size) noexcept {
    if (!can_pad(content_size, block.size())) return false;
    block[0] = static_cast<std::uint8_t>(content_size >> 8);
    block[1] = static_cast<std::uint8_t>(content_size);
    const auto rest = block.subspan(2 + content_size);
    std::fill(rest.begin(), rest.end(), filler);
    return true;
}

std::optional<bytes_view> unpad(bytes_view padded) noexcept {
    reader in(padded);
    const auto content = in.large_bytes();
    if (!in.ok()) return std::nullopt;
    return content;
}

bool pad_lazy(bytes& out, bytes_view content, std::uint64_t padded_size) {
    if (padded_size < 8 || content.size() > padded_size - 8) return false;
    writer(out).u64(content.size()).raw(content).fill(padded_size - 8 - content.size(), filler);
    return true;
}

std::optional<bytes_view> unpad_lazy(bytes_view padded) noexcept {
    reader in(padded);
    const auto size = in.u64();
    const auto content = in.take(size);
    if (!in.ok()) return std::nullopt;
    return content;
}

} // namespace plexus::encoding
