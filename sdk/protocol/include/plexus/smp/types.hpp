// Sizes, versions and small values of the SMP protocol that every other header of this folder uses.
#pragma once

#include "plexus/crypto/keys.hpp"
#include "plexus/encoding/version.hpp"
#include "plexus/smp/errors.hpp"

#include <optional>
#include <vector>

namespace plexus::smp {

using version = std::uint16_t;
using version_range = encoding::version_range;

inline constexpr version_range supported_versions{6, 20};
/// What a client without ALPN is offered.
inline constexpr version_range legacy_versions{6, 6};

/// The version from which on something holds.
namespace since {
inline constexpr version implied_session = 7; ///< the session id is authorized and not sent; X25519 keys
inline constexpr version proxy = 8;
inline constexpr version sender_key = 9;
inline constexpr version deleted_event = 10;
inline constexpr version encrypted_blocks = 11;
inline constexpr version blocked = 12;
inline constexpr version proxy_flag = 14;
inline constexpr version short_links = 15;
inline constexpr version service_certificates = 16;
inline constexpr version notifier_credentials = 17;
inline constexpr version client_notices = 18;
inline constexpr version messaging_services = 19; ///< SUBS; counts come with a sum of the ids
inline constexpr version names = 20;
} // namespace since

inline constexpr std::size_t block_size = 16'384;
using block_buffer = std::array<std::uint8_t, block_size>;
using block_span = std::span<std::uint8_t, block_size>;
/// Every block is this much smaller inside than the padding allows, encrypted or not.
inline constexpr std::size_t max_block_content = block_size - 18;
/// Transmissions with their lengths, without the count that stands before them.
inline constexpr std::size_t max_batch_size = max_block_content - 1;
inline constexpr std::size_t max_batch_count = 255;

/// Ids of queues, links, notifiers and messages, as our servers make them.
inline constexpr std::size_t id_size = 24;
using identifier = std::array<std::uint8_t, id_size>;
/// SHA-256 of the certificate that a server's address names.
using key_hash = std::array<std::uint8_t, 32>;

/// The longest body of a SEND.
constexpr std::size_t max_message_length(version v) noexcept {
    return v >= since::encrypted_blocks ? 16'048 : v >= since::proxy ? 16'064 : 16'088;
}
/// What a decrypted body that was forwarded by a proxy is padded to.
inline constexpr std::size_t proxied_padded_size = 16'226;
/// Sizes of the agent's envelopes inside SEND, before their own encryption.
inline constexpr std::size_t confirmation_padded_size = 15'904;
inline constexpr std::size_t message_padded_size = 16'000;

enum class queue_mode : std::uint8_t { messaging, contact };
enum class service_role : std::uint8_t { messaging, notifier, proxy };

struct message_flags {
    bool notification = false;
    friend bool operator==(const message_flags&, const message_flags&) = default;
};

/// The queues that a service is subscribed to: how many, and the exclusive or of the MD5 of their ids. Both
/// sides keep it, so that they notice when they disagree.
struct service_queues {
    std::int64_t count = 0;
    std::array<std::uint8_t, 16> hash{};

    void add(bytes_view id);
    void remove(bytes_view id);
    void add(const service_queues& others);
    friend bool operator==(const service_queues&, const service_queues&) = default;
};

/// What a short link leads to: two encrypted blobs. Only the user data may change later.
struct link_data {
    bytes_view fixed;
    bytes_view user;
};

} // namespace plexus::smp
