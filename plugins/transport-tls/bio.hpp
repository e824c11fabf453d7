// How OpenSSL reads and writes through a carrier.
#pragma once

#include "plexus/net/carrier.hpp"

#include <openssl/bio.h>

namespace plexus::transport_tls {

/// A BIO over a carrier, which must outlive it.
BIO* make_bio(net::carrier& below);

} // namespace plexus::transport_tls
