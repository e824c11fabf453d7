// AES-256-GCM as the ratchet uses it (16-byte IV, taken whole) and as call frames do (12-byte IV).
#pragma once

#include "plexus/secret.hpp"

#include <memory>

namespace plexus::crypto {

inline constexpr std::size_t gcm_tag_size = 16;

/// Holds the cipher's context, so that several messages share it. Not for two threads at once.
class aes256_gcm {
  public:
    aes256_gcm();
    ~aes256_gcm();
    aes256_gcm(const aes256_gcm&) = delete;
    aes256_gcm& operator=(const aes256_gcm&) = delete;

    /// Encrypts `text` in place. `iv` is 12 or 16 bytes; another size is a broken invariant.
    void seal(const secret_array<32>& key, bytes_view iv, bytes_view associated, bytes_span text,
              std::span<std::uint8_t, gcm_tag_size> tag);
    /// Decrypts `text` in place. On false it holds nothing of use (it is wiped).
    [[nodiscard]] bool open(const secret_array<32>& key, bytes_view iv, bytes_view associated,
                            bytes_span text, std::span<const std::uint8_t, gcm_tag_size> tag);

  private:
    struct context;
    std::unique_ptr<context> context_;
};

} // namespace plexus::crypto
