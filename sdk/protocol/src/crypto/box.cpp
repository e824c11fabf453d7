#include "plexus/crypto/box.hpp"

#include "sodium.hpp"

#include "plexus/crypto/hash.hpp"
#include "plexus/encoding/padding.hpp"

#include <sodium.h>

#include <stdexcept>

namespace plexus::crypto {
namespace {

error not_authentic() {
    return make_error(crypto_error::not_authentic,
                      "a box does not open: another key or nonce, or changed data");
}
error bad_padding() {
    return make_error(crypto_error::bad_padding, "the length inside a padded box does not fit");
}
error too_large(std::size_t size, std::uint64_t padded_size) {
    return make_error(crypto_error::too_large, std::to_string(size) + " bytes do not fit a padded size of " +
                                                   std::to_string(padded_size));
}

/// `text` becomes its ciphertext.
void seal_detached(const box_key& key, const nonce& n, bytes_span text, std::uint8_t* tag) noexcept {
    prepare_sodium();
    crypto_secretbox_detached(text.data(), tag, text.data(), text.size(), n.data(), key.raw().data());
}
bool open_detached(const box_key& key, const nonce& n, bytes_span text, const std::uint8_t* tag) noexcept {
    prepare_sodium();
    return crypto_secretbox_open_detached(text.data(), sodium_data(text), tag, text.size(), n.data(),
                                          key.raw().data()) == 0;
}

bytes seal_tail_of(const box_key& key, const nonce& n, bytes text) {
    const auto size = text.size();
    text.resize(size + box_tag_size);
    seal_detached(key, n, bytes_span(text).first(size), text.data() + size);
    return text;
}

} // namespace

nonce to_nonce(bytes_view data) noexcept {
    nonce n{};
    const auto used = data.first(std::min(data.size(), n.size()));
    std::copy(used.begin(), used.end(), n.begin());
    return n;
}

nonce random_nonce(random_source& random) { return random.array<nonce_size>(); }

nonce reverse_nonce(const nonce& value) noexcept {
    nonce reversed;
    std::reverse_copy(value.begin(), value.end(), reversed.begin());
    return reversed;
}

box_key::box_key(std::span<const std::uint8_t, 32> secret) noexcept {
    constexpr std::array<std::uint8_t, crypto_core_hsalsa20_INPUTBYTES> zeros{};
    crypto_core_hsalsa20(key_.data(), zeros.data(), secret.data(), nullptr);
}
box_key::box_key(const secret_array<32>& secret) noexcept : box_key(secret.span()) {}

result<box_key> box_key::agree(const private_key& own, const public_key& peer) {
    PLEXUS_TRY(const auto secret, dh_x25519(own, peer));
    return box_key(secret);
}

void seal_in_place(const box_key& key, const nonce& n, bytes_span box) {
    if (box.size() < box_tag_size) throw std::invalid_argument("a box has no room for its tag");
    seal_detached(key, n, box.subspan(box_tag_size), box.data());
}

bool open_in_place(const box_key& key, const nonce& n, bytes_span box) noexcept {
    return box.size() >= box_tag_size && open_detached(key, n, box.subspan(box_tag_size), box.data());
}

bytes seal(const box_key& key, const nonce& n, bytes_view text) {
    bytes box(box_tag_size + text.size());
    std::copy(text.begin(), text.end(), box.begin() + box_tag_size);
    seal_in_place(key, n, box);
    return box;
}

result<bytes> open(const box_key& key, const nonce& n, bytes_view box) {
    if (box.size() < box_tag_size) return not_authentic();
    auto text = to_bytes(box.subspan(box_tag_size));
    if (!open_detached(key, n, text, box.data())) return not_authentic();
    return text;
}

result<void> append_padded_box(bytes& out, const box_key& key, const nonce& n, bytes_view text,
                               std::size_t padded_size) {
    const auto begin = out.size();
    if (!encoding::can_pad(text.size(), padded_size)) return too_large(text.size(), padded_size);
    out.reserve(begin + box_tag_size + padded_size);
    out.resize(begin + box_tag_size);
    encoding::pad(out, text, padded_size);
    seal_in_place(key, n, bytes_span(out).subspan(begin));
    return {};
}

result<bytes> seal_padded(const box_key& key, const nonce& n, bytes_view text, std::size_t padded_size) {
    bytes box;
    PLEXUS_CHECK(append_padded_box(box, key, n, text, padded_size));
    return box;
}

result<bytes> open_padded(const box_key& key, const nonce& n, bytes_view box) {
    PLEXUS_TRY(const auto padded, open(key, n, box));
    const auto text = encoding::unpad(padded);
    if (!text) return bad_padding();
    return to_bytes(*text);
}

bytes seal_tail(const box_key& key, const nonce& n, bytes_view text) {
    return seal_tail_of(key, n, to_bytes(text));
}

result<bytes> open_tail(const box_key& key, const nonce& n, bytes_view box) {
    if (box.size() < box_tag_size) return not_authentic();
    const auto size = box.size() - box_tag_size;
    auto text = to_bytes(box.first(size));
    if (!open_detached(key, n, text, box.data() + size)) return not_authentic();
    return text;
}

result<bytes> seal_tail_padded(const box_key& key, const nonce& n, bytes_view text,
                               std::uint64_t padded_size) {
    bytes padded;
    if (!encoding::pad_lazy(padded, text, padded_size)) return too_large(text.size(), padded_size);
    return seal_tail_of(key, n, std::move(padded));
}

result<bytes> open_tail_padded(const box_key& key, const nonce& n, bytes_view box) {
    PLEXUS_TRY(const auto padded, open_tail(key, n, box));
    const auto text = encoding::unpad_lazy(padded);
    if (!text) return bad_padding();
    return to_bytes(*text);
}

authenticator authenticate(const box_key& key, const nonce& n, bytes_view authorized) {
    authenticator made{};
    const auto hash = sha512(authorized);
    std::copy(hash.begin(), hash.end(), made.begin() + box_tag_size);
    seal_in_place(key, n, made);
    return made;
}

bool verify_authenticator(const box_key& key, const nonce& n, bytes_view given, bytes_view authorized) {
    // The hash is made whatever was given, so that every refusal costs the same.
    const auto hash = sha512(authorized);
    authenticator opened{};
    if (given.size() != opened.size()) return false;
    std::copy(given.begin(), given.end(), opened.begin());
    return open_in_place(key, n, opened) && secret_equal(bytes_view(opened).subspan(box_tag_size), hash);
}

sb_chain::link sb_chain::next() {
    secret_array<88> derived;
    hkdf_sha512({}, chain_key_, "SimpleXSbChain", derived.span());
    link made{};
    std::copy_n(derived.data(), 32, chain_key_.data());
    std::copy_n(derived.data() + 32, 32, made.key.data());
    std::copy_n(derived.data() + 64, nonce_size, made.n.data());
    return made;
}

sb_chain_pair init_sb_chains(bytes_view session_id, const secret_array<32>& secret) {
    secret_array<64> derived;
    hkdf_sha512(session_id, secret, "SimpleXSbChainInit", derived.span());
    return {sb_chain(secret_array<32>(derived.span().first<32>())),
            sb_chain(secret_array<32>(derived.span().last<32>()))};
}

secret_array<32> hybrid_secret(const secret_array<32>& dh_secret, bytes_view kem_secret) {
    secret_bytes both(dh_secret.size() + kem_secret.size());
    std::copy_n(dh_secret.data(), dh_secret.size(), both.data());
    std::copy(kem_secret.begin(), kem_secret.end(), both.data() + dh_secret.size());
    auto hash = sha3_256(both);
    secret_array<32> secret(hash);
    wipe(hash.data(), hash.size());
    return secret;
}

} // namespace plexus::crypto
