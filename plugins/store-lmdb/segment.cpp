#include "segment.hpp"

#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace plexus::store_lmdb {

segment::~segment() {
    if (file_ >= 0) ::close(file_);
}

int segment::open(bool make) {
    const int flags = O_RDWR | O_CLOEXEC | (make ? O_CREAT | O_TRUNC : 0);
    file_ = ::open(path_.c_str(), flags, 0600);
    if (file_ < 0) return errno;
    struct stat about {};
    if (::fstat(file_, &about) != 0) return errno;
    reserved_ = static_cast<std::uint64_t>(about.st_size);
    if (!make) return 0;
    const int folder = ::open(path_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int code = folder < 0 || ::fsync(folder) != 0 ? errno : 0;
    if (folder >= 0) ::close(folder);
    return code;
}

int segment::reserve(std::uint64_t size) {
    if (size <= reserved_) return 0;
    const int code =
        ::posix_fallocate(file_, static_cast<off_t>(reserved_), static_cast<off_t>(size - reserved_));
    if (code == 0) reserved_ = size;
    return code;
}

int segment::write(std::span<const bytes_view> pieces, std::uint64_t at) {
    constexpr std::size_t most = IOV_MAX;
    iovec parts[most];
    std::size_t skip = 0; // bytes of the first piece that are written
    while (!pieces.empty()) {
        const std::size_t count = std::min(pieces.size(), most);
        for (std::size_t i = 0; i < count; ++i)
            parts[i] = {const_cast<std::uint8_t*>(pieces[i].data()), pieces[i].size()};
        parts[0].iov_base = static_cast<std::uint8_t*>(parts[0].iov_base) + skip;
        parts[0].iov_len -= skip;
        const ssize_t done = ::pwritev(file_, parts, static_cast<int>(count), static_cast<off_t>(at));
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return done < 0 ? errno : EIO;
        at += static_cast<std::uint64_t>(done);
        auto left = static_cast<std::size_t>(done) + skip;
        while (!pieces.empty() && left >= pieces.front().size()) {
            left -= pieces.front().size();
            pieces = pieces.subspan(1);
        }
        skip = left;
    }
    return 0;
}

int segment::read(bytes_span out, std::uint64_t at) const {
    while (!out.empty()) {
        const ssize_t done = ::pread(file_, out.data(), out.size(), static_cast<off_t>(at));
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return done < 0 ? errno : EIO;
        at += static_cast<std::uint64_t>(done);
        out = out.subspan(static_cast<std::size_t>(done));
    }
    return 0;
}

int segment::read_all(bytes& out) const {
    struct stat about {};
    if (::fstat(file_, &about) != 0) return errno;
    out.resize(static_cast<std::size_t>(about.st_size));
    return read(out, 0);
}

int segment::sync() const { return ::fdatasync(file_) == 0 ? 0 : errno; }

void segment::remove() const { ::unlink(path_.c_str()); }

} // namespace plexus::store_lmdb
