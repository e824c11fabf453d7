#include "line_file.hpp"

#include "plexus/abi.hpp"
#include "store_log.hpp"

#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace plexus::smp_server {
namespace {

constexpr std::size_t step = std::size_t(1) << 18;

error cannot_read(const std::filesystem::path& path) {
    return make_error(status::io,
                      "cannot read " + path.string() + ": " + std::generic_category().message(errno));
}

} // namespace

result<line_file> line_file::open(const std::filesystem::path& path, std::uint64_t from, std::uint64_t to) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return cannot_read(path);
    line_file out(path, file, to - from);
    if (from > 0 && ::lseek(file, static_cast<off_t>(from), SEEK_SET) < 0) return cannot_read(path);
    return out;
}

line_file::line_file(line_file&& other) noexcept
    : path_(std::move(other.path_)), file_(std::exchange(other.file_, -1)), left_(other.left_),
      buffer_(std::move(other.buffer_)), at_(other.at_), number_(other.number_), too_long_(other.too_long_) {}

line_file::~line_file() {
    if (file_ >= 0) ::close(file_);
}

result<bool> line_file::fill() {
    buffer_.erase(0, std::exchange(at_, 0));
    const std::size_t kept = buffer_.size();
    buffer_.resize(kept + static_cast<std::size_t>(std::min<std::uint64_t>(step, left_)));
    const ssize_t got = ::read(file_, buffer_.data() + kept, buffer_.size() - kept);
    buffer_.resize(kept + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0) return cannot_read(path_);
    left_ -= static_cast<std::uint64_t>(got);
    return got > 0;
}

result<bool> line_file::next(std::string_view& line) {
    too_long_ = false;
    for (std::size_t searched = at_;;) {
        const auto end = buffer_.find('\n', searched);
        if (end != std::string::npos) {
            line = std::string_view(buffer_).substr(at_, end - at_);
            at_ = end + 1;
            break;
        }
        if (buffer_.size() - at_ > official::line_most) {
            too_long_ = true;
            at_ = buffer_.size();
        }
        searched = buffer_.size() - at_;
        PLEXUS_TRY(const bool more, fill());
        if (more) continue;
        if (buffer_.empty() && !too_long_) return false;
        line = buffer_;
        at_ = buffer_.size();
        break;
    }
    ++number_;
    return true;
}

} // namespace plexus::smp_server
