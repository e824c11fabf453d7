// The host's random bytes as the protocol library takes them.
#pragma once

#include "plexus/abi/host.h"
#include "plexus/crypto/random.hpp"

namespace plexus::agent_plugin {

class host_random final : public crypto::random_source {
  public:
    explicit host_random(const plexus_random* table) : table_(table) {}
    void fill(bytes_span out) override {
        table_->fill(table_->service.self, plexus_span{out.data(), out.size()});
    }

  private:
    const plexus_random* table_;
};

} // namespace plexus::agent_plugin
