// The socket of the database's owner: other programs of the same user hand their commands in here. A line of
// JSON in, lines of JSON out ({"print": text}, at last {"exit": code}). Used by the plugin.
#pragma once

#include "errand.hpp"

#include "plexus/net/line_service.hpp"

namespace plexus::ui_terminal {

/// Not listening yet.
std::unique_ptr<net::line_service> make_control_socket(loop_ref loop, chat_ref chat);

} // namespace plexus::ui_terminal
