#include "connection.hpp"

#include "system_random.hpp"

#include "plexus/encoding/writer.hpp"
#include "plexus/smp/authorization.hpp"
#include "plexus/smp/certificates.hpp"
#include "plexus/smp/handshake.hpp"
#include "plexus/smp/transmission.hpp"

#include <openssl/err.h>

namespace plexus::bench {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

/// Blocks that one connection takes before others have their turn.
constexpr int blocks_a_turn = 16;

/// What all connections of the thread share: buffers that come and go with every block.
struct shared_buffers {
    std::vector<std::unique_ptr<smp::block_buffer>> spare;
    bytes body;
    bytes authorized;
    smp::block_buffer reading{};
};

shared_buffers& buffers() {
    thread_local shared_buffers out;
    return out;
}

std::unique_ptr<smp::block_buffer> take_buffer() {
    auto& spare = buffers().spare;
    if (spare.empty()) return std::make_unique<smp::block_buffer>();
    auto out = std::move(spare.back());
    spare.pop_back();
    return out;
}

void give_buffer(std::unique_ptr<smp::block_buffer> back) {
    if (back) buffers().spare.push_back(std::move(back));
}

crypto::random_source& randomness() {
    thread_local system_random out;
    return out;
}

std::string tls_reason() {
    const auto code = ERR_get_error();
    ERR_clear_error();
    const char* text = code == 0 ? nullptr : ERR_reason_error_string(code);
    return text == nullptr ? "the server closed it" : text;
}

} // namespace

entity_id::entity_id(bytes_view from) noexcept
    : size_(static_cast<std::uint8_t>(std::min(from.size(), data_.size()))) {
    std::copy_n(from.begin(), size_, data_.begin());
}

connection::connection(asio::io_context& io, const target& to, events& owner, std::uint32_t index)
    : socket_(io), to_(to), owner_(owner), index_(index) {}

void connection::open() {
    state_ = state::connecting;
    socket_.async_connect(to_.endpoint, [self = shared_from_this()](boost::system::error_code failure) {
        if (self->state_ != state::connecting) return;
        if (failure) return self->fail(failed("cannot connect to the server: " + failure.message()));
        self->handshake();
    });
}

void connection::close() {
    state_ = state::closed;
    boost::system::error_code ignored;
    if (ssl_) SSL_shutdown(ssl_.get());
    ERR_clear_error();
    ssl_.reset();
    socket_.close(ignored);
    give_buffer(std::move(partial_));
    arrived_ = 0;
    builder_.reset();
    give_buffer(std::move(filling_));
    for (auto& one : outgoing_) give_buffer(std::move(one));
    outgoing_.clear();
    sent_ = offset_ = 0;
}

void connection::fail(const error& why) {
    close();
    owner_.lost(*this, why);
}

void connection::handshake() {
    boost::system::error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    socket_.native_non_blocking(true, ignored);
    ssl_.reset(SSL_new(to_.tls.get()));
    SSL_set_fd(ssl_.get(), socket_.native_handle());
    SSL_set_connect_state(ssl_.get());
    state_ = state::handshake;
    step();
}

void connection::step() {
    switch (state_) {
    case state::handshake: {
        const int done = SSL_do_handshake(ssl_.get());
        if (done == 1) return finish_handshake();
        const int why = SSL_get_error(ssl_.get(), done);
        if (why == SSL_ERROR_WANT_READ) return wait(tcp::socket::wait_read);
        if (why == SSL_ERROR_WANT_WRITE) return wait(tcp::socket::wait_write);
        return fail(failed("the TLS handshake failed: " + tls_reason()));
    }
    case state::hello:
    case state::ready: return read_blocks();
    case state::connecting:
    case state::closed: return;
    }
}

void connection::finish_handshake() {
    session_id_ = channel_binding(ssl_.get());
    const auto chain = peer_chain(ssl_.get());
    chain_length_ = static_cast<int>(chain.size());
    const auto roles = smp::roles_of_chain(chain.size());
    if (!roles || smp::fingerprint(chain[roles->identity]) != to_.address.fingerprint)
        return fail(failed("the server's certificate is not the one that its address names"));
    auto leaf = smp::certificate_key(chain.front());
    if (!leaf) return fail(leaf.error());
    leaf_key_ = *leaf;
    state_ = state::hello;
    read_blocks();
}

