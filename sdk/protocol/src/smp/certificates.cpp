#include "plexus/smp/certificates.hpp"

#include "plexus/crypto/hash.hpp"
#include "plexus/encoding/reader.hpp"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>

namespace plexus::smp {
namespace {

using crypto::key_type;

constexpr std::uint8_t der_sequence = 0x30;
constexpr std::uint8_t der_bit_string = 0x03;
constexpr std::uint8_t ed25519_algorithm[] = {0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70};
constexpr std::uint8_t ed448_algorithm[] = {0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x71};

error refuse(const char* what) { return make_error(failure::bad_auth, what); }

/// The content of the value at the start of `in` if it has this tag; fails the reader otherwise.
bytes_view take_der(encoding::reader& in, std::uint8_t tag) noexcept {
    if (in.u8() != tag) in.fail();
    std::size_t size = in.u8();
    if (size == 0x81) {
        size = in.u8();
        if (size < 0x80) in.fail();
    } else if (size == 0x82) {
        size = in.u16();
        if (size < 0x100) in.fail();
    } else if (size > 0x80) {
        in.fail();
    }
    return in.take(size);
}

void put_der_head(bytes& out, std::uint8_t tag, std::size_t size) {
    out.push_back(tag);
    if (size >= 0x80) out.push_back(0x81);
    out.push_back(static_cast<std::uint8_t>(size));
}

bytes_view algorithm_of(key_type type) noexcept {
    return type == key_type::ed448 ? bytes_view(ed448_algorithm) : bytes_view(ed25519_algorithm);
}

} // namespace

std::optional<chain_roles> roles_of_chain(std::size_t length) noexcept {
    switch (length) {
    case 2: return chain_roles{0, 1, 1};
    case 3: return chain_roles{0, 1, 2};
    case 4: return chain_roles{0, 1, 3};
    default: return std::nullopt;
    }
}

std::optional<chain_roles> roles_of_service_chain(std::size_t length) noexcept {
    if (length == 1) return chain_roles{0, 0, 0};
    return roles_of_chain(length);
}

key_hash fingerprint(bytes_view certificate) { return crypto::sha256(certificate); }

result<crypto::public_key> certificate_key(bytes_view certificate) {
    const unsigned char* at = certificate.data();
    const std::unique_ptr<X509, decltype(&X509_free)> parsed(
        d2i_X509(nullptr, &at, static_cast<long>(certificate.size())), &X509_free);
    if (!parsed || at != certificate.data() + certificate.size())
        return refuse("a certificate that does not parse");
    unsigned char* der = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(parsed.get()), &der);
    if (size <= 0) return refuse("a certificate without a key");
    auto key = crypto::public_key::from_spki({der, static_cast<std::size_t>(size)});
    OPENSSL_free(der);
    if (!key) return refuse("a certificate with a key of an unknown algorithm");
    return std::move(key).value();
}

bytes sign_session_key(const crypto::private_key& signer, const crypto::public_key& session_key) {
    bytes object;
    put_der_head(object, der_sequence, crypto::spki_size(session_key.type()));
    session_key.append_spki(object);
    const auto signature = crypto::sign(signer, object);
    const auto algorithm = algorithm_of(signer.type());
    const auto bits = signature.view().size() + 1;

    bytes out;
    put_der_head(out, der_sequence, object.size() + algorithm.size() + 2 + bits);
    out.insert(out.end(), object.begin(), object.end());
    out.insert(out.end(), algorithm.begin(), algorithm.end());
    put_der_head(out, der_bit_string, bits);
    out.push_back(0);
    out.insert(out.end(), signature.view().begin(), signature.view().end());
    return out;
}

result<crypto::public_key> verify_session_key(const crypto::public_key& signer, bytes_view signed_key) {
    encoding::reader outer(signed_key);
    const auto content = take_der(outer, der_sequence);
    if (!outer.done()) return refuse("a signed session key that does not parse");
    encoding::reader in(content);
    const auto spki = take_der(in, der_sequence);
    const auto object = content.first(content.size() - in.remaining().size());
    const auto algorithm = in.take(sizeof ed448_algorithm);
    const auto bits = take_der(in, der_bit_string);
    if (!in.done() || bits.empty() || bits[0] != 0) return refuse("a signed session key that does not parse");
    if (!equal(algorithm, algorithm_of(signer.type())) || !crypto::verify(signer, object, bits.subspan(1)))
        return refuse("the session key is not signed by the certificate's key");
    auto key = crypto::public_key::from_spki(spki);
    if (!key) return refuse("the signed session key is no key");
    return std::move(key).value();
}

} // namespace plexus::smp
