#include "environment.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace plexus::store_lmdb {
namespace {

error folder_error(const std::filesystem::path& path, int code) {
    const std::string reason = std::generic_category().message(code);
    if (code == EACCES || code == EPERM || code == EROFS) {
        struct stat about {};
        std::string who;
        if (::stat(path.c_str(), &about) == 0)
            who = "; it belongs to user " + std::to_string(about.st_uid) + ", this is user " +
                  std::to_string(::geteuid());
        return make_error(status::denied, "the store's folder " + path.string() + " cannot be written (" +
                                              reason + who + "): change its owner or give another path");
    }
    if (code == ENOTDIR || code == EEXIST)
        return make_error(status::invalid,
                          "the store's path " + path.string() +
                              " is not a folder: give the path of a folder, or of a new one");
    if (code == ENOSPC || code == EDQUOT)
        return make_error(status::full, "no room on the disk for the store's folder " + path.string(), true);
    return make_error(status::io, "the store's folder " + path.string() + ": " + reason);
}

std::string read_owner(int file) {
    std::array<char, 256> text{};
    const ssize_t size = ::pread(file, text.data(), text.size(), 0);
    std::string out(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    while (!out.empty() && out.back() == '\n') out.pop_back();
    return out.empty() ? "another process" : "process " + out;
}

} // namespace

result<owned_folder> owned_folder::hold(const settings& with) {
    const auto& path = with.path;
    std::error_code failed;
    if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), failed);
    if (failed) return folder_error(path.parent_path(), failed.value());
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return folder_error(path, errno);

    const auto file = path / "owner";
    owned_folder out(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (out.lock_ < 0) return folder_error(path, errno);
    if (::flock(out.lock_, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return folder_error(path, errno);
        return make_error(status::busy, "the store " + path.string() + " is held by " +
                                            read_owner(out.lock_) + ": stop it, or give another path");
    }
    const std::string text = std::to_string(::getpid()) + " (" + with.owner + ")\n";
    if (::ftruncate(out.lock_, 0) != 0 || ::pwrite(out.lock_, text.data(), text.size(), 0) < 0)
        return folder_error(path, errno);
    return out;
}

owned_folder::~owned_folder() {
    if (lock_ >= 0) ::close(lock_);
}

} // namespace plexus::store_lmdb
