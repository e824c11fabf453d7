// Random bytes of the system, for the protocol library's interfaces. Every key of a benchmark or a test's
// peer comes from here.
#pragma once

#include "plexus/crypto/random.hpp"

namespace plexus::bench {

class system_random final : public crypto::random_source {
  public:
    /// Throws std::runtime_error if the system has none.
    void fill(bytes_span out) override;
};

} // namespace plexus::bench
