#include "plexus/crypto/at_rest.hpp"

#include "sodium.hpp"

#include "plexus/encoding/reader.hpp"
#include "plexus/encoding/writer.hpp"

#include <sodium.h>

namespace plexus::crypto {
namespace {

constexpr std::string_view wrapped_magic = "PXK1";
constexpr std::size_t wrap_nonce_size = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t wrap_tag_size = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::uint32_t most_passes = 16;
constexpr std::uint32_t most_memory_kib = 1024 * 1024;

using aead_nonce = std::array<std::uint8_t, wrap_nonce_size>;
using salt = std::array<std::uint8_t, crypto_pwhash_SALTBYTES>;

bool is_acceptable(passphrase_cost cost) noexcept {
    return cost.passes >= 1 && cost.passes <= most_passes && cost.memory_kib >= 8 &&
           cost.memory_kib <= most_memory_kib;
}

/// The nonce, then the ciphertext with its tag at the end.
bytes seal_with(const secret_array<32>& key, bytes_view associated, bytes_view text, random_source& random) {
    const auto n = random.array<wrap_nonce_size>();
    bytes sealed(wrap_nonce_size + text.size() + wrap_tag_size);
    std::copy(n.begin(), n.end(), sealed.begin());
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed.data() + wrap_nonce_size, nullptr, text.data(),
                                               text.size(), associated.data(), associated.size(), nullptr,
                                               n.data(), key.data());
    return sealed;
}

/// `text` is wrap_nonce_size + wrap_tag_size shorter than `sealed`.
bool open_with(const secret_array<32>& key, bytes_view associated, bytes_view sealed, bytes_span text) {
    return crypto_aead_xchacha20poly1305_ietf_decrypt(text.data(), nullptr, nullptr,
                                                      sealed.data() + wrap_nonce_size,
                                                      sealed.size() - wrap_nonce_size, associated.data(),
                                                      associated.size(), sealed.data(), key.data()) == 0;
}

/// Table and key, so that no two pairs give the same bytes.
bytes place_of(std::string_view table, bytes_view key) {
    bytes place;
    place.reserve(8 + table.size() + key.size());
    encoding::writer(place).u64(table.size()).raw(table).raw(key);
    return place;
}

result<secret_array<32>> stretch(bytes_view passphrase, const salt& with, passphrase_cost cost) {
    prepare_sodium();
    secret_array<32> key;
    if (crypto_pwhash(key.data(), key.size(), as_text({sodium_data(passphrase), passphrase.size()}).data(),
                      passphrase.size(), with.data(), cost.passes, std::size_t{cost.memory_kib} * 1024,
                      crypto_pwhash_ALG_ARGON2ID13) != 0) {
        return make_error(crypto_error::no_memory,
                          "the passphrase check needs " + std::to_string(cost.memory_kib / 1024) +
                              " MiB of memory, which is not there; free some and try again",
                          true);
    }
    return key;
}

} // namespace

data_key::data_key(const secret_array<32>& root) : root_(root) {
    constexpr const char* context = "plexus_1";
    crypto_kdf_derive_from_key(seal_key_.data(), seal_key_.size(), 1, context, root.data());
    crypto_kdf_derive_from_key(hash_key_.data(), hash_key_.size(), 2, context, root.data());
    crypto_kdf_derive_from_key(derive_key_.data(), derive_key_.size(), 3, context, root.data());
}

data_key data_key::generate(random_source& random) { return data_key(random.secret<32>()); }

secret_array<32> data_key::derive(std::string_view label) const {
    secret_array<32> root;
    crypto_generichash(root.data(), root.size(), as_bytes(label).data(), label.size(), derive_key_.data(),
                       derive_key_.size());
    return root;
}

bytes data_key::seal(std::string_view table, bytes_view key, bytes_view value, random_source& random) const {
    return seal_with(seal_key_, place_of(table, key), value, random);
}

result<bytes> data_key::open(std::string_view table, bytes_view key, bytes_view sealed) const {
    if (sealed.size() >= wrap_nonce_size + wrap_tag_size) {
        bytes value(sealed.size() - wrap_nonce_size - wrap_tag_size);
        if (open_with(seal_key_, place_of(table, key), sealed, value)) return value;
    }
    return make_error(crypto_error::not_authentic,
                      "a value of table " + std::string(table) +
                          " was not written with this database's key, or was changed");
}

std::array<std::uint8_t, 32> data_key::hash_name(std::string_view table, bytes_view name) const {
    const auto input = place_of(table, name);
    std::array<std::uint8_t, 32> hash{};
    crypto_generichash(hash.data(), hash.size(), input.data(), input.size(), hash_key_.data(),
                       hash_key_.size());
    return hash;
}

result<bytes> wrap_data_key(const data_key& key, bytes_view passphrase, passphrase_cost cost,
                            random_source& random) {
    if (!is_acceptable(cost)) {
        return make_error(crypto_error::bad_format,
                          "the cost of a passphrase is 1 to 16 passes over 8 KiB to 1 GiB of memory");
    }
    const auto with = random.array<crypto_pwhash_SALTBYTES>();
    PLEXUS_TRY(const auto wrapping, stretch(passphrase, with, cost));
    bytes wrapped;
    encoding::writer out(wrapped);
    out.raw(wrapped_magic).u32(cost.passes).u32(cost.memory_kib).raw(with);
    const auto header = to_bytes(wrapped);
    out.raw(seal_with(wrapping, header, key.root_, random));
    return wrapped;
}

result<data_key> unwrap_data_key(bytes_view wrapped, bytes_view passphrase) {
    encoding::reader in(wrapped);
    in.expect(wrapped_magic);
    passphrase_cost cost;
    cost.passes = in.u32();
    cost.memory_kib = in.u32();
    const auto with = in.array<crypto_pwhash_SALTBYTES>();
    const auto header = wrapped.first(wrapped.size() - in.remaining().size());
    const auto sealed = in.take(wrap_nonce_size + 32 + wrap_tag_size);
    if (!in.done() || !is_acceptable(cost)) {
        return make_error(crypto_error::bad_format, "this is not a wrapped data key of a known form");
    }
    PLEXUS_TRY(const auto wrapping, stretch(passphrase, with, cost));
    secret_array<32> root;
    if (!open_with(wrapping, header, sealed, root.span())) {
        return make_error(crypto_error::bad_passphrase, "the passphrase does not open this database");
    }
    return data_key(root);
}

} // namespace plexus::crypto
