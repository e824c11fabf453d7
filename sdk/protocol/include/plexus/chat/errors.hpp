// What can be wrong with a chat message.
#pragma once

#include "plexus/result.hpp"

namespace plexus::chat {

enum class chat_error : std::int32_t {
    syntax = 1,  ///< neither JSON nor a known binary form
    invalid = 2, ///< well-formed, but a member is missing, of the wrong type, or has a value that is refused
    compression = 3, ///< a compressed batch that does not decompress, or to more than is allowed
    too_long = 4,    ///< does not fit into one agent message
};
inline const char* error_domain(chat_error) noexcept { return "chat"; }

} // namespace plexus::chat
