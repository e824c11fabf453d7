// A TCP connection in the making: a name to addresses, then a race of the addresses, IPv6 and IPv4 in turn.
// Used by what connects to a server or to a proxy.
#pragma once

#include "plexus/abi/host.h"
#include "plexus/net/account.hpp"
#include "plexus/net/carrier.hpp"

namespace plexus::net {

struct tcp_target {
    std::string host;
    std::uint32_t port = 0;
    std::string name;         ///< of the server, for messages
    bool public_only = false; ///< only to addresses of the public internet
    nanoseconds keepalive = std::chrono::seconds(30);
};

/// Its destructor gives up what is under way. [shard]
class tcp_dial {
  public:
    /// Told once, never inside `begin`; either may destroy the dial.
    class sink {
      public:
        virtual void dialed(std::unique_ptr<socket_carrier> socket) = 0;
        virtual void dial_failed(error reason) = 0;

      protected:
        ~sink() = default;
    };

    tcp_dial(account& owner, sink& to, tcp_target target);
    tcp_dial(const tcp_dial&) = delete;
    tcp_dial& operator=(const tcp_dial&) = delete;
    ~tcp_dial();

    /// An error: it did not begin, and the sink hears nothing.
    result<void> begin(const plexus_resolver* resolver);
    /// False while the name is being resolved.
    bool resolved() const noexcept { return !addresses_.empty(); }

  private:
    class attempt;
    struct lookup;

    void resolved(std::int32_t code, const plexus_error* failure, const plexus_address* found,
                  std::uint32_t count);
    void next_attempt();
    void attempt_failed(attempt& one, int number);
    void attempt_won(attempt& one);
    void fail_all();
    /// For what the loop calls: no memory, or no room for another watch, is a failed connection.
    template <typename Function>
    void guarded(Function function);

    account& owner_;
    sink& sink_;
    tcp_target target_;
    timer stagger_;
    lookup* lookup_ = nullptr;
    std::vector<plexus_address> addresses_;
    std::size_t next_address_ = 0;
    std::vector<std::unique_ptr<attempt>> attempts_;
    std::vector<error> failures_;
};

} // namespace plexus::net
