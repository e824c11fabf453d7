// The server's end of the admin socket, for root and the server's own user. One connection is one question: a
// line with a JSON array of words in, a line {"answer": OBJECT} or {"error": TEXT} out. Used by the plugin.
#pragma once

#include "plexus/loop.hpp"

#include <boost/json/object.hpp>

#include <list>

namespace plexus::smp_admin {

using answer = result<boost::json::object>;
using reply = std::function<void(const answer&)>;

/// [shard 0]
class admin_socket {
  public:
    /// `asked` answers once, also later, through the reply that it is given.
    admin_socket(loop_ref loop, std::function<void(std::vector<std::string> words, reply done)> asked);
    admin_socket(const admin_socket&) = delete;
    admin_socket& operator=(const admin_socket&) = delete;
    ~admin_socket();

    /// What is at `path` already is left from a server that died: whoever holds the store is the only one.
    result<void> listen(const std::string& path);

  private:
    struct connection;
    void accept_some();
    void drop(connection& which);

    loop_ref loop_;
    std::function<void(std::vector<std::string>, reply)> asked_;
    std::string path_;
    int listener_ = -1;
    std::optional<watch> watch_;
    std::list<std::shared_ptr<connection>> connections_;
};

} // namespace plexus::smp_admin
