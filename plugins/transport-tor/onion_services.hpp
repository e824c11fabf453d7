// plexus.onion/0: what is to be published, and what has become of it. Services are told to tor each time that
// it has come up. Used by the plugin; publish and unpublish on the caller's shard, all else on shard 0.
#pragma once

#include "control_session.hpp"

#include "plexus/abi/draft/onion.h"
#include "plexus/net/account.hpp"
#include "plexus/tor_control/onion.hpp"

namespace plexus::transport_tor {

class onion_services {
  public:
    struct service;

    onion_services(net::account& account, logger log, const plexus_random* random, worker& files)
        : account_(account), log_(log), random_(random), files_(files) {}
    onion_services(const onion_services&) = delete;
    onion_services& operator=(const onion_services&) = delete;

    // As in the table.
    result<plexus_onion_handle*> publish(const plexus_onion_options& options,
                                         const plexus_onion_handler* handler, void* context);
    void unpublish(plexus_onion_handle* handle);

    /// Tor is there, until `down`. [shard 0]
    void up(control_session& session);
    void down();
    void told(const tor_control::descriptor_event& what);
    task<void> stop();

  private:
    using shared = std::shared_ptr<service>;

    void load(const shared& one);
    void loaded(const shared& one, result<tor_control::onion_key> key);
    void withdraw(const shared& one);
    task<void> announce(shared one);
    void change(const shared& one, std::uint32_t state, std::string summary);
    /// Runs it where the service was published, unless it is gone by then.
    void tell(const shared& one, std::function<void(service&)> what);

    net::account& account_;
    logger log_;
    const plexus_random* random_;
    worker& files_;
    control_session* session_ = nullptr;
    std::vector<shared> services_; ///< on shard 0
    task_scope tasks_;
};

} // namespace plexus::transport_tor
