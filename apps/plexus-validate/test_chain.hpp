// Certificate chains made for a test. Used by the suite of transports and by the tests of transport-tls.
#pragma once

#include "plexus/bytes.hpp"

#include <string>
#include <vector>

namespace plexus::test {

struct chain_options {
    int algorithm = 0; ///< EVP_PKEY_ED25519 or EVP_PKEY_ED448; 0: ED25519
    int length = 2;
    long valid_from = -3600; ///< seconds from now
    long valid_to = 3600;
    bool foreign_leaf = false; ///< the leaf is signed by another key of the same name as the next one
    bool authority = true;     ///< the second one may sign
};

struct test_chain {
    std::string pem;
    std::string key;
    std::vector<bytes> der; ///< the leaf first
    bytes fingerprint;      ///< SHA-256 of the second (of the only) one
};

test_chain make_chain(const chain_options& options = {});

} // namespace plexus::test
