// The server's end of the admin socket: a line with a JSON array of words in, a line {"answer": OBJECT} or
// {"error": TEXT} out. Used by the plugin.
#pragma once

#include "plexus/net/line_service.hpp"

#include <boost/json/object.hpp>

namespace plexus::smp_admin {

using answer = result<boost::json::object>;
using reply = std::function<void(const answer&)>;

/// Not listening yet. `asked` answers once, also later, through the reply that it is given.
std::unique_ptr<net::line_service>
make_admin_socket(loop_ref loop, std::function<void(std::vector<std::string> words, reply done)> asked);

} // namespace plexus::smp_admin
