#include "openssl_peer.hpp"

#include <arpa/inet.h>
#include <memory>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace plexus::test {

namespace {

sockaddr_in loopback(std::uint32_t port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(static_cast<std::uint16_t>(port));
    out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return out;
}

using context_pointer = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using ssl_pointer = std::unique_ptr<SSL, decltype(&SSL_free)>;

std::string last_reason() {
    std::string out;
    while (const unsigned long code = ERR_get_error()) {
        const char* reason = ERR_reason_error_string(code);
        out = reason != nullptr ? reason : "unknown";
    }
    return out.empty() ? "closed" : out;
}

} // namespace

raw_client::raw_client(std::uint32_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in where = loopback(port);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0)
        throw std::runtime_error("not connected");
}
raw_client::~raw_client() { ::close(socket_); }

void raw_client::send(bytes_view data) const {
    if (::send(socket_, data.data(), data.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(data.size()))
        throw std::runtime_error("not sent");
}

bool raw_client::closed() const {
    bytes drop(4096);
    for (;;) {
        const ssize_t count = ::recv(socket_, drop.data(), drop.size(), MSG_DONTWAIT);
        if (count == 0) return true;
        if (count < 0) return errno != EAGAIN;
    }
}

raw_server::raw_server() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in where = loopback(0);
    socklen_t size = sizeof where;
    if (::bind(socket_, reinterpret_cast<sockaddr*>(&where), size) != 0 || ::listen(socket_, 8) != 0 ||
        ::getsockname(socket_, reinterpret_cast<sockaddr*>(&where), &size) != 0)
        throw std::runtime_error("not listening");
    port_ = ntohs(where.sin_port);
}
raw_server::~raw_server() {
    ::shutdown(socket_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    ::close(socket_);
}

void raw_server::serve(std::function<void(int)> step) {
    thread_ = std::thread([this, step = std::move(step)] {
        const int client = ::accept(socket_, nullptr, nullptr);
        if (client < 0) return;
        step(client);
        ::close(client);
    });
}

std::string client_handshake(int socket, const tls_client_options& options, int& server_hellos) {
    const context_pointer context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    SSL_CTX_set1_groups_list(context.get(), options.groups.c_str());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
    SSL_CTX_set_msg_callback(
        context.get(), [](int written, int, int type, const void* data, std::size_t size, SSL*, void* count) {
            const bool hello = size > 0 && static_cast<const std::uint8_t*>(data)[0] == SSL3_MT_SERVER_HELLO;
            if (written == 0 && type == SSL3_RT_HANDSHAKE && hello) ++*static_cast<int*>(count);
        });
    SSL_CTX_set_msg_callback_arg(context.get(), &server_hellos);
    const ssl_pointer ssl(SSL_new(context.get()), SSL_free);
    if (!options.alpn.empty()) {
        bytes offered{static_cast<std::uint8_t>(options.alpn.size())};
        offered.insert(offered.end(), options.alpn.begin(), options.alpn.end());
        SSL_set_alpn_protos(ssl.get(), offered.data(), static_cast<unsigned>(offered.size()));
    }
    SSL_set_fd(ssl.get(), socket);
    if (SSL_connect(ssl.get()) != 1) return {};
    const char* group = SSL_group_to_name(ssl.get(), static_cast<int>(SSL_get_negotiated_group(ssl.get())));
    return group == nullptr ? "?" : group;
}

bool client_with_new_keys(int socket, int count, const std::string& last) {
    const context_pointer context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
    const ssl_pointer ssl(SSL_new(context.get()), SSL_free);
    const unsigned char alpn[] = "\x05smp/1";
    SSL_set_alpn_protos(ssl.get(), alpn, sizeof alpn - 1);
    SSL_set_fd(ssl.get(), socket);
    if (SSL_connect(ssl.get()) != 1) return false;
    for (int i = 0; i < count; ++i)
        if (SSL_key_update(ssl.get(), SSL_KEY_UPDATE_NOT_REQUESTED) != 1 || SSL_do_handshake(ssl.get()) != 1)
            return false;
    if (SSL_write(ssl.get(), last.data(), static_cast<int>(last.size())) <= 0) return false;
    char byte = 0;
    SSL_read(ssl.get(), &byte, 1);
    return true;
}

std::string server_handshake(int socket, const test_chain& chain) {
    const context_pointer context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    BIO* in = BIO_new_mem_buf(chain.pem.data(), static_cast<int>(chain.pem.size()));
    for (int i = 0; X509* one = PEM_read_bio_X509(in, nullptr, nullptr, nullptr); ++i) {
        if (i == 0)
            SSL_CTX_use_certificate(context.get(), one);
        else
            SSL_CTX_add1_chain_cert(context.get(), one);
        X509_free(one);
    }
    BIO_free(in);
    in = BIO_new_mem_buf(chain.key.data(), static_cast<int>(chain.key.size()));
    EVP_PKEY* key = PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
    SSL_CTX_use_PrivateKey(context.get(), key);
    EVP_PKEY_free(key);
    BIO_free(in);
    ERR_clear_error();
    const ssl_pointer ssl(SSL_new(context.get()), SSL_free);
    SSL_set_fd(ssl.get(), socket);
    if (SSL_accept(ssl.get()) == 1) return {};
    return last_reason();
}

} // namespace plexus::test
