// The file that holds the key of an onion service. Used by onion_services, on a worker.
#pragma once

#include "plexus/tor_control/onion.hpp"

namespace plexus::transport_tor {

/// The key in the file; a new one, written with mode 0600, if there is no such file. Errors: a file that
/// others may read, or that holds no key, and what the system says. May block.
result<tor_control::onion_key> load_or_make_key(const std::string& path, crypto::random_source& random);

} // namespace plexus::transport_tor
