#include "tls_stream.hpp"

#include <openssl/err.h>

namespace plexus::transport_tls {

namespace {
constexpr std::size_t record_most = 16384; // bytes of plaintext in a TLS record
/// New keys without bytes in between. One call of OpenSSL takes as many as come, so that a peer that sends
/// nothing else would keep its shard.
constexpr std::uint8_t new_keys_most = 32;
} // namespace

tls_stream::tls_stream(runtime& owner, std::unique_ptr<net::carrier> carried, std::string peer, slot place,
                       ssl_pointer ssl)
    : base_stream(owner, std::move(carried), std::move(peer)), place_(std::move(place)),
      ssl_(std::move(ssl)) {
    BIO* bio = make_bio(*below());
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_msg_callback(ssl_.get(), &tls_stream::noticed);
    SSL_set_msg_callback_arg(ssl_.get(), this);
}

void tls_stream::noticed(int written, int, int type, const void* data, std::size_t size, SSL* ssl,
                         void* self) {
    const bool new_keys = written == 0 && type == SSL3_RT_HANDSHAKE && size > 0 &&
                          *static_cast<const std::uint8_t*>(data) == SSL3_MT_KEY_UPDATE;
    auto& count = static_cast<tls_stream*>(self)->new_keys_;
    if (new_keys && ++count > new_keys_most) SSL_set_shutdown(ssl, SSL_RECEIVED_SHUTDOWN); // no more is read
}

tls_stream::~tls_stream() {
    // The peer is told, if that is possible without waiting.
    if (below() != nullptr && !failed() && pending_ == 0 && SSL_is_init_finished(ssl_.get()) != 0 &&
        (SSL_get_shutdown(ssl_.get()) & SSL_SENT_SHUTDOWN) == 0) {
        ERR_clear_error();
        SSL_shutdown(ssl_.get());
    }
    ERR_clear_error();
}

std::string tls_stream::why(int code) {
    std::string reason = openssl_reason();
    if (below()->broken() == PLEXUS_E_CLOSED) return "it closed the connection without a TLS close";
    if (code == SSL_ERROR_SYSCALL || below()->broken() != PLEXUS_OK) return below()->reason();
    return reason;
}

result<bool> tls_stream::step() {
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_.get());
    if (done == 1) {
        below()->want(0);
        return true;
    }
    const int code = SSL_get_error(ssl_.get(), done);
    if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE) {
        below()->want(code == SSL_ERROR_WANT_READ ? PLEXUS_READABLE : PLEXUS_WRITABLE);
        return false;
    }
    const auto kind = below()->broken() == PLEXUS_OK ? status::protocol : status::io;
    return make_error(kind, "the TLS handshake with " + peer() + " failed: " + why(code), kind == status::io);
}

std::int32_t tls_stream::blocked(int code, std::uint8_t& needs, std::string_view doing) {
    switch (code) {
    case SSL_ERROR_WANT_READ: needs = PLEXUS_READABLE; return PLEXUS_E_WOULD_BLOCK;
    case SSL_ERROR_WANT_WRITE: needs = PLEXUS_WRITABLE; return PLEXUS_E_WOULD_BLOCK;
    case SSL_ERROR_ZERO_RETURN:
        if (new_keys_ > new_keys_most)
            return fail(make_error(status::protocol, peer() + " takes new keys again and again"));
        closed_ = true;
        return PLEXUS_E_CLOSED;
    default: break;
    }
    const auto kind = below()->broken() == PLEXUS_OK ? status::protocol : status::io;
    return fail(make_error(
        kind, "the connection with " + peer() + " broke while " + std::string(doing) + ": " + why(code),
        true));
}

std::int32_t tls_stream::read(bytes_span out, std::size_t& taken) {
    if (closed_) return PLEXUS_E_CLOSED;
    ERR_clear_error();
    const int done = SSL_read_ex(ssl_.get(), out.data(), out.size(), &taken);
    if (done == 1) {
        new_keys_ = 0;
        return PLEXUS_OK;
    }
    return blocked(SSL_get_error(ssl_.get(), done), read_needs_, "reading");
}

bool tls_stream::check_readable() {
    // Part of a record makes the socket readable, but not the stream.
    if (failed() || closed_) return true;
    ERR_clear_error();
    std::uint8_t byte = 0;
    std::size_t count = 0;
    const int done = SSL_peek_ex(ssl_.get(), &byte, 1, &count);
    if (done == 1) return true;
    return blocked(SSL_get_error(ssl_.get(), done), read_needs_, "reading") != PLEXUS_E_WOULD_BLOCK;
}

std::int32_t tls_stream::write(bytes_view in, std::size_t& given) {
    if (in.size() < pending_) return PLEXUS_E_INVALID; // not the same bytes again
    ERR_clear_error();
    const int done = SSL_write_ex(ssl_.get(), in.data(), in.size(), &given);
    if (done == 1) {
        pending_ = 0;
        return PLEXUS_OK;
    }
    const std::int32_t code = blocked(SSL_get_error(ssl_.get(), done), write_needs_, "writing");
    if (code == PLEXUS_E_WOULD_BLOCK) pending_ = static_cast<std::uint16_t>(std::min(in.size(), record_most));
    return code;
}

