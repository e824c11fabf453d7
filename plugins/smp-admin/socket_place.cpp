#include "socket_place.hpp"

#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace plexus::smp_admin {

socket_place::socket_place(const std::string& path) {
    const auto slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    folder_ = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    address_.sun_family = AF_UNIX;
    const auto through = "/proc/self/fd/" + std::to_string(folder_) + "/" + path.substr(slash + 1);
    std::strncpy(address_.sun_path, through.c_str(), sizeof address_.sun_path - 1);
}

socket_place::~socket_place() {
    if (folder_ >= 0) ::close(folder_);
}

} // namespace plexus::smp_admin
