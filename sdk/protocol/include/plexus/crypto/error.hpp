// What can go wrong in keys and boxes (domain "plexus.crypto"); the ratchet has its own list in ratchet.hpp.
#pragma once

#include "plexus/result.hpp"

namespace plexus::crypto {

enum class crypto_error : std::int32_t {
    bad_key = 1,        ///< not the encoding of a key, or of a key of another algorithm than is wanted
    weak_key = 2,       ///< a Diffie-Hellman result of zeros: the peer's key is no key
    not_authentic = 3,  ///< a tag does not match: wrong key, wrong nonce or changed data
    bad_padding = 4,    ///< authentic, but the length inside does not fit
    too_large = 5,      ///< the content does not fit the padded size
    bad_passphrase = 6, ///< the passphrase does not open the data key
    bad_format = 7,     ///< stored data that is not in a known form
    no_memory = 8,      ///< the passphrase check needs more memory than there is
};

constexpr const char* error_domain(crypto_error) noexcept { return "plexus.crypto"; }

} // namespace plexus::crypto
