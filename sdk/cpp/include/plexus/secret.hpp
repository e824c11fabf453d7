// Memory for keys: it wipes itself, compares in constant time, and has no way to be printed.
#pragma once

#include "plexus/bytes.hpp"

namespace plexus {

/// Overwrites memory in a way that the optimiser keeps.
inline void wipe(void* data, std::size_t size) noexcept {
    if (size == 0) return;
    std::memset(data, 0, size);
    __asm__ __volatile__("" : : "r"(data) : "memory");
}

/// Compares in a time that depends on the sizes alone.
inline bool secret_equal(bytes_view a, bytes_view b) noexcept {
    if (a.size() != b.size()) return false;
    unsigned difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned>(a[i] ^ b[i]);
    return difference == 0;
}

/// A secret of a fixed size, zero until filled.
template <std::size_t N>
class secret_array {
  public:
    secret_array() noexcept = default;
    explicit secret_array(std::span<const std::uint8_t, N> from) noexcept {
        std::copy(from.begin(), from.end(), data_.begin());
    }
    secret_array(const secret_array&) noexcept = default;
    secret_array& operator=(const secret_array&) noexcept = default;
    ~secret_array() { wipe(data_.data(), N); }

    std::uint8_t* data() noexcept { return data_.data(); }
    const std::uint8_t* data() const noexcept { return data_.data(); }
    static constexpr std::size_t size() noexcept { return N; }
    std::span<std::uint8_t, N> span() noexcept { return data_; }
    std::span<const std::uint8_t, N> span() const noexcept { return data_; }
    operator bytes_view() const noexcept { return data_; }

    friend bool operator==(const secret_array& a, const secret_array& b) noexcept {
        return secret_equal(a, b);
    }

  private:
    std::array<std::uint8_t, N> data_{};
};

/// A secret whose size is known at run time. It never grows in place: a new size is a new buffer.
class secret_bytes {
  public:
    secret_bytes() noexcept = default;
    explicit secret_bytes(std::size_t size) : data_(size) {}
    explicit secret_bytes(bytes_view from) : data_(from.begin(), from.end()) {}
    secret_bytes(const secret_bytes&) = default;
    secret_bytes(secret_bytes&& other) noexcept : data_(std::move(other.data_)) {}
    secret_bytes& operator=(const secret_bytes& other) {
        if (this != &other) {
            clear();
            data_ = other.data_;
        }
        return *this;
    }
    secret_bytes& operator=(secret_bytes&& other) noexcept {
        if (this != &other) {
            clear();
            data_ = std::move(other.data_);
        }
        return *this;
    }
    ~secret_bytes() { clear(); }

    /// Wipes and becomes empty.
    void clear() noexcept {
        wipe(data_.data(), data_.size());
        data_.clear();
    }

    std::uint8_t* data() noexcept { return data_.data(); }
    const std::uint8_t* data() const noexcept { return data_.data(); }
    std::size_t size() const noexcept { return data_.size(); }
    bool empty() const noexcept { return data_.empty(); }
    bytes_span span() noexcept { return data_; }
    operator bytes_view() const noexcept { return data_; }

    friend bool operator==(const secret_bytes& a, const secret_bytes& b) noexcept {
        return secret_equal(a, b);
    }

  private:
    bytes data_;
};

} // namespace plexus
