// A listener: what its acceptor, its shards and its handle share, and the handshakes of accepted clients.
#pragma once

#include "tls_stream.hpp"

#include "plexus/net/socket.hpp"

#include <mutex>

namespace plexus::transport_tls {

class acceptor;

class listener : public std::enable_shared_from_this<listener> {
  public:
    /// Binds; accepting begins soon. `counted_with`: null, or the one whose limits count for both. [loader]
    /// or [shard]
    static result<std::shared_ptr<listener>> open(runtime& owner, const plexus_listen_options& options,
                                                  const listener* counted_with,
                                                  plexus_accept_function accepted, void* context);

    std::uint32_t port() const noexcept { return port_; }
    result<void> set_credentials(bytes_view chain, bytes_view key);
    result<void> set_named_credentials(bytes_view chain, bytes_view key);
    /// [loader] or [shard]
    result<void> close(plexus_completion done);

    /// Takes a place among the connections; none if all are taken, or all of this source. [any-thread]
    std::optional<slot> take_place(const source& from) { return places_->take(from); }
    /// Deals a new client to the next shard. [shard: the acceptor's]
    void deal(net::descriptor socket, slot place);
    runtime& owner() noexcept { return owner_; }

  private:
    class handshake;
    struct part {
        member_list pending; ///< handshakes, the oldest first
        std::size_t count = 0;
        bool closed = false;
    };

    listener(runtime& owner, const plexus_listen_options& options, std::shared_ptr<places> counted,
             plexus_accept_function accepted, void* context);
    void arrived(net::descriptor socket, slot place);
    part& own_part() { return parts_[static_cast<std::size_t>(owner_.loop.current_shard())]; }
    void close_part(std::uint32_t shard);
    result<ssl_pointer> make_ssl();

    runtime& owner_;
    bool secure_;
    bool asks_certificate_;
    plexus_accept_function accepted_;
    void* context_;
    nanoseconds handshake_timeout_;
    std::size_t pending_most_; ///< of one shard
    std::uint32_t port_ = 0;
    std::vector<bytes> alpn_;
    std::shared_ptr<places> places_;
    std::vector<part> parts_;
    std::uint32_t accept_shard_ = 0;
    std::uint32_t next_shard_ = 0;
    std::unique_ptr<acceptor> acceptor_;
    struct identities {
        std::shared_ptr<const server_context> own;
        std::shared_ptr<const named_context> named; ///< null: none
    };
    std::mutex mutex_; ///< of credentials_
    identities credentials_;
};

} // namespace plexus::transport_tls
