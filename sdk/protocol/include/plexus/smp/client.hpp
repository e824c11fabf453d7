// The client's side of an SMP connection, without I/O: blocks in, blocks out, responses matched to their
// commands. The agent drives one for each secure stream; timeouts are the caller's.
//
//     client_session session(parameters, random);
//     for each block of 16,384 bytes that arrives:
//         if (!session.receive(block)) close;
//         while (auto event = session.next()) ...            // views into that block
//     while (session.next_block(out)) give `out` to the stream;  // after receive() and after send()
#pragma once

#include "plexus/smp/block.hpp"
#include "plexus/smp/command.hpp"
#include "plexus/smp/message.hpp"
#include "plexus/smp/transmission.hpp"

#include <deque>
#include <memory>
#include <unordered_map>

namespace plexus::smp {

/// Random, never used twice: it is the nonce of an authenticator too.
using correlation_id = std::array<std::uint8_t, id_size>;

/// Credentials of a service: a certificate chain, shown in TLS too, and the key of its leaf.
struct client_service {
    service_role role = service_role::messaging;
    std::vector<bytes> chain; ///< DER, the leaf first
    crypto::private_key key;
};

struct client_parameters {
    version_range versions = supported_versions;
    /// The fingerprint of the server's address.
    key_hash server{};
    /// Channel binding of the secure stream: verify data of the client's Finished.
    bytes session_id;
    /// What the server presented in TLS, DER, the leaf first.
    std::vector<bytes> peer_chain;
    /// True for a proxy that connects to a relay: blocks are not encrypted.
    bool proxy = false;
    /// Presented from version 16 on.
    std::shared_ptr<const client_service> service;
};

struct client_event {
    enum class kind : std::uint8_t {
        response,  ///< to the command that was sent with `token`
        late,      ///< to a command that was forgotten, or never sent; its MSG is a message all the same
        event,     ///< nobody asked: MSG, END, DELD, ...
        malformed, ///< to `token` if `matched`; `cause` says what is wrong with it
    };
    kind what = kind::event;
    bool matched = false;
    std::uint64_t token = 0;
    correlation_id correlation{};
    bytes_view entity_id;
    message content; ///< not for malformed
    std::optional<error> cause;
};

class client_session {
  public:
    /// `service`: our hello presented a service, and the server has not answered yet.
    enum class state : std::uint8_t { hello, service, ready, closed };

    client_session(client_parameters parameters, crypto::random_source& random);

    state current() const noexcept { return state_; }
    /// Known once ready.
    version agreed_version() const noexcept { return version_; }
    /// As the server knows our service; empty if it is not one.
    bytes_view service_id() const noexcept { return service_id_; }
    const crypto::public_key& server_session_key() const noexcept { return server_key_; }
    bytes_view session_id() const noexcept { return parameters_.session_id; }
    /// For a proxy, once ready: what the relay offers, as PKEY passes it on. Views into the session.
    const version_range& server_versions() const noexcept { return server_versions_; }
    certified_key server_certificate() const;
    /// For a proxy, once ready: seals RFWD and opens RRES. Error: failure::no_server_key.
    result<crypto::box_key> proxy_box() const;
    std::size_t max_body() const noexcept { return max_message_length(version_); }

    /// Takes one block; it is decrypted in place and must stay until next() gives nothing. The first is the
    /// server's hello: failure::hello, session, version or bad_auth close the session, and so does
    /// failure::bad_service, the server's answer to a service. Later ones fail with
    /// failure::block, which a caller may take as a reason to close.
    result<void> receive(block_span block);
    /// The next thing in the block that was received.
    std::optional<client_event> next();

    correlation_id new_correlation_id();
    /// Queues a command; `key` is NULL for one without authorization, and for SUBS and NSUBS, which the
    /// service itself signs. The response comes with `token`. Only
    /// when ready. Errors: failure::state, key, no_server_key, too_large.
    result<correlation_id> send(const command& value, bytes_view entity_id, const crypto::private_key* key,
                                std::uint64_t token);
    /// The same with a correlation id that was made before (NEW with link data: the sender id depends on it).
    result<void> send(const correlation_id& id, const command& value, bytes_view entity_id,
                      const crypto::private_key* key, std::uint64_t token);
    /// Gives up a command: its response, if it still comes, is late. False if it is not pending.
    bool forget(const correlation_id& id);
    std::size_t pending() const noexcept { return pending_.size(); }

    bool has_output() const noexcept { return hello_to_send_ || !queued_.empty(); }
    /// Fills the next block to send; false if there is nothing to send.
    bool next_block(block_span out);

  private:
    struct request {
        std::uint64_t token = 0;
        bytes entity_id;
    };
    struct hash_id {
        std::size_t operator()(const correlation_id& id) const noexcept {
            std::size_t out = 0;
            std::memcpy(&out, id.data(), sizeof out);
            return out;
        }
    };

    result<void> receive_hello(bytes_view content);
    result<void> receive_service_answer(bytes_view content);
    bool presents_service() const noexcept;
    client_event read(bytes_view raw);

    client_parameters parameters_;
    crypto::random_source& random_;
    crypto::private_key own_key_;
    crypto::public_key server_key_;
    version_range server_versions_;
    std::vector<bytes> server_chain_; ///< of a proxy only, as the next
    bytes server_signed_key_;
    block_cipher cipher_;         ///< the hello blocks are not encrypted
    block_cipher session_cipher_; ///< takes over after our hello
    batch_reader incoming_;
    std::unordered_map<correlation_id, request, hash_id> pending_;
    std::deque<bytes> queued_;        ///< transmissions to send
    std::deque<std::size_t> batches_; ///< how many of them go into each of the next blocks
    crypto::private_key service_key_; ///< of this connection, if it is a service's
    key_hash service_fingerprint_{};
    bytes service_id_;
    version version_ = 0;
    state state_ = state::hello;
    bool hello_to_send_ = false;
};

} // namespace plexus::smp
