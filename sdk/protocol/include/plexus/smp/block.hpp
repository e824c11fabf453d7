// Blocks of 16,384 bytes: padding, and from version 11 encryption with a new key each (simplex-messaging.md,
// Transport encryption). Works in place.
#pragma once

#include "plexus/crypto/box.hpp"
#include "plexus/smp/errors.hpp"
#include "plexus/smp/types.hpp"

namespace plexus::smp {

class block_cipher {
  public:
    /// Pads only: hello blocks, versions below 11, connections of a proxy to a relay.
    block_cipher() = default;
    static block_cipher for_server(bytes_view session_id, const secret_array<32>& secret);
    static block_cipher for_client(bytes_view session_id, const secret_array<32>& secret);

    bool encrypts() const noexcept { return encrypts_; }
    /// Where the content of a block stands when it is sealed.
    std::size_t content_offset() const noexcept { return encrypts_ ? crypto::box_tag_size + 2 : 2; }

    /// Decrypts in place; the content is a view into the block. Error: failure::block; the next block can be
    /// opened all the same.
    result<bytes_view> open(block_span block);
    /// Pads and encrypts a block whose content stands at content_offset(). At most max_block_content bytes,
    /// which is a broken invariant otherwise.
    void seal(block_span block, std::size_t content_size);
    /// Copies the content to its place and seals.
    void seal(block_span block, bytes_view content);

  private:
    crypto::sb_chain send_;
    crypto::sb_chain receive_;
    bool encrypts_ = false;
};

/// Collects transmissions into a block, and seals it.
class block_builder {
  public:
    block_builder(block_span block, const block_cipher& cipher) noexcept
        : block_(block), begin_(cipher.content_offset()) {}

    bool empty() const noexcept { return count_ == 0; }
    /// False if it does not fit any more.
    bool append(bytes_view transmission) noexcept;
    /// Room for a transmission of that size, to be filled by the caller; empty if it does not fit.
    bytes_span reserve(std::size_t size) noexcept;
    /// Only when not empty.
    void seal(block_cipher& cipher);

  private:
    block_span block_;
    std::size_t begin_;
    std::size_t size_ = 1;
    std::size_t count_ = 0;
};

} // namespace plexus::smp
