// The encodings of ratchet messages (pqdr.md, "Double ratchet message"): an encrypted header inside an
// encrypted message, both with lengths of one byte before version 3 and of two from it.
#pragma once

#include "plexus/crypto/aead.hpp"
#include "plexus/crypto/x3dh.hpp"

namespace plexus::crypto::wire {

inline constexpr std::size_t iv_size = 16;
/// What a header is padded to where no KEM is used.
inline constexpr std::size_t padded_header_size = 88;

struct message_header {
    std::uint16_t max_version = 0;
    public_key key;
    std::optional<kem_params> kem;
    std::uint32_t previous_sent = 0;
    std::uint32_t number = 0;
};

/// The decrypted header, in the form of the sender's current version. What follows the known fields is
/// ignored.
std::optional<message_header> parse_header(bytes_view plain, std::uint16_t version);
bytes encode_header(const message_header& header, std::uint16_t version);

/// Views into an encrypted message.
struct encrypted_message {
    bytes_view header; ///< whole, as it is authenticated with the body
    bytes_view tag;
    bytes_view body;

    std::uint16_t header_version = 0;
    bytes_view header_iv;
    bytes_view header_tag;
    bytes_view header_body;
};
std::optional<encrypted_message> parse_message(bytes_view message) noexcept;

/// Bytes with a length of the version's size.
void write_sized(encoding::writer& out, std::uint16_t version, bytes_view data);

} // namespace plexus::crypto::wire
