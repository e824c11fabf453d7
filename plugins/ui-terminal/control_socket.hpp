// The socket of the database's owner: other programs of the same user hand their commands in here. One
// connection is one command: a line of JSON in, lines of JSON out ({"print": text}, at last {"exit": code}).
#pragma once

#include "errand.hpp"

#include <list>

namespace plexus::ui_terminal {

/// [shard 0]
class control_socket {
  public:
    control_socket(loop_ref loop, chat_ref chat);
    control_socket(const control_socket&) = delete;
    control_socket& operator=(const control_socket&) = delete;
    ~control_socket();

    /// Listens at `path`, for this user alone. What is there already is left from a program that died:
    /// whoever holds the database is the only one.
    result<void> listen(const std::string& path);

  private:
    struct connection;
    void accept_some();
    void close(connection& which);

    loop_ref loop_;
    chat_ref chat_;
    std::string path_;
    int listener_ = -1;
    std::optional<watch> watch_;
    std::list<std::shared_ptr<connection>> connections_;
};

} // namespace plexus::ui_terminal
