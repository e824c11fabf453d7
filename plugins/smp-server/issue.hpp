// Certificates as an SMP server needs them: one that its address names, and one for its TLS, signed by the
// first.
#pragma once

#include "plexus/crypto/keys.hpp"

#include <chrono>

namespace plexus::smp_server {

struct issue_request {
    std::string common_name;
    std::string organisation;    ///< may be empty
    std::chrono::seconds now{0}; ///< Unix time
    std::array<std::uint8_t, 20> serial{};
};

/// Both answer DER.
result<bytes> issue_authority(const issue_request& request, const crypto::private_key& key);
result<bytes> issue_server(const issue_request& request, const crypto::public_key& key, bytes_view issuer,
                           const crypto::private_key& issuer_key);

} // namespace plexus::smp_server
