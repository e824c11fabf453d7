// One connection in the making: names to addresses, the race of addresses (or the transport below), the TLS
// handshake, the deadline over all of it.
#pragma once

#include "plexus/secret.hpp"

#include "socket.hpp"
#include "tls_stream.hpp"

namespace plexus::transport_tls {

using connected_function = void (*)(void* context, std::int32_t status, const plexus_error* error,
                                    plexus_stream* stream);

/// Destroys itself when its completion was called. [shard]
class connector final : public member, carrier::sink {
  public:
    static result<plexus_operation*> start(runtime& owner, const client_context& tls,
                                           const plexus_connect_options& options, connected_function done,
                                           void* context);

    void cut() override;

  private:
    /// A TCP connection under way to one address.
    class attempt final : carrier::sink {
      public:
        attempt(connector& owner, const plexus_address& address, descriptor socket);
        void ready(std::uint32_t events) override;
        const plexus_address& address() const noexcept { return address_; }
        std::unique_ptr<socket_carrier> take() noexcept { return std::move(socket_); }

      private:
        connector& owner_;
        plexus_address address_;
        std::unique_ptr<socket_carrier> socket_;
    };
    struct cancel_handle : plexus_operation {
        connector* owner = nullptr;
    };

    connector(runtime& owner, const client_context& tls, const plexus_connect_options& options,
              connected_function done, void* context);
    std::int32_t begin();
    std::int32_t begin_below();
    void resolved(std::int32_t code, const plexus_error* failure, const plexus_address* found,
                  std::uint32_t count);
    void next_attempt();
    void attempt_failed(attempt& one, int number);
    void attempt_won(attempt& one);
    void below_connected(std::int32_t code, const plexus_error* failure, plexus_stream* made);
    void connected(std::unique_ptr<carrier> below);
    void ready(std::uint32_t events) override;
    void step();
    void timed_out();

    /// For what the loop calls: no memory, or no room for another watch, is a failed connection.
    template <typename Function>
    void guarded(Function function) {
        try {
            function();
        } catch (const std::exception& e) {
            fail(make_error(status::memory, "cannot connect to " + name_ + ": " + e.what(), true));
        }
    }
    void finish(plexus_stream* made);
    void fail(error reason);
    void fail_all();
    void settle();
    void deliver();

    runtime& owner_;
    const client_context& tls_context_;
    hold hold_;
    cancel_handle operation_;
    connected_function done_;
    void* context_;

    bool secure_;
    bool public_only_;
    std::string host_;
    std::uint32_t port_;
    std::string name_; ///< of the server, for messages
    std::vector<bytes> alpn_;
    std::string isolation_;
    std::string server_name_;
    bytes client_chain_;
    secret_bytes client_key_;
    nanoseconds timeout_;
    expectation expected_;

    timer deadline_;
    timer stagger_;
    plexus_operation* waiting_for_ = nullptr; ///< the resolver or the transport below
    bool waits_ = false;                      ///< for the completion of that
    std::vector<plexus_address> addresses_;
    std::size_t next_address_ = 0;
    std::vector<std::unique_ptr<attempt>> attempts_;
    std::vector<error> failures_;
    std::unique_ptr<tls_stream> handshaking_;

    bool calling_ = true; ///< inside start or cancel: the completion has to be posted
    bool finished_ = false;
    plexus_stream* made_ = nullptr;
    std::optional<error> failure_;
};

} // namespace plexus::transport_tls
