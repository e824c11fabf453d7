// Sockets of the file system. A path may be longer than the address of such a socket: the name is taken
// through its opened folder. Used by line_service and by those who ask one.
#pragma once

#include "plexus/net/descriptor.hpp"
#include "plexus/result.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace plexus::net {

/// A socket that connects, or has; it does not block. Errors: status::invalid for a name that no such socket
/// can have, and those of connect. [any-thread]
result<descriptor> begin_connect_unix(const std::string& path);

/// A listening socket, for this user alone, that does not block. What is at `path` already is removed.
result<descriptor> listen_unix(const std::string& path, int backlog);

/// Whether the other side is root or this process's user.
bool is_own_or_root(int socket);

/// Asks a line_service, and waits: gives one line, and each line of the answer to `take` until that says
/// false or the answer ends. Errors: status::refused if nobody listens at `path`. [worker]
result<void> ask_lines(const std::string& path, std::string line,
                       const std::function<bool(std::string_view line)>& take);

} // namespace plexus::net
