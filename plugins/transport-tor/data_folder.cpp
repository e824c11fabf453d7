#include "data_folder.hpp"

#include "plexus/abi.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace plexus::transport_tor {
namespace {

constexpr const char* lock_file = "plexus.lock";
constexpr const char* torrc_file = "torrc";
constexpr std::size_t most_torrc = 32 * 1024;
constexpr const char* probe_file = "plexus.probe";
/// What tor writes in its first minutes, as far as a full disk is found by it.
constexpr std::size_t probe_size = 64 * 1024;

error failed(const std::string& what, int number) {
    const auto kind = number == ENOSPC || number == EDQUOT                     ? status::full
                      : number == EACCES || number == EPERM || number == EROFS ? status::denied
                                                                               : status::io;
    return make_error(kind, what + ": " + std::generic_category().message(number));
}

result<void> make_folder(const std::string& path) {
    std::error_code failure;
    const std::filesystem::path folder(path);
    if (folder.has_parent_path()) std::filesystem::create_directories(folder.parent_path(), failure);
    if (failure) return failed("tor's folder " + path + " cannot be made", failure.value());
    if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST)
        return failed("tor's folder " + path + " cannot be made", errno);
    return {};
}

result<void> check_owner(const std::string& path, int folder) {
    struct stat what {};
    if (::fstat(folder, &what) != 0) return failed("tor's folder " + path, errno);
    if (what.st_uid != ::geteuid())
        return make_error(status::denied, "tor's folder " + path + " belongs to another user (" +
                                              std::to_string(what.st_uid) + "): give it one of your own");
    if ((what.st_mode & (S_IRWXG | S_IRWXO)) != 0 && ::fchmod(folder, S_IRWXU) != 0)
        return failed("tor's folder " + path + " is open to others", errno);
    return {};
}

result<void> check_room(const std::string& path, int folder) {
    const net::descriptor file(::openat(
        folder, probe_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
    if (!file) return failed("nothing can be written to tor's folder " + path, errno);
    const std::string bytes(probe_size, 'x');
    errno = ENOSPC;
    const bool written =
        ::write(file.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) &&
        ::fdatasync(file.get()) == 0;
    const int number = errno;
    ::unlinkat(folder, probe_file, 0);
    if (!written) return failed("there is no room in tor's folder " + path, number);
    return {};
}

} // namespace

result<std::shared_ptr<data_folder>> data_folder::open(const std::string& path) {
    PLEXUS_CHECK(make_folder(path));
    net::descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) return failed("tor's folder " + path + " cannot be opened", errno);
    PLEXUS_CHECK(check_owner(path, folder.get()));
    net::descriptor lock(
        ::openat(folder.get(), lock_file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
    if (!lock) return failed("nothing can be written to tor's folder " + path, errno);
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
        return make_error(status::busy, "another program uses tor's folder " + path +
                                            ": end it, or give this one a folder of its own (path)");
    PLEXUS_CHECK(check_room(path, folder.get()));
    return std::shared_ptr<data_folder>(new data_folder(path, std::move(folder), std::move(lock)));
}

std::string data_folder::socket(const std::string& name) const {
    auto whole = path_ + "/" + name;
    if (whole.size() < sizeof(sockaddr_un::sun_path)) return whole;
    return "/proc/self/fd/" + std::to_string(folder_.get()) + "/" + name;
}

result<std::vector<std::string>> data_folder::torrc() const {
    std::vector<std::string> out;
    const std::string name = path_ + "/" + torrc_file;
    const net::descriptor file(
        ::openat(folder_.get(), torrc_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file && errno == ENOENT) return out;
    if (!file) return failed(name, errno);
    std::string text(most_torrc + 1, '\0');
    const auto got = ::read(file.get(), text.data(), text.size());
    if (got < 0) return failed(name, errno);
    text.resize(static_cast<std::size_t>(got));
    if (text.size() > most_torrc)
        return make_error(status::limit, name + " has more than " + std::to_string(most_torrc) + " bytes");
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        const auto begin = std::min(text.find_first_not_of(" \t\r", at), end);
        const auto last = text.find_last_not_of(" \t\r", end == 0 ? 0 : end - 1);
        if (begin < end && text[begin] != '#') out.push_back(text.substr(begin, last + 1 - begin));
        at = end + 1;
    }
    return out;
}

void data_folder::remove_sockets() const {
    ::unlinkat(folder_.get(), control_socket, 0);
    ::unlinkat(folder_.get(), socks_socket, 0);
}

} // namespace plexus::transport_tor
