#include "key_file.hpp"

#include "plexus/abi.hpp"
#include "plexus/net/descriptor.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace plexus::transport_tor {
namespace {

using tor_control::onion_key;

constexpr std::size_t most = 256;

error failed(const std::string& path, int number) {
    return make_error(number == ENOSPC || number == EDQUOT ? status::full : status::io,
                      "the onion service's key " + path + ": " + std::generic_category().message(number));
}

result<onion_key> load(const std::string& path, int file) {
    struct stat what {};
    if (::fstat(file, &what) != 0) return failed(path, errno);
    if (!S_ISREG(what.st_mode) || (what.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return make_error(status::denied,
                          "the onion service's key " + path + " is open to others: chmod 600 " + path);
    secret_bytes room(most);
    const auto got = ::read(file, room.data(), room.size());
    if (got < 0) return failed(path, errno);
    auto key = onion_key::parse_file(bytes_view(room.data(), static_cast<std::size_t>(got)));
    if (!key)
        return make_error(status::corrupt, path + " is no key of an onion service (96 bytes, as tor writes "
                                                  "hs_ed25519_secret_key)");
    return std::move(*key);
}

result<onion_key> make(const std::string& path, crypto::random_source& random) {
    auto key = onion_key::generate(random);
    const auto part = path + ".new";
    const net::descriptor file(
        ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
    if (!file) return failed(part, errno);
    const auto content = key.file();
    errno = ENOSPC;
    const bool written =
        ::write(file.get(), content.data(), content.size()) == static_cast<ssize_t>(content.size()) &&
        ::fsync(file.get()) == 0;
    const int number = errno;
    // A link does not replace what has come there since.
    const bool linked = written && ::link(part.c_str(), path.c_str()) == 0;
    const int link_number = errno;
    ::unlink(part.c_str());
    if (!written) return failed(part, number);
    if (!linked) return failed(path, link_number);
    return key;
}

} // namespace

result<onion_key> load_or_make_key(const std::string& path, crypto::random_source& random) {
    const net::descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (file) return load(path, file.get());
    return errno == ENOENT ? make(path, random) : failed(path, errno);
}

} // namespace plexus::transport_tor
