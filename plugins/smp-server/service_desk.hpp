// What concerns a service on all shards at once: which connection is its own, and its subscription to all
// that it has. The server has one; shards call it.
#pragma once

#include "engine/services.hpp"

#include <functional>
#include <vector>

namespace plexus::smp_server {

class server;

class service_desk {
  public:
    service_desk(server& owner, std::uint32_t shards) : server_(owner), turns_(shards) {}

    /// The service's messages go to this connection from now on; the one before is told what it had (ENDS).
    /// Two that come at once come in the same order on every shard. Ends with shard::service_attached.
    /// [shard: the connection's]
    void attach(const connection_id& connection, smp::version version, const service_ptr& who);
    /// The connection is gone: nothing goes to it any more. [any shard]
    void detach(const connection_id& connection);
    /// SUBS or NSUBS: answers, then gives what waits. [shard: the connection's]
    void subscribe(const reply_to& from, const service_ptr& who);

  private:
    struct attaching;
    struct subscribing;
    void attach_everywhere(std::uint32_t home, const std::shared_ptr<attaching>& one);
    void attached(const attaching& one);
    void subscribed(const std::shared_ptr<subscribing>& one);
    void give(const std::shared_ptr<subscribing>& one);

    server& server_;
    std::vector<std::uint64_t> turns_; ///< each is its shard's, for the services that belong to it
};

} // namespace plexus::smp_server
