// The server's side of an SMP connection, without I/O: hello, requests decoded in place, responses encoded
// for blocks. The SMP server drives one for each secure stream; nothing here allocates while messages flow.
#pragma once

#include "plexus/smp/authorization.hpp"
#include "plexus/smp/block.hpp"
#include "plexus/smp/command.hpp"
#include "plexus/smp/message.hpp"
#include "plexus/smp/transmission.hpp"

#include <memory>

namespace plexus::smp {

struct received_body;

/// What a server presents, shared by all its sessions.
struct server_identity {
    std::vector<bytes> chain; ///< DER, the leaf first
    crypto::private_key key;  ///< of the leaf
    key_hash fingerprint{};   ///< of the certificate that the address names
};
/// Checks that chain and key belong together. Error: failure::bad_auth.
result<server_identity> make_server_identity(std::vector<bytes> chain, crypto::private_key key);

/// One transmission of a client. Views point into the block that was received.
struct server_request {
    bytes_view correlation_id;
    bytes_view entity_id;
    /// If set, the answer is this error; nothing else is to be done.
    std::optional<server_error> refused;
    command content;
    /// What the authorization authorizes; empty for a command without.
    bytes_view authorized;
    bytes_view body; ///< the encoded command
    std::array<std::uint8_t, max_authorization_size> authorization_bytes{};
    std::uint8_t authorization_size = 0;

    bytes_view authorization() const noexcept {
        return bytes_view(authorization_bytes).first(authorization_size);
    }
};

/// How the answer to a forwarded command finds its way back to the client behind the proxy.
struct relay_route {
    bytes correlation_id; ///< of RFWD
    bytes client_correlation_id;
    crypto::box_key client_key;
    version client_version = 0;
};

/// A command that a proxy forwarded.
struct relayed_request {
    relay_route route;
    bytes content; ///< what the views of `request` point to
    server_request request;
};

class server_session {
  public:
    enum class state : std::uint8_t { hello, ready, closed };

    /// `session_id` is the channel binding, at most 64 bytes. Without ALPN version 6 alone is offered.
    /// `identity` must outlive the session.
    server_session(const server_identity& identity, bytes_view session_id, bool alpn,
                   crypto::random_source& random);

    state current() const noexcept { return state_; }
    version agreed_version() const noexcept { return version_; }
    bytes_view session_id() const noexcept { return bytes_view(session_id_).first(session_id_size_); }
    /// The private part of what the hello offers: X25519 authenticators are checked with it.
    const std::shared_ptr<const crypto::private_key>& session_key() const noexcept { return session_key_; }

    /// The first block to send. Error: failure::too_large for a chain that does not fit.
    result<void> write_hello(block_span out) const;

    /// Takes one block, in place. The client's hello first: any error means to close without an answer, but
    /// for failure::bad_service, after write_service_refusal. Later an error is failure::block: the
    /// answer is ERR BLOCK, and the connection lives.
    result<void> receive(block_span block);
    void write_service_refusal(block_span out) const;
    /// The next request of the block that was received; false after the last. What `out` points to stays
    /// while the block does.
    bool next(server_request& out);

    /// Appends a response or an event (without correlation id), with its length, as blocks hold them.
    /// `content` is an encoded message.
    void write_response(bytes& out, bytes_view correlation_id, bytes_view entity_id,
                        bytes_view content) const;
    /// Encrypts a message's body straight into the block. False if there is no room for it any more.
    bool append_message(block_builder& out, bytes_view correlation_id, bytes_view entity_id,
                        const crypto::box_key& key, bytes_view message_id, const received_body& body) const;

    /// Opens RFWD. Its answer, or the error inside it, goes back through seal_relayed. Errors, which answer
    /// RFWD itself: failure::crypto, syntax, block.
    result<relayed_request> open_relayed(bytes_view correlation_id, bytes_view transmission);
    /// What RRES carries; `content` is an encoded message.
    result<bytes> seal_relayed(const relay_route& route, bytes_view correlation_id, bytes_view entity_id,
                               bytes_view content) const;

    block_builder begin(block_span out) const noexcept { return block_builder(out, cipher_); }
    void seal(block_builder& builder) { builder.seal(cipher_); }

  private:
    result<void> receive_hello(bytes_view content);
    void read(bytes_view raw, version v, server_request& out) const;

    const server_identity& identity_;
    std::shared_ptr<const crypto::private_key> session_key_;
    std::optional<crypto::box_key> proxy_key_; ///< agreed with the key of the client's hello
    block_cipher cipher_;
    batch_reader incoming_;
    std::array<std::uint8_t, 64> session_id_{};
    std::uint8_t session_id_size_;
    state state_ = state::hello;
    version version_ = 0;
    version_range offered_;
};

} // namespace plexus::smp
