#include "tls_peer.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace plexus::bench {
namespace {

void check(bool good, const char* what) {
    if (!good) throw std::runtime_error(std::string("benchmark: ") + what + " failed");
}

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

void no_delay(int descriptor) {
    const int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

using certificate_pointer = std::unique_ptr<X509, free_openssl>;
using key_pointer = std::unique_ptr<EVP_PKEY, free_openssl>;

certificate_pointer issue(int number, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key) {
    certificate_pointer made(X509_new());
    X509_set_version(made.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), number + 1);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 86'400);
    const std::string name = "benchmark " + std::to_string(number);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(made.get(), X509_get_subject_name(issuer == nullptr ? made.get() : issuer));
    X509_set_pubkey(made.get(), key);
    if (number > 1) {
        using extension_pointer = std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)>;
        const extension_pointer authority(
            X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE"),
            X509_EXTENSION_free);
        check(X509_add_ext(made.get(), authority.get(), -1) == 1, "making an authority");
    }
    check(X509_sign(made.get(), issuer_key, nullptr) > 0, "signing a certificate");
    return made;
}

} // namespace

const char* group_list(key_group group) noexcept {
    return group == key_group::x448 ? "X448:X25519" : "X25519";
}

context_pointer make_tls_context(bool server, key_group group) {
    context_pointer made(SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()));
    SSL_CTX_set_min_proto_version(made.get(), TLS1_3_VERSION);
    check(SSL_CTX_set_ciphersuites(made.get(), "TLS_CHACHA20_POLY1305_SHA256") == 1, "choosing the cipher");
    check(SSL_CTX_set1_groups_list(made.get(), group_list(group)) == 1, "choosing the group");
    SSL_CTX_set_num_tickets(made.get(), 0);
    SSL_CTX_set_session_cache_mode(made.get(), SSL_SESS_CACHE_OFF);
    return made;
}

void use_new_chain(SSL_CTX* context, crypto::key_type kind, int length) {
    const int type = kind == crypto::key_type::ed448 ? EVP_PKEY_ED448 : EVP_PKEY_ED25519;
    std::vector<certificate_pointer> chain; // the root first
    key_pointer key;
    for (int left = length; left > 0; --left) {
        key_pointer own(EVP_PKEY_Q_keygen(nullptr, nullptr, OBJ_nid2sn(type)));
        check(own != nullptr, "making a key");
        chain.push_back(issue(left, own.get(), chain.empty() ? nullptr : chain.back().get(),
                              key ? key.get() : own.get()));
        key = std::move(own);
    }
    // The chain belongs to the certificate that was set before.
    check(SSL_CTX_use_certificate(context, chain.back().get()) == 1, "using a certificate");
    check(SSL_CTX_use_PrivateKey(context, key.get()) == 1, "using a key");
    for (auto one = chain.rbegin() + 1; one != chain.rend(); ++one)
        check(SSL_CTX_add1_chain_cert(context, one->get()) == 1, "using a chain");
}

tls_peer::tls_peer(int descriptor, SSL_CTX* made) : descriptor_(descriptor), ssl_(SSL_new(made)) {
    no_delay(descriptor_);
    SSL_set_fd(ssl_.get(), descriptor_);
}

tls_peer::~tls_peer() {
    if (ssl_) close(descriptor_);
}

tls_peer tls_peer::dial(std::uint16_t port, SSL_CTX* context) {
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    check(::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0,
          "connecting");
    return tls_peer(descriptor, context);
}

tls_peer tls_peer::connect(std::uint16_t port, SSL_CTX* context, std::string_view alpn) {
    auto out = dial(port, context);
    bytes offered{static_cast<std::uint8_t>(alpn.size())};
    offered.insert(offered.end(), alpn.begin(), alpn.end());
    if (!alpn.empty())
        SSL_set_alpn_protos(out.ssl_.get(), offered.data(), static_cast<unsigned>(offered.size()));
    check(SSL_connect(out.ssl_.get()) == 1, "the TLS handshake");
    return out;
}

void tls_peer::connect_and_leave(std::uint16_t port, SSL_CTX* context) {
    const auto out = dial(port, context);
    SSL* ssl = out.ssl_.get();
    BIO* outgoing = BIO_new(BIO_s_mem());
    SSL_set0_wbio(ssl, outgoing);
    fcntl(out.descriptor_, F_SETFL, O_NONBLOCK);
    for (int done = 0; (done = SSL_connect(ssl)) != 1;) { // what it wrote for the last time stays here
        check(SSL_get_error(ssl, done) == SSL_ERROR_WANT_READ, "the TLS handshake");
        bytes written(BIO_pending(outgoing));
        BIO_read(outgoing, written.data(), static_cast<int>(written.size()));
        check(send(out.descriptor_, written.data(), written.size(), MSG_NOSIGNAL) ==
                  static_cast<ssize_t>(written.size()),
              "writing");
        pollfd readable{out.descriptor_, POLLIN, 0};
        check(poll(&readable, 1, -1) == 1, "waiting");
    }
}

void tls_peer::accept_and_lose(int listening, SSL_CTX* context) {
    const int descriptor = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    check(descriptor >= 0, "accepting");
    const tls_peer out(descriptor, context);
    check(SSL_accept(out.ssl_.get()) != 1, "losing a client");
    ERR_clear_error(); // or the next connection of this thread would take it for its own
}

tls_peer tls_peer::accept(int listening, SSL_CTX* context) {
    const int descriptor = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    check(descriptor >= 0, "accepting");
    tls_peer out(descriptor, context);
    check(SSL_accept(out.ssl_.get()) == 1, "the TLS handshake");
    return out;
}

tls_peer tls_peer::connect(std::uint16_t port) {
    return connect(port, make_tls_context(false, key_group::x25519).get());
}

tls_peer tls_peer::accept(int listening, const std::string& chain_file, const std::string& key_file) {
    const auto context = make_tls_context(true, key_group::x448);
    check(SSL_CTX_use_certificate_chain_file(context.get(), chain_file.c_str()) == 1,
          "reading the certificate");
    check(SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) == 1,
          "reading the key");
    return accept(listening, context.get());
}

void tls_peer::write(bytes_view data) {
    check(SSL_write(ssl_.get(), data.data(), static_cast<int>(data.size())) == static_cast<int>(data.size()),
          "writing");
}

void tls_peer::read(bytes_span out) {
    while (!out.empty()) {
        const int taken = SSL_read(ssl_.get(), out.data(), static_cast<int>(out.size()));
        check(taken > 0, "reading");
        out = out.subspan(static_cast<std::size_t>(taken));
    }
}

std::vector<bytes> peer_chain(const SSL* ssl) {
    std::vector<bytes> out;
    STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl);
    for (int i = 0; i < sk_X509_num(chain); ++i) {
        X509* one = sk_X509_value(chain, i);
        bytes der(static_cast<std::size_t>(i2d_X509(one, nullptr)));
        unsigned char* end = der.data();
        i2d_X509(one, &end);
        out.push_back(std::move(der));
    }
    return out;
}

bytes channel_binding(const SSL* ssl) {
    bytes out(64);
    out.resize(SSL_is_server(ssl) == 1 ? SSL_get_peer_finished(ssl, out.data(), out.size())
                                       : SSL_get_finished(ssl, out.data(), out.size()));
    return out;
}

std::pair<int, std::uint16_t> listen_on_loopback() {
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    check(bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "binding");
    check(listen(descriptor, 16) == 0, "listening");
    socklen_t size = sizeof address;
    getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
    return {descriptor, ntohs(address.sin_port)};
}

} // namespace plexus::bench
