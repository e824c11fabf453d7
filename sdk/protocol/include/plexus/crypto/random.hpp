// Random bytes as the protocol library takes them: from whoever calls it. Plugins pass the host's service,
// tests a seeded one.
#pragma once

#include "plexus/secret.hpp"

namespace plexus::crypto {

class random_source {
  public:
    virtual ~random_source() = default;
    /// Fills all of `out` with bytes fit for keys.
    virtual void fill(bytes_span out) = 0;

    template <std::size_t N>
    std::array<std::uint8_t, N> array() {
        std::array<std::uint8_t, N> out{};
        fill(out);
        return out;
    }
    template <std::size_t N>
    secret_array<N> secret() {
        secret_array<N> out;
        fill(out.span());
        return out;
    }
};

} // namespace plexus::crypto
