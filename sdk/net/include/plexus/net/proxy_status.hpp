// What plexus.proxy/0 tells of a carrier's road, and who is told of changes. Used by transport-socks and
// transport-tor.
#pragma once

#include "plexus/abi/draft/proxy.h"
#include "plexus/net/account.hpp"

#include <mutex>

namespace plexus::net {

class proxy_status {
  public:
    struct value {
        std::uint32_t state = PLEXUS_PROXY_OFF;
        std::uint32_t percent = 0;
        std::string address = {};
        std::string summary = {};

        friend bool operator==(const value&, const value&) = default;
    };

    /// `kind` is "socks", "tor".
    proxy_status(account& owner, const char* kind) : owner_(owner), kind_(kind) {}
    proxy_status(const proxy_status&) = delete;
    proxy_status& operator=(const proxy_status&) = delete;
    ~proxy_status();

    /// Changes it and tells who watches, if it is another. [any-thread]
    void set(value now);
    value get() const;

    // As in the table.
    void status(plexus_proxy_told told, void* context) const;
    result<plexus_proxy_watch*> watch(plexus_proxy_told told, void* context);
    void unwatch(plexus_proxy_watch* watch);

  private:
    struct watcher;
    void tell(const value& now, plexus_proxy_told told, void* context) const;

    account& owner_;
    const char* kind_;
    mutable std::mutex mutex_; ///< of what follows
    value now_;
    std::vector<std::shared_ptr<watcher>> watchers_;
};

} // namespace plexus::net
