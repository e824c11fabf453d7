#include "issue.hpp"

#include "plexus/abi.hpp"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

namespace plexus::smp_server {
namespace {

/// As long as official servers' certificates live: pinning replaces expiry.
constexpr int lifetime_days = 999'999;

template <auto Free>
struct freer {
    template <typename T>
    void operator()(T* value) const noexcept {
        Free(value);
    }
};
using certificate_ptr = std::unique_ptr<X509, freer<X509_free>>;
using key_ptr = std::unique_ptr<EVP_PKEY, freer<EVP_PKEY_free>>;
using number_ptr = std::unique_ptr<BIGNUM, freer<BN_free>>;
using extension_ptr = std::unique_ptr<X509_EXTENSION, freer<X509_EXTENSION_free>>;

struct extension {
    int nid;
    const char* value;
};

error failed(const char* what) {
    return make_error(status::internal, std::string("OpenSSL could not make ") + what);
}

int type_of(crypto::key_type type) {
    return type == crypto::key_type::ed448 ? EVP_PKEY_ED448 : EVP_PKEY_ED25519;
}

key_ptr private_of(const crypto::private_key& key) {
    const auto raw = key.raw();
    return key_ptr(EVP_PKEY_new_raw_private_key(type_of(key.type()), nullptr, raw.data(), raw.size()));
}
key_ptr public_of(const crypto::public_key& key) {
    return key_ptr(
        EVP_PKEY_new_raw_public_key(type_of(key.type()), nullptr, key.raw().data(), key.raw().size()));
}

bool add_name(X509_NAME* name, const char* field, const std::string& text) {
    return text.empty() || X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                                      reinterpret_cast<const unsigned char*>(text.data()),
                                                      static_cast<int>(text.size()), -1, 0) == 1;
}

bool set_serial(X509* certificate, std::array<std::uint8_t, 20> serial) {
    serial[0] &= 0x7f;
    serial[0] |= 0x40;
    const number_ptr number(BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr));
    return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_times(X509* certificate, std::chrono::seconds now) {
    auto from = static_cast<std::time_t>(now.count());
    return X509_time_adj_ex(X509_getm_notBefore(certificate), 0, 0, &from) != nullptr &&
           X509_time_adj_ex(X509_getm_notAfter(certificate), lifetime_days, 0, &from) != nullptr;
}

bool add_extensions(X509* certificate, X509* issuer, std::initializer_list<extension> extensions) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    for (const auto& each : extensions) {
        const extension_ptr made(X509V3_EXT_conf_nid(nullptr, &context, each.nid, each.value));
        if (!made || X509_add_ext(certificate, made.get(), -1) != 1) return false;
    }
    return true;
}

result<bytes> der_of(X509* certificate) {
    const int size = i2d_X509(certificate, nullptr);
    if (size <= 0) return failed("the DER of a certificate");
    bytes out(static_cast<std::size_t>(size));
    auto* at = out.data();
    i2d_X509(certificate, &at);
    return out;
}

/// Everything but the extensions and the signature.
certificate_ptr blank(const issue_request& request, EVP_PKEY* key) {
    certificate_ptr out(X509_new());
    if (!out || X509_set_version(out.get(), X509_VERSION_3) != 1 || !set_serial(out.get(), request.serial) ||
        !set_times(out.get(), request.now) || X509_set_pubkey(out.get(), key) != 1)
        return nullptr;
    auto* name = X509_get_subject_name(out.get());
    if (!add_name(name, "CN", request.common_name) || !add_name(name, "O", request.organisation))
        return nullptr;
    return out;
}

} // namespace

result<bytes> issue_authority(const issue_request& request, const crypto::private_key& key) {
    const auto own = private_of(key);
    const auto made = own ? blank(request, own.get()) : nullptr;
    if (!made || X509_set_issuer_name(made.get(), X509_get_subject_name(made.get())) != 1 ||
        !add_extensions(made.get(), made.get(),
                        {{NID_subject_key_identifier, "hash"},
                         {NID_authority_key_identifier, "keyid:always"},
                         {NID_basic_constraints, "critical,CA:TRUE"}}) ||
        X509_sign(made.get(), own.get(), nullptr) <= 0)
        return failed("the certificate of the authority");
    return der_of(made.get());
}

result<bytes> issue_server(const issue_request& request, const crypto::public_key& key, bytes_view issuer,
                           const crypto::private_key& issuer_key) {
    const auto* at = issuer.data();
    const certificate_ptr authority(d2i_X509(nullptr, &at, static_cast<long>(issuer.size())));
    const auto own = public_of(key);
    const auto signer = private_of(issuer_key);
    const auto made = own ? blank(request, own.get()) : nullptr;
    if (!authority || !signer || !made ||
        X509_set_issuer_name(made.get(), X509_get_subject_name(authority.get())) != 1 ||
        !add_extensions(made.get(), authority.get(),
                        {{NID_basic_constraints, "CA:FALSE"},
                         {NID_key_usage, "digitalSignature,nonRepudiation,keyAgreement"},
                         {NID_ext_key_usage, "serverAuth"},
                         {NID_subject_key_identifier, "hash"},
                         {NID_authority_key_identifier, "keyid"}}) ||
        X509_sign(made.get(), signer.get(), nullptr) <= 0)
        return failed("the certificate of the server");
    return der_of(made.get());
}

} // namespace plexus::smp_server
