#include "system_random.hpp"

#include <openssl/rand.h>

#include <stdexcept>

namespace plexus::bench {

void system_random::fill(bytes_span out) {
    if (RAND_bytes(out.data(), static_cast<int>(out.size())) != 1)
        throw std::runtime_error("no random bytes");
}

} // namespace plexus::bench
