#include "plexus/smp/block.hpp"

#include "plexus/encoding/padding.hpp"

#include <stdexcept>

namespace plexus::smp {

block_cipher block_cipher::for_server(bytes_view session_id, const secret_array<32>& secret) {
    auto chains = crypto::init_sb_chains(session_id, secret);
    block_cipher out;
    out.send_ = chains.server_send;
    out.receive_ = chains.server_receive;
    out.encrypts_ = true;
    return out;
}

block_cipher block_cipher::for_client(bytes_view session_id, const secret_array<32>& secret) {
    auto out = for_server(session_id, secret);
    std::swap(out.send_, out.receive_);
    return out;
}

result<bytes_view> block_cipher::open(block_span block) {
    bytes_view padded = block;
    if (encrypts_) {
        const auto link = receive_.next();
        if (!crypto::open_in_place(crypto::box_key(link.key), link.n, block))
            return make_error(failure::block, "a block does not decrypt");
        padded = padded.subspan(crypto::box_tag_size);
    }
    const auto content = encoding::unpad(padded);
    if (!content) return make_error(failure::block, "the length inside a block is larger than the block");
    return *content;
}

void block_cipher::seal(block_span block, std::size_t content_size) {
    if (content_size > max_block_content) throw std::length_error("a block's content is too large");
    const auto padded = bytes_span(block).subspan(encrypts_ ? crypto::box_tag_size : 0);
    encoding::pad_in_place(padded, content_size);
    if (!encrypts_) return;
    const auto link = send_.next();
    crypto::seal_in_place(crypto::box_key(link.key), link.n, block);
}

void block_cipher::seal(block_span block, bytes_view content) {
    if (content.size() > max_block_content) throw std::length_error("a block's content is too large");
    std::copy(content.begin(), content.end(), block.begin() + static_cast<std::ptrdiff_t>(content_offset()));
    seal(block, content.size());
}

bool block_builder::append(bytes_view transmission) noexcept {
    const auto room = reserve(transmission.size());
    if (room.data() == nullptr) return false;
    std::copy(transmission.begin(), transmission.end(), room.begin());
    return true;
}

bytes_span block_builder::reserve(std::size_t size) noexcept {
    if (count_ == max_batch_count || size + 2 > max_batch_size - (size_ - 1)) return {};
    const auto at = begin_ + size_;
    block_[at] = static_cast<std::uint8_t>(size >> 8);
    block_[at + 1] = static_cast<std::uint8_t>(size);
    size_ += size + 2;
    ++count_;
    return bytes_span(block_).subspan(at + 2, size);
}

void block_builder::seal(block_cipher& cipher) {
    block_[begin_] = static_cast<std::uint8_t>(count_);
    cipher.seal(block_, size_);
}

} // namespace plexus::smp
