// A file descriptor that closes itself. Used by everything that opens sockets.
#pragma once

#include <utility>

#include <unistd.h>

namespace plexus::net {

/// A file descriptor that is closed at its end.
class descriptor {
  public:
    descriptor() = default;
    explicit descriptor(int value) noexcept : value_(value) {}
    descriptor(descriptor&& other) noexcept : value_(other.release()) {}
    descriptor& operator=(descriptor&& other) noexcept {
        if (this != &other) {
            close();
            value_ = other.release();
        }
        return *this;
    }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() { close(); }

    explicit operator bool() const noexcept { return value_ >= 0; }
    int get() const noexcept { return value_; }
    int release() noexcept { return std::exchange(value_, -1); }
    void close() noexcept {
        if (value_ >= 0) ::close(release());
    }

  private:
    int value_ = -1;
};

} // namespace plexus::net
