// The ports of the server and what it shows there: its own chain for SMP, and another for clients that name
// it (HTTPS). Used by the plugin.
#pragma once

#include "plexus/abi/transport.h"
#include "plexus/host.hpp"
#include "plexus/secret.hpp"
#include "plexus/smp/server.hpp"
#include "plexus/task.hpp"

#include <mutex>

namespace plexus::smp_server {

/// As the files say that the configuration names.
struct credentials {
    bytes chain;
    secret_bytes key;
    bytes web_chain; ///< empty: no HTTPS
    secret_bytes web_key;
    std::shared_ptr<const smp::server_identity> identity; ///< of chain and key
};
result<credentials> read_credentials(const config_view& config);

class listeners {
  public:
    explicit listeners(const plexus_listener* table) : table_(table) {}

    /// Listens on the port and on each of more-ports, or on none. [loader] or [shard]
    result<void> open(const config_view& config, const credentials& shown, plexus_accept_function accepted,
                      void* context);
    /// New connections are shown these. [loader] or [shard]
    result<void> show(const credentials& shown);
    /// Nobody is accepted when it ends. [shard]
    task<void> close();

    /// The first is the one in the address.
    std::vector<std::uint32_t> ports() const;

  private:
    result<void> open_one(plexus_listen_options options, std::uint32_t port, plexus_accept_function accepted,
                          void* context);

    const plexus_listener* table_;
    mutable std::mutex mutex_; ///< of handles_: a drain may meet a reload
    std::vector<plexus_listener_handle*> handles_;
};

} // namespace plexus::smp_server
