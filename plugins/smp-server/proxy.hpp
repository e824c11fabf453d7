// Private routing, the proxy's side (simplex-messaging.md, Proxy): PRXY makes or finds the session with a
// destination, PFWD sends a command through it. Each destination belongs to one shard, which has one of
// these; every number of things that clients can grow has a limit.
#pragma once

#include "engine/statistics.hpp"
#include "relay_link.hpp"

#include "plexus/host.hpp"

namespace plexus::smp_server {

/// Of one shard.
struct proxy_limits {
    bool allow_private = false;     ///< dial addresses that are not of the public internet
    std::size_t destinations = 512; ///< sessions and failures that are remembered
    std::size_t dialing = 64;       ///< connection attempts at once
    std::size_t waiting = 512;      ///< PRXY and PFWD without an answer
    std::chrono::nanoseconds retry{
        std::chrono::seconds(30)}; ///< a destination that failed is not dialed again
    relay_times times;
    /// Servers whose names end so are the owner's own, in what is counted.
    std::vector<std::string> own_domains;
};

class proxy_outputs {
  public:
    virtual ~proxy_outputs() = default;
    /// PKEY, PRES or ERR. Views in it live until the call returns.
    virtual void proxy_answer(const reply_to& to, const smp::message& content) = 0;
    /// From now on PFWD with this session id comes here, or no more.
    virtual void session_opened(bytes_view session_id) = 0;
    virtual void session_closed(bytes_view session_id) = 0;
    virtual void destination_failed(std::string_view server, std::string_view cause) = 0;
    virtual std::chrono::nanoseconds proxy_now() = 0;
    virtual void proxy_counted(counted what) = 0;
};

class proxy final : public relay_owner {
  public:
    /// Without a network every PRXY is refused.
    proxy(const plexus_network* network, loop_ref loop, const proxy_limits& limits,
          crypto::random_source& random, proxy_outputs& outputs)
        : network_(network), loop_(loop), limits_(limits), random_(random), outputs_(outputs) {}

    /// PRXY.
    void connect(const reply_to& to, const smp::server_address& server);
    /// PFWD; the entity is the session id.
    void forward(const relay_command& command);
    /// Once a second or so.
    void check_time();
    /// Closes sessions that nobody waits for.
    void shed();
    /// Closes all; nothing is answered any more.
    void close();
    /// True when no attempt is under way.
    bool is_quiet() const noexcept { return dialing_ == 0; }

  private:
    struct destination {
        smp::server_address server;
        std::unique_ptr<relay_link> link; ///< null: it failed
        std::vector<reply_to> waiting;    ///< PRXY
        bytes session_id;                 ///< once it is ready
        smp::server_error failure;
        std::chrono::nanoseconds failed_at{};
    };
    using destinations = std::map<bytes, destination>;

    // relay_owner
    void relay_ready(relay_link& link) override;
    void relay_ended(relay_link& link, const smp::server_error& why, std::string_view cause) override;
    void relay_answered(const reply_to& to, const smp::message& content) override;
    std::chrono::nanoseconds relay_now() override { return outputs_.proxy_now(); }
    void relay_dialing(int change) override { dialing_ += static_cast<std::size_t>(change); }

    destinations::iterator owner_of_link(const relay_link& link);
    void answer_key(const reply_to& to, const destination& found);
    void fail(const reply_to& to, const smp::server_error& why) { answer(to, smp::msg::err{why}); }
    /// Ends a PRXY, and counts it.
    void refuse(const reply_to& to, const smp::server_address& server, const smp::server_error& why);
    void count_key(const smp::server_address& server, const smp::server_error* failed);
    void count_forwarded(bool own, const smp::message& content);
    bool is_own(const smp::server_address& server) const;
    void answer(const reply_to& to, const smp::message& content);
    void dial(const reply_to& to, bytes name, const smp::server_address& server);
    bool make_room();
    bool make_way();

    const plexus_network* network_;
    loop_ref loop_;
    const proxy_limits& limits_;
    crypto::random_source& random_;
    proxy_outputs& outputs_;
    destinations destinations_; ///< by encoded address
    std::map<bytes, relay_link*> sessions_;
    std::vector<std::unique_ptr<relay_link>> ended_; ///< destroyed by check_time, or before the next attempt
    std::size_t waiting_ = 0;
    std::size_t connecting_ = 0; ///< destinations that are not ready
    std::size_t dialing_ = 0;    ///< attempts, also of those that were given up
    bool closed_ = false;
};

/// What is told to a client when too much is under way: it tries again later.
smp::server_error proxy_busy();

} // namespace plexus::smp_server