void connection::wait(tcp::socket::wait_type what) {
    bool& waiting = what == tcp::socket::wait_read ? reading_ : writing_;
    if (waiting || (deaf_ && what == tcp::socket::wait_read)) return;
    waiting = true;
    socket_.async_wait(what, [self = shared_from_this(), what](boost::system::error_code failure) {
        (what == tcp::socket::wait_read ? self->reading_ : self->writing_) = false;
        if (failure || self->state_ == state::closed) return;
        if (what == tcp::socket::wait_write && self->state_ == state::ready)
            self->write_blocks();
        else
            self->step();
    });
}

void connection::read_blocks() {
    if (deaf_) return;
    for (int blocks = 0; blocks < blocks_a_turn;) {
        auto& block = partial_ ? *partial_ : buffers().reading;
        const int got =
            SSL_read(ssl_.get(), block.data() + arrived_, static_cast<int>(block.size() - arrived_));
        if (got <= 0) {
            const int why = SSL_get_error(ssl_.get(), got);
            if (why != SSL_ERROR_WANT_READ) return fail(failed("the connection is lost: " + tls_reason()));
            if (arrived_ > 0 && !partial_) {
                partial_ = take_buffer();
                std::copy_n(buffers().reading.begin(), arrived_, partial_->begin());
            }
            return wait(tcp::socket::wait_read);
        }
        arrived_ += static_cast<std::size_t>(got);
        if (arrived_ < block.size()) continue;
        ++blocks;
        arrived_ = 0;
        // Callbacks may read on other connections only after this one is done: the shared buffer is free
        // then.
        const bool alive = take_block(block);
        give_buffer(std::move(partial_));
        if (!alive) return;
    }
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->step(); });
}

/// False if the connection is closed now.
bool connection::take_block(smp::block_span block) {
    const auto content = cipher_.open(block);
    if (!content) {
        fail(content.error());
        return false;
    }
    if (state_ == state::hello) {
        if (auto done = take_hello(*content); !done) {
            fail(done.error());
            return false;
        }
        state_ = state::ready;
        owner_.ready(*this);
        return state_ == state::ready;
    }
    auto batch = smp::batch_reader::open(*content);
    if (!batch) {
        fail(batch.error());
        return false;
    }
    while (batch->left() > 0 && state_ == state::ready) take_transmission(batch->next());
    return state_ == state::ready;
}

result<void> connection::take_hello(bytes_view content) {
    PLEXUS_TRY(const auto hello, smp::parse_server_hello(content));
    if (!equal(hello.session_id, session_id_))
        return failed("the server's session id is not that of this connection");
    const auto agreed = hello.versions.agree({smp::supported_versions.min, to_.version});
    if (!agreed)
        return failed("the server speaks SMP " + encoding::to_text(hello.versions) + ", and " +
                      std::to_string(to_.version) + " is wanted");
    version_ = *agreed;
    smp::client_hello answer;
    answer.chosen = version_;
    answer.identity = to_.address.fingerprint;
    smp::block_cipher next;
    if (hello.key) {
        PLEXUS_TRY(server_key_, smp::verify_server_key(*hello.key, to_.address.fingerprint, leaf_key_));
        const auto own = crypto::private_key::generate(crypto::key_type::x25519, randomness());
        answer.key = own.public_part();
        if (version_ >= smp::since::encrypted_blocks) {
            PLEXUS_TRY(const auto secret, crypto::dh_x25519(own, server_key_));
            next = smp::block_cipher::for_client(session_id_, secret);
        }
    }
    bytes text;
    encoding::writer out(text);
    smp::write(out, answer);
    outgoing_.push_back(take_buffer());
    cipher_.seal(*outgoing_.back(), text);
    cipher_ = next;
    write_blocks();
    return {};
}

void connection::take_transmission(bytes_view raw) {
    const auto parsed = smp::parse_transmission(raw, version_);
    if (!parsed) return fail(parsed.error());
    auto content = smp::parse_message(parsed->body, version_);
    if (!content) return fail(content.error());
    incoming out{std::nullopt, parsed->entity_id, std::move(content).value()};
    if (parsed->correlation_id.size() == smp::id_size) {
        std::uint64_t token = 0;
        std::memcpy(&token, parsed->correlation_id.data(), sizeof token);
        out.token = token;
    }
    owner_.received(*this, out);
}