bool tls_stream::flush() {
    if (pending_ == 0) return true;
    // The record is encrypted already: OpenSSL asks for the same length, and does not look at the bytes.
    static constexpr std::array<std::uint8_t, record_most> same_length{};
    std::size_t given = 0;
    ERR_clear_error();
    const int done = SSL_write_ex(ssl_.get(), same_length.data(), pending_, &given);
    if (done == 1) {
        pending_ = 0;
        return true;
    }
    const int code = SSL_get_error(ssl_.get(), done);
    return code != SSL_ERROR_WANT_WRITE && code != SSL_ERROR_WANT_READ;
}

bool tls_stream::end() {
    if (!flush()) return false;
    if (pending_ == 0) {
        ERR_clear_error();
        const int done = SSL_shutdown(ssl_.get());
        if (done < 0 && SSL_get_error(ssl_.get(), done) == SSL_ERROR_WANT_WRITE) return false;
    }
    below()->shutdown();
    return true;
}

bytes tls_stream::channel_binding() const {
    bytes out(64);
    const SSL* ssl = ssl_.get();
    const std::size_t size = SSL_is_server(ssl) != 0 ? SSL_get_peer_finished(ssl, out.data(), out.size())
                                                     : SSL_get_finished(ssl, out.data(), out.size());
    out.resize(std::min(size, out.size()));
    return out;
}

bytes tls_stream::certificate(std::uint32_t what, std::uint32_t index) const {
    const SSL* ssl = ssl_.get();
    if (what == PLEXUS_STREAM_PEER_CERTIFICATE) {
        // At a server the peer's leaf is not part of its chain.
        STACK_OF(X509)* sent = SSL_get_peer_cert_chain(ssl);
        std::uint32_t at = index;
        if (SSL_is_server(ssl) != 0) {
            X509* leaf = SSL_get0_peer_certificate(ssl);
            if (leaf == nullptr) return {};
            if (index == 0) return der_of(leaf);
            at = index - 1;
        }
        return at < static_cast<std::uint32_t>(sk_X509_num(sent) < 0 ? 0 : sk_X509_num(sent))
                   ? der_of(sk_X509_value(sent, static_cast<int>(at)))
                   : bytes();
    }
    X509* leaf = SSL_get_certificate(ssl);
    if (leaf == nullptr) return {};
    if (index == 0) return der_of(leaf);
    STACK_OF(X509)* rest = nullptr;
    SSL_get0_chain_certs(const_cast<SSL*>(ssl), &rest);
    const int count = rest == nullptr ? 0 : sk_X509_num(rest);
    return index - 1 < static_cast<std::uint32_t>(count)
               ? der_of(sk_X509_value(rest, static_cast<int>(index) - 1))
               : bytes();
}

std::string tls_stream::cipher() const {
    SSL* ssl = ssl_.get();
    const char* group = SSL_group_to_name(ssl, static_cast<int>(SSL_get_negotiated_group(ssl)));
    std::string out = std::string(SSL_get_version(ssl)) + " " + SSL_get_cipher_name(ssl);
    return group == nullptr ? out : out + " " + group;
}

std::int32_t tls_stream::info(std::uint32_t what, std::uint32_t index, plexus_view& value) {
    if (base_stream::info(what, index, value) == PLEXUS_OK) return PLEXUS_OK;
    const bool certificates = what == PLEXUS_STREAM_PEER_CERTIFICATE || what == PLEXUS_STREAM_OWN_CERTIFICATE;
    if (index != 0 && !certificates) return PLEXUS_E_NOT_FOUND;
    bytes found;
    switch (what) {
    case PLEXUS_STREAM_ALPN: {
        const unsigned char* data = nullptr;
        unsigned size = 0;
        SSL_get0_alpn_selected(ssl_.get(), &data, &size);
        value = plexus_view{data, size}; // lives with the SSL
        return PLEXUS_OK;
    }
    case PLEXUS_STREAM_SNI: {
        const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
        value = to_abi(std::string_view(name == nullptr ? "" : name));
        return PLEXUS_OK;
    }
    case PLEXUS_STREAM_CHANNEL_BINDING: found = channel_binding(); break;
    case PLEXUS_STREAM_CIPHER: found = to_bytes(cipher()); break;
    case PLEXUS_STREAM_PEER_CERTIFICATE:
    case PLEXUS_STREAM_OWN_CERTIFICATE: found = certificate(what, index); break;
    default: break;
    }
    if (found.empty()) return PLEXUS_E_NOT_FOUND;
    value = keep(what, index, std::move(found));
    return PLEXUS_OK;
}

} // namespace plexus::transport_tls
