// The private folder of the tor that we own: made and looked at before each start, so that what is wrong with
// it is said in a sentence; and its sockets. Used by the supervisor.
#pragma once

#include "plexus/net/descriptor.hpp"
#include "plexus/result.hpp"

#include <memory>
#include <string>
#include <vector>

namespace plexus::transport_tor {

constexpr const char* control_socket = "control.sock";
constexpr const char* socks_socket = "socks.sock";

class data_folder {
  public:
    /// Makes it with mode 0700 where it is missing. Errors: another's, open to others, a disk that is full or
    /// read-only, or held by another instance. May block.
    static result<std::shared_ptr<data_folder>> open(const std::string& path);

    const std::string& path() const noexcept { return path_; }
    /// Fit for a socket's address, however long the folder's path is; valid while this lives.
    std::string socket(const std::string& name) const;
    /// The lines of a file torrc in it that are neither empty nor comments; none if there is no file. May
    /// block.
    result<std::vector<std::string>> torrc() const;
    /// What an earlier tor left, so that nobody takes it for the new one's. May block.
    void remove_sockets() const;

  private:
    data_folder(std::string path, net::descriptor folder, net::descriptor lock)
        : path_(std::move(path)), folder_(std::move(folder)), lock_(std::move(lock)) {}

    std::string path_;
    net::descriptor folder_;
    net::descriptor lock_;
};

} // namespace plexus::transport_tor
