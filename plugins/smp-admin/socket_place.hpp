// The address of a Unix socket whose path may be longer than such an address: the name is taken through its
// opened folder. Used by both ends of the admin socket.
#pragma once

#include <string>
#include <sys/socket.h>
#include <sys/un.h>

namespace plexus::smp_admin {

class socket_place {
  public:
    explicit socket_place(const std::string& path);
    socket_place(const socket_place&) = delete;
    socket_place& operator=(const socket_place&) = delete;
    ~socket_place();

    bool has_folder() const noexcept { return folder_ >= 0; }
    const sockaddr* address() const noexcept { return reinterpret_cast<const sockaddr*>(&address_); }
    static constexpr socklen_t size() noexcept { return sizeof(sockaddr_un); }

  private:
    int folder_;
    sockaddr_un address_{};
};

} // namespace plexus::smp_admin
