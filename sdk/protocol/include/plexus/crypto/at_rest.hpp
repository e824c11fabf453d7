// Encryption of what a client stores: the passphrase (Argon2id) wraps a random data key, values are sealed
// with XChaCha20-Poly1305 bound to their table and key, and names become keyed hashes. Used by the client's
// store.
#pragma once

#include "plexus/crypto/error.hpp"
#include "plexus/crypto/random.hpp"

namespace plexus::crypto {

/// What one guess of the passphrase costs. The default takes some tenths of a second and 64 MiB.
struct passphrase_cost {
    std::uint32_t passes = 3;
    std::uint32_t memory_kib = 64 * 1024;
};

/// The key of a database and what is derived from it.
class data_key {
  public:
    static data_key generate(random_source& random);
    explicit data_key(const secret_array<32>& root);

    /// A root for another data key: the same for the same label, and nothing leads from one to another.
    secret_array<32> derive(std::string_view label) const;

    /// `value` sealed for that place: it opens only under the same table and key. 40 bytes longer than the
    /// value.
    bytes seal(std::string_view table, bytes_view key, bytes_view value, random_source& random) const;
    result<bytes> open(std::string_view table, bytes_view key, bytes_view sealed) const;
    /// Stands for `name` in keys of a table: the same name gives the same 32 bytes, and nothing tells it from
    /// them.
    std::array<std::uint8_t, 32> hash_name(std::string_view table, bytes_view name) const;

  private:
    friend result<bytes> wrap_data_key(const data_key&, bytes_view, passphrase_cost, random_source&);
    friend result<data_key> unwrap_data_key(bytes_view, bytes_view);
    secret_array<32> root_;
    secret_array<32> seal_key_;
    secret_array<32> hash_key_;
    secret_array<32> derive_key_;
};

/// The data key under a passphrase, with the salt and the cost beside it.
result<bytes> wrap_data_key(const data_key& key, bytes_view passphrase, passphrase_cost cost,
                            random_source& random);
/// bad_passphrase, or bad_format if this is no wrapped key (or asks for more than 1 GiB or 16 passes).
result<data_key> unwrap_data_key(bytes_view wrapped, bytes_view passphrase);

} // namespace plexus::crypto