result<void> connection::attach(signer& with) const {
    if (crypto::can_sign(with.key.type())) return {};
    if (server_key_.empty())
        return failed("X25519 keys authorize from SMP 7 on, and the server gave no session key");
    PLEXUS_TRY(with.box, crypto::box_key::agree(with.key, server_key_));
    return {};
}

/// Tells which command is answered, and is never the same for two: it is the nonce of an authenticator.
std::array<std::uint8_t, smp::id_size> connection::correlation_of(std::uint64_t token) {
    std::array<std::uint8_t, smp::id_size> out{};
    ++sequence_;
    std::memcpy(out.data(), &token, sizeof token);
    std::memcpy(out.data() + 8, &sequence_, sizeof sequence_);
    std::copy_n(session_id_.begin(), 8, out.begin() + 16);
    return out;
}

ready_command connection::authorize(const std::array<std::uint8_t, smp::id_size>& correlation,
                                    bytes_view entity, bytes_view body, const signer* authority) {
    ready_command out;
    out.correlation = correlation;
    if (authority == nullptr) return out;
    auto& authorized = buffers().authorized;
    authorized.clear();
    encoding::writer writer(authorized);
    smp::write_for_authorization(writer, session_id_, correlation, entity, body);
    auto store = [&out](bytes_view proof) {
        std::copy(proof.begin(), proof.end(), out.authorization.begin());
        out.authorization_size = static_cast<std::uint8_t>(proof.size());
    };
    if (crypto::can_sign(authority->key.type()))
        store(crypto::sign(authority->key, authorized));
    else
        store(crypto::authenticate(authority->box, crypto::to_nonce(correlation), authorized));
    return out;
}

void connection::put(const ready_command& command, bytes_view entity, bytes_view body) {
    auto& text = buffers().authorized;
    text.clear();
    encoding::writer out(text);
    const bytes_view authorization(command.authorization.data(), command.authorization_size);
    out.short_bytes(authorization);
    if (version_ >= smp::since::service_certificates && !authorization.empty()) out.maybe(false);
    if (version_ < smp::since::implied_session) out.short_bytes(session_id_);
    out.short_bytes(command.correlation).short_bytes(entity).raw(body);
    if (!collected_) {
        collected_ = true;
        owner_.collected(*this);
    }
    if (builder_ && builder_->append(text)) return;
    finish_block();
    start_block();
    if (!builder_->append(text)) throw std::length_error("a command does not fit into a block");
}

void connection::send(std::uint64_t token, const smp::command& value, bytes_view entity,
                      const signer* authority) {
    auto& body = buffers().body;
    body.clear();
    encoding::writer out(body);
    smp::write(out, value, version_);
    put(authorize(correlation_of(token), entity, body, authority), entity, body);
}

ready_command connection::prepare(std::uint64_t token, bytes_view body, bytes_view entity,
                                  const signer& authority) {
    return authorize(correlation_of(token), entity, body, &authority);
}

void connection::send(const ready_command& prepared, bytes_view body, bytes_view entity) {
    put(prepared, entity, body);
}

void connection::start_block() {
    filling_ = take_buffer();
    builder_.emplace(*filling_, cipher_);
}

void connection::finish_block() {
    if (!builder_) return;
    builder_->seal(cipher_);
    builder_.reset();
    outgoing_.push_back(std::move(filling_));
}

void connection::flush() {
    collected_ = false;
    if (state_ != state::ready) return;
    finish_block();
    write_blocks();
}

void connection::write_blocks() {
    if (writing_) return;
    while (sent_ < outgoing_.size()) {
        const auto& block = *outgoing_[sent_];
        const int done =
            SSL_write(ssl_.get(), block.data() + offset_, static_cast<int>(block.size() - offset_));
        if (done <= 0) {
            if (SSL_get_error(ssl_.get(), done) == SSL_ERROR_WANT_WRITE) return wait(tcp::socket::wait_write);
            // The reader hears why, after what has still arrived.
            ERR_clear_error();
            break;
        }
        offset_ += static_cast<std::size_t>(done);
        if (offset_ < block.size()) continue;
        offset_ = 0;
        give_buffer(std::move(outgoing_[sent_++]));
    }
    outgoing_.clear();
    sent_ = offset_ = 0;
}

} // namespace plexus::bench
