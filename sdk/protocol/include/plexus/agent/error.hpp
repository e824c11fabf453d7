// What can go wrong in links, envelopes and messages of agents (domain "plexus.agent").
#pragma once

#include "plexus/result.hpp"

namespace plexus::agent {

enum class failure : std::int32_t {
    link = 1,      ///< a text that is no connection link, or one that cannot be used here
    syntax = 2,    ///< an envelope, message or link data that does not parse
    version = 3,   ///< no version in common with the peer
    link_data = 4, ///< short-link data that is not what its creator signed
    crypto = 5,    ///< a message that cannot be decrypted
    too_large = 6, ///< a message that does not fit its padded size
    state = 7,     ///< not possible in the present state of the connection
    not_found = 8, ///< no such connection, or one that is deleted
    refused = 9,   ///< the server refuses for good: the queue is gone or belongs to another
    network = 10,  ///< the server cannot be reached now
    quota = 11,    ///< the peer's queue is full
    corrupt = 12,  ///< a stored record that does not parse
};
constexpr const char* error_domain(failure) noexcept { return "plexus.agent"; }

} // namespace plexus::agent
