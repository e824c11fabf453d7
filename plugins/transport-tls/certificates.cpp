#include "certificates.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace plexus::transport_tls {

std::string openssl_reason() {
    std::string out;
    while (const unsigned long code = ERR_get_error()) {
        const char* reason = ERR_reason_error_string(code);
        out = reason != nullptr ? reason : "OpenSSL error " + std::to_string(code);
    }
    return out.empty() ? "no reason given" : out;
}

std::string shown(bytes_view hash) {
    std::string out((hash.size() + 2) / 3 * 4 + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), hash.data(),
                                     static_cast<int>(hash.size()));
    out.resize(static_cast<std::size_t>(size));
    for (char& c : out) c = c == '+' ? '-' : c == '/' ? '_' : c;
    return out;
}

namespace {

bool is_signed_by(X509* one, X509* issuer) {
    EVP_PKEY* key = X509_get0_pubkey(issuer);
    const bool out =
        X509_check_issued(issuer, one) == X509_V_OK && key != nullptr && X509_verify(one, key) == 1;
    ERR_clear_error();
    return out;
}

result<void> check_links(const std::vector<X509*>& certificates, std::size_t least,
                         std::chrono::nanoseconds wall_time, int& code) {
    const auto refuse = [&code](int why, std::string message) {
        code = why;
        return make_error(status::identity, std::move(message));
    };
    if (certificates.size() < least || certificates.size() > 4)
        return refuse(X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
                      "its chain has " + std::to_string(certificates.size()) + " certificates, and " +
                          std::to_string(least) + " to 4 are possible");
    std::time_t now = std::chrono::duration_cast<std::chrono::seconds>(wall_time).count();
    for (std::size_t i = 0; i < certificates.size(); ++i) {
        X509* one = certificates[i];
        const std::string name = "certificate " + std::to_string(i + 1) + " of its chain ";
        if (X509_cmp_time(X509_get0_notBefore(one), &now) >= 0)
            return refuse(X509_V_ERR_CERT_NOT_YET_VALID,
                          name + "is not valid yet: is the clock of this machine right?");
        if (X509_cmp_time(X509_get0_notAfter(one), &now) <= 0)
            return refuse(X509_V_ERR_CERT_HAS_EXPIRED, name + "has expired");
        if (i + 1 == certificates.size()) break;
        X509* issuer = certificates[i + 1];
        if (X509_check_ca(issuer) != 1 || !is_signed_by(one, issuer))
            return refuse(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, name + "is not signed by the next one");
    }
    return {};
}

} // namespace

result<void> check_chain(const std::vector<X509*>& certificates, std::chrono::nanoseconds wall_time,
                         int& code) {
    return check_links(certificates, 2, wall_time, code);
}

result<void> check_client_chain(const std::vector<X509*>& certificates, std::chrono::nanoseconds wall_time,
                                int& code) {
    PLEXUS_CHECK(check_links(certificates, 1, wall_time, code));
    if (certificates.size() > 1 || is_signed_by(certificates.front(), certificates.front())) return {};
    code = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT;
    return make_error(status::identity, "its only certificate is not signed by itself");
}

bytes identity_of(const std::vector<X509*>& certificates) {
    bytes out(32);
    unsigned size = 32;
    if (certificates.size() < 2 || X509_digest(certificates[1], EVP_sha256(), out.data(), &size) != 1)
        return {};
    return out;
}

result<chain> read_chain(bytes_view pem) {
    const bio_pointer in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    if (!in) return make_error(status::memory, "no memory for a certificate chain");
    chain out;
    while (X509* one = PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr)) out.emplace_back(one);
    const auto last = ERR_peek_last_error();
    const bool at_end = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
    const std::string reason = openssl_reason();
    if (!at_end || out.empty())
        return make_error(status::invalid, "the certificate chain cannot be read as PEM: " + reason);
    return out;
}

result<key_pointer> read_any_key(bytes_view pem, X509* leaf) {
    const bio_pointer in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    if (!in) return make_error(status::memory, "no memory for a private key");
    const auto no_passphrase = [](char*, int, int, void*) { return -1; };
    key_pointer key(PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, nullptr));
    if (!key)
        return make_error(status::invalid,
                          "the private key cannot be read as PEM without a passphrase: " + openssl_reason());
    if (X509_check_private_key(leaf, key.get()) != 1) {
        ERR_clear_error();
        return make_error(status::invalid,
                          "the private key is not that of the first certificate of the chain");
    }
    return key;
}

result<key_pointer> read_key(bytes_view pem, X509* leaf) {
    PLEXUS_TRY(auto key, read_any_key(pem, leaf));
    const int kind = EVP_PKEY_get_base_id(key.get());
    if (kind != EVP_PKEY_ED25519 && kind != EVP_PKEY_ED448)
        return make_error(status::invalid,
                          "the private key must be Ed25519 or Ed448: other SimpleX programs take no other");
    return key;
}

bytes der_of(X509* certificate) {
    unsigned char* data = nullptr;
    const int size = i2d_X509(certificate, &data);
    if (size <= 0) throw std::bad_alloc();
    bytes out(data, data + size);
    OPENSSL_free(data);
    return out;
}

} // namespace plexus::transport_tls
