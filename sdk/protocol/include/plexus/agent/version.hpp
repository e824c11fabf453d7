// Version numbers, padded sizes and the security code of agent connections.
#pragma once

#include "plexus/encoding/version.hpp"

#include <string>

namespace plexus::agent {

using encoding::version_range;

/// Agent versions: confirmations and envelopes.
inline constexpr version_range agent_versions{2, 7};
inline constexpr std::uint16_t agent_version_kem = 5;
/// From here the creator has its ratchet as soon as the confirmation arrives.
inline constexpr std::uint16_t agent_version_ratchet_on_confirmation = 7;

/// SMP client versions: queue URIs and the public header of message bodies.
inline constexpr version_range client_versions{1, 4};
inline constexpr std::uint16_t client_version_hosts = 2;
inline constexpr std::uint16_t client_version_sender_secured = 3;
inline constexpr std::uint16_t client_version_short_links = 4;

// Padded sizes inside the ratchet. `kem`: the post-quantum KEM is supported on the connection.
constexpr std::size_t confirmation_padding(std::uint16_t agent_version, bool kem) noexcept {
    return kem && agent_version >= agent_version_kem ? 11'106 : 14'832;
}
constexpr std::size_t message_padding(std::uint16_t agent_version, bool kem) noexcept {
    return kem && agent_version >= agent_version_kem ? 13'618 : 15'840;
}

// Padded sizes of the queue's own layer.
inline constexpr std::size_t client_confirmation_padding = 15'904;
inline constexpr std::size_t client_message_padding = 16'000;

/// The number that two people compare: the SHA-256 of the ratchet's associated data in decimal, in groups of
/// five digits.
std::string security_code(bytes_view associated_data);

} // namespace plexus::agent
