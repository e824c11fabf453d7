// The key agreement that starts a double ratchet: X3DH on X448, and the parameters that links and
// confirmations carry for it (agent-protocol.md, "Connection link"; pqdr.md). The agent uses it when it makes
// or joins a connection.
#pragma once

#include "plexus/crypto/keys.hpp"
#include "plexus/encoding/version.hpp"

#include <optional>

namespace plexus::crypto {

using encoding::version_range;

/// Ratchet (e2e) versions: 2 derives keys with HKDF, 3 may carry a post-quantum KEM.
inline constexpr std::uint16_t ratchet_version_min = 2;
inline constexpr std::uint16_t ratchet_version_kem = 3;
inline constexpr std::uint16_t ratchet_version_max = 3;

inline constexpr std::size_t kem_public_key_size = 1158;
inline constexpr std::size_t kem_ciphertext_size = 1039;

/// A peer's post-quantum parameters: a proposed key, or an accepted one with its ciphertext. They are read
/// and written, not used: we decline.
struct kem_params {
    bytes public_key;
    std::optional<bytes> ciphertext;

    friend bool operator==(const kem_params&, const kem_params&) = default;
};

/// Ratchet parameters of one version, as a confirmation carries them. Both keys are X448.
struct e2e_params {
    std::uint16_t version = 0;
    public_key key1;
    public_key key2;
    std::optional<kem_params> kem;

    friend bool operator==(const e2e_params&, const e2e_params&) = default;
};

/// The same of a range of versions, as links carry them.
struct e2e_params_range {
    version_range versions;
    public_key key1;
    public_key key2;
    std::optional<kem_params> kem;

    /// Parameters of the highest version that is also in `supported`.
    std::optional<e2e_params> agree(version_range supported) const;

    friend bool operator==(const e2e_params_range&, const e2e_params_range&) = default;
};

// Binary forms. Reading fails the reader on anything that is not two X448 keys with well-formed parameters.
e2e_params read_e2e_params(encoding::reader& in);
void write(encoding::writer& out, const e2e_params& params);
e2e_params_range read_e2e_params_range(encoding::reader& in);
void write(encoding::writer& out, const e2e_params_range& params);

/// The query-string form: "v=2-3&x3dh=KEY,KEY", with kem_key and kem_ct where there is a KEM.
std::string to_text(const e2e_params_range& params);
result<e2e_params_range> parse_e2e_params(std::string_view query);

/// Our private halves of the parameters.
struct x3dh_keys {
    private_key key1;
    private_key key2;

    static x3dh_keys generate(random_source& random);
    /// What is sent to the peer, without a KEM.
    e2e_params params(std::uint16_t version) const;
    e2e_params_range params(version_range versions) const;
};

/// What X3DH gives, the same on both sides.
struct x3dh_secrets {
    std::array<std::uint8_t, 112> associated_data{}; ///< both first keys raw, the joiner's first
    secret_array<32> root_key;
    secret_array<32> header_key;      ///< the joiner sends with it
    secret_array<32> next_header_key; ///< the joiner receives with it
};

/// For the side that joins, with the keys it has just made.
result<x3dh_secrets> x3dh_join(const x3dh_keys& own, const public_key& peer_key1,
                               const public_key& peer_key2);
/// For the side that made the invitation.
result<x3dh_secrets> x3dh_accept(const x3dh_keys& own, const public_key& peer_key1,
                                 const public_key& peer_key2);

} // namespace plexus::crypto
