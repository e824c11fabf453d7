#include "test_chain.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>

namespace plexus::test {

namespace {

using key_pointer = std::shared_ptr<EVP_PKEY>;
using certificate_pointer = std::shared_ptr<X509>;

key_pointer make_key(int algorithm) {
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_id(algorithm == 0 ? EVP_PKEY_ED25519 : algorithm, nullptr);
    EVP_PKEY* key = nullptr;
    EVP_PKEY_keygen_init(context);
    if (EVP_PKEY_keygen(context, &key) != 1) throw std::runtime_error("no key");
    EVP_PKEY_CTX_free(context);
    return {key, EVP_PKEY_free};
}

std::string name_of(int index) { return "certificate " + std::to_string(index); }

template <typename Write>
std::string pem(Write write) {
    BIO* out = BIO_new(BIO_s_mem());
    write(out);
    char* data = nullptr;
    const long size = BIO_get_mem_data(out, &data);
    std::string text(data, static_cast<std::size_t>(size));
    BIO_free(out);
    return text;
}

certificate_pointer make_certificate(int index, EVP_PKEY* key, int issuer, EVP_PKEY* issuer_key,
                                     const chain_options& options) {
    X509* out = X509_new();
    X509_set_version(out, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(out), 100 + index);
    X509_gmtime_adj(X509_getm_notBefore(out), options.valid_from);
    X509_gmtime_adj(X509_getm_notAfter(out), options.valid_to);
    X509_set_pubkey(out, key);
    const auto set_name = [](X509_NAME* name, const std::string& text) {
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1, 0);
    };
    set_name(X509_get_subject_name(out), name_of(index));
    set_name(X509_get_issuer_name(out), name_of(issuer));
    const char* basic = index > 0 && options.authority ? "critical,CA:TRUE" : "critical,CA:FALSE";
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, basic);
    X509_add_ext(out, extension, -1);
    X509_EXTENSION_free(extension);
    if (X509_sign(out, issuer_key, nullptr) == 0) throw std::runtime_error("not signed");
    return {out, X509_free};
}

} // namespace

test_chain make_chain(const chain_options& options) {
    std::vector<key_pointer> keys;
    keys.reserve(static_cast<std::size_t>(options.length));
    for (int i = 0; i < options.length; ++i) keys.push_back(make_key(options.algorithm));
    test_chain out;
    for (int i = 0; i < options.length; ++i) {
        const int issuer = std::min(i + 1, options.length - 1);
        key_pointer signer = keys[static_cast<std::size_t>(issuer)];
        if (i == 0 && options.foreign_leaf) signer = make_key(options.algorithm);
        const auto made =
            make_certificate(i, keys[static_cast<std::size_t>(i)].get(), issuer, signer.get(), options);
        out.pem += pem([&](BIO* bio) { PEM_write_bio_X509(bio, made.get()); });
        unsigned char* der = nullptr;
        const int size = i2d_X509(made.get(), &der);
        out.der.emplace_back(der, der + size);
        OPENSSL_free(der);
    }
    out.key = pem([&](BIO* bio) {
        PEM_write_bio_PrivateKey(bio, keys[0].get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    const auto& named = out.der.at(out.der.size() > 1 ? 1 : 0);
    out.fingerprint.resize(32);
    EVP_Digest(named.data(), named.size(), out.fingerprint.data(), nullptr, EVP_sha256(), nullptr);
    return out;
}

} // namespace plexus::test
