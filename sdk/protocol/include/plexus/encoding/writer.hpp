// Appends the binary encoding of SimpleX to a caller's buffer; the mirror of reader. With enough capacity
// reserved it does not allocate.
#pragma once

#include "plexus/bytes.hpp"

#include <stdexcept>

namespace plexus::encoding {

/// A field that does not fit its length prefix is a broken invariant of the caller and throws
/// std::length_error.
class writer {
  public:
    explicit writer(bytes& out) noexcept : out_(out) {}

    bytes& out() noexcept { return out_; }
    std::size_t size() const noexcept { return out_.size(); }

    writer& raw(bytes_view data) {
        out_.insert(out_.end(), data.begin(), data.end());
        return *this;
    }
    writer& raw(std::string_view text) { return raw(as_bytes(text)); }
    writer& tail(bytes_view data) { return raw(data); }
    writer& fill(std::size_t count, std::uint8_t byte) {
        out_.insert(out_.end(), count, byte);
        return *this;
    }

    // Integers are big-endian.
    writer& u8(std::uint8_t value) { return integer(value, 1); }
    writer& u16(std::uint16_t value) { return integer(value, 2); }
    writer& u32(std::uint32_t value) { return integer(value, 4); }
    writer& u64(std::uint64_t value) { return integer(value, 8); }
    writer& i64(std::int64_t value) { return integer(static_cast<std::uint64_t>(value), 8); }
    writer& character(char value) { return u8(static_cast<std::uint8_t>(value)); }

    /// A 1-byte length and the bytes, at most 255.
    writer& short_bytes(bytes_view data) { return u8(length<std::uint8_t>(data.size())).raw(data); }
    /// A 2-byte length and the bytes, at most 65,535.
    writer& large_bytes(bytes_view data) { return u16(length<std::uint16_t>(data.size())).raw(data); }
    writer& short_text(std::string_view text) { return short_bytes(as_bytes(text)); }

    writer& boolean(bool value) { return character(value ? 'T' : 'F'); }
    /// '1' when a value follows, '0' when none does.
    writer& maybe(bool present) { return character(present ? '1' : '0'); }
    writer& list_count(std::size_t count) { return u8(length<std::uint8_t>(count)); }

    /// Leaves two bytes for a length, to be filled by `end_large` when what follows is written.
    std::size_t begin_large() {
        u16(0);
        return out_.size();
    }
    void end_large(std::size_t begin) {
        const auto size = length<std::uint16_t>(out_.size() - begin);
        out_[begin - 2] = static_cast<std::uint8_t>(size >> 8);
        out_[begin - 1] = static_cast<std::uint8_t>(size);
    }

  private:
    template <typename Length>
    static Length length(std::size_t size) {
        if (size > static_cast<Length>(~Length{0}))
            throw std::length_error("a field is longer than its length prefix");
        return static_cast<Length>(size);
    }
    writer& integer(std::uint64_t value, std::size_t size) {
        for (auto shift = size * 8; shift > 0; shift -= 8)
            out_.push_back(static_cast<std::uint8_t>(value >> (shift - 8)));
        return *this;
    }

    bytes& out_;
};

} // namespace plexus::encoding
