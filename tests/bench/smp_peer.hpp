// An SMP client that waits for each answer, on a blocking TLS connection: the other side of a server's
// benchmark.
#pragma once

#include "plexus/smp/address.hpp"
#include "plexus/smp/client.hpp"
#include "plexus/smp/message_body.hpp"
#include "system_random.hpp"
#include "tls_peer.hpp"

#include <functional>
#include <memory>

namespace plexus::bench {

/// A certificate of a service, for TLS and for the hello.
struct peer_service {
    context_pointer tls;
    std::shared_ptr<const smp::client_service> credentials;
};
/// With a new chain, of keys of one kind.
peer_service make_service(smp::service_role role, crypto::key_type kind = crypto::key_type::ed25519,
                          int length = 1);

class smp_peer {
  public:
    smp_peer(const smp::server_address& server, crypto::random_source& random,
             smp::version_range versions = smp::supported_versions);
    /// With what TLS is to offer. Without ALPN if that is empty.
    smp_peer(const smp::server_address& server, crypto::random_source& random, smp::version_range versions,
             key_group group, std::string_view alpn);
    /// As a service. Throws if it is refused.
    smp_peer(const smp::server_address& server, crypto::random_source& random, const peer_service& service,
             smp::version_range versions = smp::supported_versions);

    /// Gives one command on its way, in a block of its own.
    void send(const smp::command& command, bytes_view entity, const crypto::private_key* key);
    /// Waits for blocks until `take` says that it has what it wants.
    void receive(const std::function<bool(const smp::client_event&)>& take);
    /// Sends, and waits for OK. Throws on any other answer.
    void expect_ok(const smp::command& command, bytes_view entity, const crypto::private_key* key);

    /// Raw, past the session.
    void write_block(const smp::block_buffer& block) { tls_.write(block); }

    smp::client_session& session() noexcept { return *session_; }
    int descriptor() const noexcept { return tls_.descriptor(); }

  private:
    void greet(const smp::server_address& server, crypto::random_source& random,
               smp::client_parameters parameters);
    void flush();
    tls_peer tls_;
    std::unique_ptr<smp::client_session> session_;
    smp::block_buffer block_{};
};

/// A queue of its recipient, secured for one sender.
struct bench_queue {
    bytes recipient_id;
    bytes sender_id;
    crypto::private_key recipient_key;
    crypto::private_key sender_key;
    crypto::box_key body_key;
};
bench_queue make_queue(smp_peer& recipient, smp_peer& sender, crypto::random_source& random,
                       crypto::key_type authorization);

} // namespace plexus::bench
