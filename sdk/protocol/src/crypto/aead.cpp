#include "plexus/crypto/aead.hpp"

#include "openssl.hpp"

#include <limits>
#include <stdexcept>

namespace plexus::crypto {
namespace {

const EVP_CIPHER* aes256_gcm_cipher() {
    static const std::unique_ptr<EVP_CIPHER, openssl::deleter<EVP_CIPHER_free>> cipher(
        EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr));
    openssl::require(cipher != nullptr, "AES-256-GCM");
    return cipher.get();
}

int int_size(bytes_view data) {
    if (data.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
        throw std::length_error("AES-256-GCM takes at most 2 GiB at once");
    }
    return static_cast<int>(data.size());
}

} // namespace

struct aes256_gcm::context {
    openssl::cipher_context evp{EVP_CIPHER_CTX_new()};

    /// Ready for `text`, with the associated data taken in.
    void start(const secret_array<32>& key, bytes_view iv, bytes_view associated, bool encrypting) {
        if (iv.size() != 12 && iv.size() != 16)
            throw std::invalid_argument("the IV of AES-256-GCM is 12 or 16 bytes");
        int taken = 0;
        const int direction = encrypting ? 1 : 0;
        openssl::require(
            evp &&
                EVP_CipherInit_ex2(evp.get(), aes256_gcm_cipher(), nullptr, nullptr, direction, nullptr) ==
                    1 &&
                EVP_CIPHER_CTX_ctrl(evp.get(), EVP_CTRL_AEAD_SET_IVLEN, int_size(iv), nullptr) == 1 &&
                EVP_CipherInit_ex2(evp.get(), nullptr, key.data(), iv.data(), direction, nullptr) == 1 &&
                (associated.empty() ||
                 EVP_CipherUpdate(evp.get(), nullptr, &taken, associated.data(), int_size(associated)) == 1),
            "AES-256-GCM");
    }
    void update(bytes_span text) {
        int made = 0;
        openssl::require(
            text.empty() || EVP_CipherUpdate(evp.get(), text.data(), &made, text.data(), int_size(text)) == 1,
            "AES-256-GCM");
    }
    bool finish() {
        std::array<std::uint8_t, gcm_tag_size> nothing{};
        int made = 0;
        return EVP_CipherFinal_ex(evp.get(), nothing.data(), &made) == 1;
    }
};

aes256_gcm::aes256_gcm() : context_(std::make_unique<context>()) {}
aes256_gcm::~aes256_gcm() = default;

void aes256_gcm::seal(const secret_array<32>& key, bytes_view iv, bytes_view associated, bytes_span text,
                      std::span<std::uint8_t, gcm_tag_size> tag) {
    context_->start(key, iv, associated, true);
    context_->update(text);
    openssl::require(context_->finish() && EVP_CIPHER_CTX_ctrl(context_->evp.get(), EVP_CTRL_AEAD_GET_TAG,
                                                               static_cast<int>(tag.size()), tag.data()) == 1,
                     "AES-256-GCM");
}

bool aes256_gcm::open(const secret_array<32>& key, bytes_view iv, bytes_view associated, bytes_span text,
                      std::span<const std::uint8_t, gcm_tag_size> tag) {
    context_->start(key, iv, associated, false);
    context_->update(text);
    std::array<std::uint8_t, gcm_tag_size> expected{};
    std::copy(tag.begin(), tag.end(), expected.begin());
    openssl::require(
        EVP_CIPHER_CTX_ctrl(context_->evp.get(), EVP_CTRL_AEAD_SET_TAG, gcm_tag_size, expected.data()) == 1,
        "AES-256-GCM");
    if (context_->finish()) return true;
    wipe(text.data(), text.size());
    return false;
}

} // namespace plexus::crypto
