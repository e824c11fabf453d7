// The plexus that holds the database already: a command is handed to it through its socket.
#pragma once

#include "options.hpp"

namespace plexus::messenger_app {

/// The exit code of the command, after its lines went to standard output; nothing if nobody holds the
/// database.
std::optional<int> ask_owner(const options& given);

} // namespace plexus::messenger_app
