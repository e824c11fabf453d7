// What is set, as every shard sees it, and the state of the proxy: the network in force. Settings change on
// shard 0 and are read on any.
#pragma once

#include "settings.hpp"

#include "plexus/abi/draft/proxy.h"

#include <memory>
#include <mutex>

namespace plexus::network {

/// One state of things; never changed once it is seen.
struct in_force {
    settings set;
    proxy_state proxy = proxy_state::none;
    bool managed = false; ///< the proxy is our own Tor
    std::string nonce;    ///< of this run, or of the last renewal
    bool waits = false;   ///< saved settings are still to come: nothing is dialed

    bool proxied() const noexcept { return proxy != proxy_state::none && proxy != proxy_state::off; }
    const timeouts& times(road by) const noexcept { return by == road::proxy ? set.proxied : set.plain; }
};

/// Credentials of a circuit: connections with the same text may share one.
std::string isolation_of(const in_force& now, std::string_view profile, std::string_view server,
                         std::string_view entity);

class current {
  public:
    std::shared_ptr<const in_force> get() const {
        const std::lock_guard held(guard_);
        return value_;
    }
    void set(in_force value) {
        auto made = std::make_shared<const in_force>(std::move(value));
        const std::lock_guard held(guard_);
        value_ = std::move(made);
    }

  private:
    mutable std::mutex guard_;
    std::shared_ptr<const in_force> value_ = std::make_shared<const in_force>();
};

} // namespace plexus::network
