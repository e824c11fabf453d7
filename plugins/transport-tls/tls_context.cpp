#include "tls_context.hpp"

#include <openssl/err.h>

#include <algorithm>

namespace plexus::transport_tls {

namespace {

constexpr std::size_t certificates_most = 32 * 1024; // bytes of a peer's chain

error refused(std::string_view what) {
    return make_error(status::internal, "OpenSSL refused " + std::string(what) + ": " + openssl_reason());
}

result<ssl_context_pointer> make_context(const SSL_METHOD* method, const settings& config) {
    ssl_context_pointer out(SSL_CTX_new(method));
    if (!out) return refused("a TLS context");
    SSL_CTX* context = out.get();
    // The preset of a client's share is the first group; a server takes the share that was offered.
    const char* groups = config.group == "x25519" ? "X25519" : "X25519:X448";
    if (SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(context, "TLS_CHACHA20_POLY1305_SHA256") != 1 ||
        SSL_CTX_set1_groups_list(context, groups) != 1 ||
        SSL_CTX_set1_sigalgs_list(context, "ed25519:ed448") != 1 || SSL_CTX_set_num_tickets(context, 0) != 1)
        return refused("the TLS parameters");
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_max_cert_list(context, static_cast<long>(certificates_most));
    return out;
}

std::vector<X509*> certificates_of(STACK_OF(X509) * stack) {
    const int count = std::max(0, sk_X509_num(stack)); // -1: there is none
    std::vector<X509*> out;
    out.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) out.push_back(sk_X509_value(stack, i));
    return out;
}

result<void> check_server(const std::vector<X509*>& certificates, const expectation& expected, int& code) {
    const bytes identity = identity_of(certificates);
    if (!identity.empty() && !equal(identity, expected.key_hash)) {
        code = X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN; // the alert is unknown_ca
        return make_error(status::identity, "it shows the certificate fingerprint " + shown(identity) +
                                                ", and its address has " + shown(expected.key_hash) +
                                                ": the address is wrong or somebody stands in between");
    }
    return check_chain(certificates, expected.clock.wall(), code);
}

int verify_server(X509_STORE_CTX* store, void*) {
    int code = X509_V_ERR_UNSPECIFIED;
    const std::int32_t outcome = guard(nullptr, [&]() -> result<void> {
        auto* ssl =
            static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
        auto* expected = static_cast<expectation*>(SSL_get_app_data(ssl));
        auto checked = check_server(certificates_of(X509_STORE_CTX_get0_untrusted(store)), *expected, code);
        if (!checked)
            expected->refused = make_error(status::identity, "the server " + expected->server +
                                                                 " is refused: " + checked.error().message());
        return checked;
    });
    X509_STORE_CTX_set_error(store, outcome == PLEXUS_OK ? X509_V_OK : code);
    return outcome == PLEXUS_OK ? 1 : 0;
}

/// What a listener's handshakes go by; it lives with the SSL_CTX.
struct handshake_rules {
    std::vector<bytes> alpn;
    clock_view clock; ///< for the certificates of clients
};

int rules_slot() {
    static const int index = SSL_CTX_get_ex_new_index(
        0, nullptr, nullptr, nullptr, [](void*, void* kept, CRYPTO_EX_DATA*, int, long, void*) {
            delete static_cast<handshake_rules*>(kept);
        });
    return index;
}

int select_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                unsigned size, void* context) {
    const auto* rules = static_cast<const handshake_rules*>(context);
    for (const auto& ours : rules->alpn) {
        for (unsigned at = 0; at < size; at += 1U + offered[at]) {
            const unsigned length = offered[at];
            if (length >= size - at) return SSL_TLSEXT_ERR_ALERT_FATAL;
            if (!equal(ours, {offered + at + 1, length})) continue;
            *out = offered + at + 1;
            *out_size = static_cast<unsigned char>(length);
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/// What a client shows must hold; a client that shows nothing comes without a call.
int verify_client(X509_STORE_CTX* store, void* context) {
    int code = X509_V_ERR_UNSPECIFIED;
    const std::int32_t outcome = guard(nullptr, [&]() -> result<void> {
        const auto* rules = static_cast<const handshake_rules*>(context);
        return check_client_chain(certificates_of(X509_STORE_CTX_get0_untrusted(store)), rules->clock.wall(),
                                  code);
    });
    X509_STORE_CTX_set_error(store, outcome == PLEXUS_OK ? X509_V_OK : code);
    return outcome == PLEXUS_OK ? 1 : 0;
}

result<void> use_credentials(SSL* ssl, bytes_view chain_pem, bytes_view key_pem) {
    PLEXUS_TRY(auto certificates, read_chain(chain_pem));
    PLEXUS_TRY(auto key, read_key(key_pem, certificates.front().get()));
    if (SSL_use_certificate(ssl, certificates.front().get()) != 1 || SSL_use_PrivateKey(ssl, key.get()) != 1)
        return refused("the client's certificate");
    for (std::size_t i = 1; i < certificates.size(); ++i)
        if (SSL_add1_chain_cert(ssl, certificates[i].get()) != 1) return refused("the client's chain");
    return {};
}

/// What a connection's hello decides about; it lives with the SSL.
using named_choice = std::shared_ptr<const named_context>;

int named_slot() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr,
                                                  [](void*, void* kept, CRYPTO_EX_DATA*, int, long, void*) {
                                                      delete static_cast<named_choice*>(kept);
                                                  });
    return index;
}

int choose_identity(SSL* ssl, int* alert, void*) {
    const auto* named = static_cast<const named_choice*>(SSL_get_ex_data(ssl, named_slot()));
    const unsigned char* name = nullptr;
    std::size_t size = 0;
    if (named == nullptr || SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &name, &size) != 1)
        return SSL_CLIENT_HELLO_SUCCESS;
    if ((*named)->take_over(ssl)) return SSL_CLIENT_HELLO_SUCCESS;
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
}

