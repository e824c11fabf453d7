#include "tls_peer.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace plexus::bench {
namespace {

void check(bool good, const char* what) {
    if (!good) throw std::runtime_error(std::string("benchmark: ") + what + " failed");
}

using context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

context make_context(const SSL_METHOD* method) {
    context made(SSL_CTX_new(method), SSL_CTX_free);
    SSL_CTX_set_min_proto_version(made.get(), TLS1_3_VERSION);
    check(SSL_CTX_set_ciphersuites(made.get(), "TLS_CHACHA20_POLY1305_SHA256") == 1, "choosing the cipher");
    SSL_CTX_set_num_tickets(made.get(), 0);
    return made;
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

} // namespace

tls_peer::tls_peer(int descriptor, SSL_CTX* made, bool server)
    : descriptor_(descriptor), server_(server), ssl_(SSL_new(made)) {
    no_delay(descriptor_);
    SSL_set_fd(ssl_.get(), descriptor_);
}

tls_peer::~tls_peer() {
    if (ssl_) close(descriptor_);
}

tls_peer tls_peer::connect(std::uint16_t port) {
    const context made = make_context(TLS_client_method());
    static constexpr unsigned char alpn[] = "\x05smp/1";
    SSL_CTX_set_alpn_protos(made.get(), alpn, sizeof alpn - 1);
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    check(::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0,
          "connecting");
    tls_peer out(descriptor, made.get(), false);
    check(SSL_connect(out.ssl_.get()) == 1, "the TLS handshake");
    return out;
}

tls_peer tls_peer::accept(int listening, const std::string& chain_file, const std::string& key_file) {
    const context made = make_context(TLS_server_method());
    check(SSL_CTX_use_certificate_chain_file(made.get(), chain_file.c_str()) == 1, "reading the certificate");
    check(SSL_CTX_use_PrivateKey_file(made.get(), key_file.c_str(), SSL_FILETYPE_PEM) == 1,
          "reading the key");
    const int descriptor = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    check(descriptor >= 0, "accepting");
    tls_peer out(descriptor, made.get(), true);
    check(SSL_accept(out.ssl_.get()) == 1, "the TLS handshake");
    return out;
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

bytes tls_peer::channel_binding() const {
    bytes out(64);
    const auto size = server_ ? SSL_get_peer_finished(ssl_.get(), out.data(), out.size())
                              : SSL_get_finished(ssl_.get(), out.data(), out.size());
    out.resize(size);
    return out;
}

std::vector<bytes> tls_peer::peer_chain() const {
    std::vector<bytes> out;
    STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl_.get());
    for (int i = 0; i < sk_X509_num(chain); ++i) {
        X509* one = sk_X509_value(chain, i);
        bytes der(static_cast<std::size_t>(i2d_X509(one, nullptr)));
        unsigned char* end = der.data();
        i2d_X509(one, &end);
        out.push_back(std::move(der));
    }
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
