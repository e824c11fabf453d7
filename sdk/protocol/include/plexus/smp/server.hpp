// The server's side of an SMP connection, without I/O: hello, requests decoded in place, responses encoded
// for blocks. The SMP server drives one for each secure stream; nothing here allocates while messages flow.
#pragma once

#include "plexus/smp/authorization.hpp"
#include "plexus/smp/block.hpp"
#include "plexus/smp/command.hpp"
#include "plexus/smp/handshake.hpp"
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

/// What a client presented of the service that it is: proven by its TLS certificate, to be known by the
/// server (accept_service), or not.
struct service_offer {
    service_role role = service_role::messaging;
    key_hash fingerprint{};         ///< of its identity certificate
    crypto::public_key session_key; ///< Ed25519, signs its commands on this connection
};

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
    /// `service`: the client presented a service, and waits for accept_service or write_service_refusal.
    enum class state : std::uint8_t { hello, service, ready, closed };

    /// `session_id` is the channel binding, at most 64 bytes. Without ALPN version 6 alone is offered.
    /// `identity` must outlive the session. `peer_chain` is what the client showed in TLS, which has verified
    /// it: DER, the leaf first; a client that is no service shows nothing.
    server_session(const server_identity& identity, bytes_view session_id, bool alpn,
                   crypto::random_source& random, std::vector<bytes> peer_chain = {});

    state current() const noexcept { return state_; }
    version agreed_version() const noexcept { return version_; }
    bytes_view session_id() const noexcept { return bytes_view(session_id_).first(session_id_size_); }
    /// What the client presented, from state::service on; NULL if it is no service.
    const service_offer* offered_service() const noexcept { return service_.get(); }
    /// The id of the client's service once it was accepted; empty before, and for other clients.
    bytes_view service_id() const noexcept { return service_id_; }
    /// The private part of what the hello offers: X25519 authenticators are checked with it.
    const std::shared_ptr<const crypto::private_key>& session_key() const noexcept { return session_key_; }

    /// The first block to send. Error: failure::too_large for a chain that does not fit.
    result<void> write_hello(block_span out) const;

    /// Takes one block, in place. The client's hello first: any error means to close without an answer, but
    /// for failure::bad_service, after write_service_refusal. It may leave state::service. Later an error is
    /// failure::block: the answer is ERR BLOCK, and the connection lives.
    result<void> receive(block_span block);
    /// Answers the hello of a service; the session is ready. [state::service]
    void accept_service(bytes_view service_id, block_span out);
    /// Says why the service is not taken; the session is closed.
    void write_service_refusal(block_span out);
    /// The next request of the block that was received; false after the last. What `out` points to stays
    /// while the block does.
    bool next(server_request& out);
    /// No more requests are left in the block.
    bool is_last() const noexcept { return incoming_.left() == 0; }

    /// Appends a response or an event (without correlation id), with its length, as blocks hold them.
    /// `content` is an encoded message. One that no block has room for, as a long correlation id can make it,
    /// becomes ERR LARGE_MSG.
    void write_response(bytes& out, bytes_view correlation_id, bytes_view entity_id,
                        bytes_view content) const;
    /// Whether a block has room for a message with these ids.
    bool fits_message(bytes_view correlation_id, bytes_view entity_id, bytes_view message_id) const noexcept;
    /// Encrypts a message's body straight into the block. False if there is no room for it any more.
    bool append_message(block_builder& out, bytes_view correlation_id, bytes_view entity_id,
                        const crypto::box_key& key, bytes_view message_id, const received_body& body) const;

    /// Opens RFWD. Its answer, or the error inside it, goes back through seal_relayed. Errors, which answer
    /// RFWD itself: failure::no_server_key, crypto, syntax, block.
    result<relayed_request> open_relayed(bytes_view correlation_id, bytes_view transmission);
    /// What RRES carries; `content` is an encoded message.
    result<bytes> seal_relayed(const relay_route& route, bytes_view correlation_id, bytes_view entity_id,
                               bytes_view content) const;

    block_builder begin(block_span out) const noexcept { return block_builder(out, cipher_); }
    void seal(block_builder& builder) { builder.seal(cipher_); }

  private:
    result<void> receive_hello(bytes_view content);
    result<void> receive_service(const service_certificate& presented);
    void read(bytes_view raw, version v, bool relayed, server_request& out) const;
    std::optional<server_error> check_service(const command& content, bytes_view entity_id,
                                              bytes_view authorization, bytes_view service_signature,
                                              bytes_view authorized) const;
    std::size_t head_size(bytes_view correlation_id, bytes_view entity_id) const noexcept;
    std::size_t message_size(bytes_view correlation_id, bytes_view entity_id,
                             bytes_view message_id) const noexcept;
    bytes_view authorized_part(const transmission& parsed, bytes_view certificate) const;

    const server_identity& identity_;
    std::shared_ptr<const crypto::private_key> session_key_;
    std::optional<crypto::box_key> proxy_key_; ///< agreed with the key of the client's hello
    block_cipher cipher_;
    batch_reader incoming_;
    std::array<std::uint8_t, 64> session_id_{};
    std::uint8_t session_id_size_;
    std::vector<bytes> peer_chain_; ///< until the hello is over
    std::unique_ptr<service_offer> service_;
    bytes service_id_;
    handshake_error refusal_ = handshake_error::bad_service;
    state state_ = state::hello;
    version version_ = 0;
    version_range offered_;
};

} // namespace plexus::smp
