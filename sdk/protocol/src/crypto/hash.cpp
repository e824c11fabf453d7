#include "plexus/crypto/hash.hpp"

#include "openssl.hpp"
#include "sodium.hpp"

#include <sodium.h>

#include <stdexcept>

namespace plexus::crypto {
namespace {

/// An algorithm of OpenSSL, fetched by its first user and kept.
class digest_algorithm {
  public:
    explicit digest_algorithm(const char* name) : md_(EVP_MD_fetch(nullptr, name, nullptr)) {
        openssl::require(md_ != nullptr, name);
    }

    template <std::size_t N>
    std::array<std::uint8_t, N> hash(std::initializer_list<bytes_view> parts) const {
        std::array<std::uint8_t, N> out{};
        const openssl::digest_context context(EVP_MD_CTX_new());
        bool done = context && EVP_DigestInit_ex2(context.get(), md_.get(), nullptr) == 1;
        for (const auto& part : parts)
            done = done && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
        unsigned size = 0;
        done = done && EVP_DigestFinal_ex(context.get(), out.data(), &size) == 1 && size == N;
        openssl::require(done, "a digest");
        return out;
    }

  private:
    std::unique_ptr<EVP_MD, openssl::deleter<EVP_MD_free>> md_;
};

} // namespace

digest32 sha256(std::initializer_list<bytes_view> parts) {
    static const digest_algorithm algorithm("SHA256");
    return algorithm.hash<32>(parts);
}
digest64 sha512(std::initializer_list<bytes_view> parts) {
    static const digest_algorithm algorithm("SHA512");
    return algorithm.hash<64>(parts);
}
digest32 sha256(bytes_view data) { return sha256({data}); }
digest64 sha512(bytes_view data) { return sha512({data}); }
digest32 sha3_256(bytes_view data) {
    static const digest_algorithm algorithm("SHA3-256");
    return algorithm.hash<32>({data});
}
digest48 sha3_384(bytes_view data) {
    static const digest_algorithm algorithm("SHA3-384");
    return algorithm.hash<48>({data});
}
digest16 md5(bytes_view data) {
    static const digest_algorithm algorithm("MD5");
    return algorithm.hash<16>({data});
}

digest32 hmac_sha256(bytes_view key, std::initializer_list<bytes_view> parts) {
    prepare_sodium();
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, sodium_data(key), key.size());
    for (const auto& part : parts) crypto_auth_hmacsha256_update(&state, sodium_data(part), part.size());
    digest32 out;
    crypto_auth_hmacsha256_final(&state, out.data());
    wipe(&state, sizeof state);
    return out;
}

void hkdf_sha512(bytes_view salt, bytes_view secret, std::string_view info, bytes_span out) {
    constexpr std::size_t block_size = crypto_auth_hmacsha512_BYTES;
    if (out.size() > 255 * block_size) throw std::length_error("HKDF gives at most 16,320 bytes");

    crypto_auth_hmacsha512_state state;
    secret_array<block_size> pseudo_random_key;
    crypto_auth_hmacsha512_init(&state, sodium_data(salt), salt.size());
    crypto_auth_hmacsha512_update(&state, secret.data(), secret.size());
    crypto_auth_hmacsha512_final(&state, pseudo_random_key.data());

    secret_array<block_size> block;
    std::uint8_t counter = 1;
    for (std::size_t at = 0; at < out.size(); at += block_size, ++counter) {
        crypto_auth_hmacsha512_init(&state, pseudo_random_key.data(), block_size);
        if (at > 0) crypto_auth_hmacsha512_update(&state, block.data(), block_size);
        crypto_auth_hmacsha512_update(&state, as_bytes(info).data(), info.size());
        crypto_auth_hmacsha512_update(&state, &counter, 1);
        crypto_auth_hmacsha512_final(&state, block.data());
        const auto size = std::min(block_size, out.size() - at);
        std::copy_n(block.data(), size, out.begin() + static_cast<std::ptrdiff_t>(at));
    }
    wipe(&state, sizeof state);
}

std::array<std::uint8_t, 24> id_from_correlation_id(bytes_view correlation_id) {
    std::array<std::uint8_t, 24> id{};
    std::copy_n(sha3_384(correlation_id).begin(), id.size(), id.begin());
    return id;
}

} // namespace plexus::crypto