int select_http(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                unsigned size, void*) {
    static constexpr unsigned char ours[] = "\x08http/1.1";
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, out_size, ours, sizeof ours - 1, offered, size) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

} // namespace

result<std::shared_ptr<const named_context>> named_context::make(bytes_view chain_pem, bytes_view key_pem) {
    PLEXUS_TRY(auto certificates, read_chain(chain_pem));
    PLEXUS_TRY(auto key, read_any_key(key_pem, certificates.front().get()));
    ssl_context_pointer context(SSL_CTX_new(TLS_server_method()));
    if (!context || SSL_CTX_use_certificate(context.get(), certificates.front().get()) != 1 ||
        SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1)
        return refused("the certificate for clients that name the server");
    for (std::size_t i = 1; i < certificates.size(); ++i)
        if (SSL_CTX_add1_chain_cert(context.get(), certificates[i].get()) != 1)
            return refused("the chain for clients that name the server");
    SSL_CTX_set_alpn_select_cb(context.get(), select_http, nullptr);
    return std::shared_ptr<const named_context>(new named_context(std::move(context)));
}

bool named_context::take_over(SSL* ssl) const {
    // Of a context only certificates and callbacks go over; the rest is the connection's own.
    SSL_set_verify(ssl, SSL_VERIFY_NONE, nullptr);
    return SSL_set_SSL_CTX(ssl, context_.get()) != nullptr &&
           SSL_set_min_proto_version(ssl, TLS1_2_VERSION) == 1 &&
           SSL_set_ciphersuites(ssl, TLS_DEFAULT_CIPHERSUITES) == 1 &&
           SSL_set_cipher_list(ssl, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
           SSL_set1_groups_list(ssl, "X25519:P-256:P-384") == 1 &&
           SSL_set1_sigalgs_list(ssl, "ed25519:ECDSA+SHA256:ECDSA+SHA384:RSA-PSS+SHA256:RSA-PSS+SHA384:"
                                      "RSA+SHA256:RSA+SHA384") == 1;
}

result<client_context> client_context::make(const settings& config) {
    PLEXUS_TRY(auto context, make_context(TLS_client_method(), config));
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_verify_callback(context.get(), verify_server, nullptr);
    return client_context(std::move(context));
}

result<ssl_pointer> client_context::make_ssl(const std::vector<bytes>& alpn, const std::string& server_name,
                                             bytes_view client_chain, bytes_view client_key,
                                             expectation& expected) const {
    ssl_pointer ssl(SSL_new(context_.get()));
    if (!ssl) return refused("a TLS connection");
    SSL_set_connect_state(ssl.get());
    SSL_set_app_data(ssl.get(), &expected);
    bytes offered;
    for (const auto& one : alpn) {
        if (one.empty() || one.size() > 255)
            return make_error(status::invalid, "an ALPN protocol must have 1 to 255 bytes");
        offered.push_back(static_cast<std::uint8_t>(one.size()));
        offered.insert(offered.end(), one.begin(), one.end());
    }
    if (!offered.empty() &&
        SSL_set_alpn_protos(ssl.get(), offered.data(), static_cast<unsigned>(offered.size())) != 0)
        return refused("the ALPN protocols");
    if (!server_name.empty() && SSL_set_tlsext_host_name(ssl.get(), server_name.c_str()) != 1)
        return refused("the server name " + server_name);
    if (!client_chain.empty()) PLEXUS_CHECK(use_credentials(ssl.get(), client_chain, client_key));
    return ssl;
}

void forget_expectation(SSL* ssl) { SSL_set_app_data(ssl, nullptr); }

result<std::shared_ptr<const server_context>> server_context::make(const settings& config, clock_view clock,
                                                                   bytes_view chain_pem, bytes_view key_pem,
                                                                   std::vector<bytes> alpn,
                                                                   bool ask_certificate) {
    PLEXUS_TRY(auto certificates, read_chain(chain_pem));
    PLEXUS_TRY(auto key, read_key(key_pem, certificates.front().get()));
    std::vector<X509*> plain;
    plain.reserve(certificates.size());
    for (const auto& one : certificates) plain.push_back(one.get());
    int code = 0;
    auto sound = check_chain(plain, clock.wall(), code);
    if (!sound)
        return make_error(status::invalid, "clients would refuse this server: " + sound.error().message());

    PLEXUS_TRY(auto context, make_context(TLS_server_method(), config));
    if (SSL_CTX_use_certificate(context.get(), plain.front()) != 1 ||
        SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1)
        return refused("the server's certificate");
    for (std::size_t i = 1; i < plain.size(); ++i)
        if (SSL_CTX_add1_chain_cert(context.get(), plain[i]) != 1) return refused("the server's chain");
    SSL_CTX* raw = context.get();
    SSL_CTX_set_client_hello_cb(raw, choose_identity, nullptr);
    auto kept = std::make_unique<handshake_rules>(handshake_rules{std::move(alpn), clock});
    auto* rules = kept.get();
    if (SSL_CTX_set_ex_data(raw, rules_slot(), rules) != 1) return refused("the rules of handshakes");
    static_cast<void>(kept.release()); // the context's now: handshakes may outlive this object
    if (ask_certificate) {
        SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
        SSL_CTX_set_cert_verify_callback(raw, verify_client, rules);
    }
    if (!rules->alpn.empty()) SSL_CTX_set_alpn_select_cb(raw, select_alpn, rules);
    return std::shared_ptr<const server_context>(new server_context(std::move(context)));
}

result<ssl_pointer> server_context::make_ssl(std::shared_ptr<const named_context> named) const {
    ssl_pointer ssl(SSL_new(context_.get()));
    if (!ssl) return refused("a TLS connection");
    SSL_set_accept_state(ssl.get());
    if (named) {
        auto kept = std::make_unique<named_choice>(std::move(named));
        if (SSL_set_ex_data(ssl.get(), named_slot(), kept.get()) != 1) return refused("a TLS connection");
        static_cast<void>(kept.release()); // the connection's now
    }
    return ssl;
}

} // namespace plexus::transport_tls
