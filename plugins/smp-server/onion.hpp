// The server as an onion service of Tor: its key, its name, and its listeners published while it runs. Used
// by the plugin and by the command init.
#pragma once

#include "plexus/abi/draft/onion.h"
#include "plexus/crypto/random.hpp"
#include "plexus/host.hpp"

#include <string>
#include <vector>

namespace plexus::smp_server {

/// The name of the key in that file, which is made with mode 0600 if it is not there.
result<std::string> onion_name(const std::string& key_file, crypto::random_source& random);

/// On one shard; gone before the service that it publishes through.
class onion_publication {
  public:
    onion_publication(const plexus_onion* table, logger log) : table_(table), log_(log) {}
    onion_publication(const onion_publication&) = delete;
    onion_publication& operator=(const onion_publication&) = delete;
    ~onion_publication() { withdraw(); }

    /// Each port under its own number. `address` is where they listen, empty for everywhere.
    result<void> publish(const std::string& key_file, const std::vector<std::string_view>& clients,
                         std::string_view address, const std::vector<std::uint32_t>& ports);
    void withdraw();

  private:
    const plexus_onion* table_;
    logger log_;
    plexus_onion_handle* handle_ = nullptr;
};

} // namespace plexus::smp_server
