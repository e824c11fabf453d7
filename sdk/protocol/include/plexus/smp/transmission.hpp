// Transmissions: a command or message with its correlation id, entity id and authorization; and batches of
// them, the content of a block (simplex-messaging.md, Transmission).
#pragma once

#include "plexus/smp/errors.hpp"
#include "plexus/smp/types.hpp"

namespace plexus::smp {

/// Views into one parsed transmission.
struct transmission {
    bytes_view authorization;     ///< empty, a signature or an authenticator
    bytes_view service_signature; ///< empty or 64 bytes, from version 16
    bytes_view session_id;        ///< version 6 only
    bytes_view correlation_id;
    bytes_view entity_id;
    bytes_view body; ///< a command or a message
    /// All after the authorization. With the session id in front (from version 7) it is what is authorized.
    bytes_view sent;
};

/// Error: failure::block.
result<transmission> parse_transmission(bytes_view data, version v);

/// Appends one that needs no authorization: everything of a server, PING, unsecured SEND. `body` is encoded.
void write_transmission(encoding::writer& out, version v, bytes_view session_id, bytes_view correlation_id,
                        bytes_view entity_id, bytes_view body);
/// Appends authorization and `sent`. Below version 16 a service signature is a broken invariant.
void write_authorized(encoding::writer& out, version v, bytes_view authorization,
                      bytes_view service_signature, bytes_view sent);
/// What is authorized: session id, correlation id, entity id, encoded body. From version 7 the first
/// `sent_offset` bytes are not sent.
void write_for_authorization(encoding::writer& out, bytes_view session_id, bytes_view correlation_id,
                             bytes_view entity_id, bytes_view body);
std::size_t sent_offset(version v, bytes_view session_id) noexcept;

/// The transmissions of a block's content, checked as a whole before the first is given.
class batch_reader {
  public:
    batch_reader() = default;
    /// Error: failure::block, also for none, and for bytes after the last.
    static result<batch_reader> open(bytes_view content);

    std::size_t left() const noexcept { return left_; }
    /// The next transmission; only while left() > 0.
    bytes_view next() noexcept;

  private:
    bytes_view rest_;
    std::size_t left_ = 0;
};

/// How many of the transmissions, in order, go into each block. 0 stands for one that is too large for any.
/// It packs from the end, as official programs do.
std::vector<std::size_t> plan_batches(std::span<const std::size_t> sizes);
/// Room that a transmission of this size takes in a block.
constexpr std::size_t batched_size(std::size_t transmission) noexcept { return transmission + 2; }
constexpr bool fits_block(std::size_t transmission) noexcept {
    return batched_size(transmission) <= max_batch_size;
}

} // namespace plexus::smp
