#include "sodium.hpp"

#include <sodium.h>

namespace plexus::crypto {

void prepare_sodium() noexcept {
    // Without it the results are the same, only slower: a failure needs no report.
    static const int prepared = sodium_init();
    static_cast<void>(prepared);
}

} // namespace plexus::crypto
