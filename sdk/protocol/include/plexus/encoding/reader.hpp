// Reads the binary encoding of SimpleX from a view, without copies. Every parser of the protocol library is
// written over it: read all fields, then ask once whether it went well.
#pragma once

#include "plexus/bytes.hpp"

#include <optional>

namespace plexus::encoding {

/// Input that ends early or does not fit makes the reader fail for good: from then on every read gives zero,
/// an empty view or false and takes nothing. Views point into the input.
class reader {
  public:
    explicit reader(bytes_view input) noexcept : rest_(input) {}

    bool ok() const noexcept { return !failed_; }
    void fail() noexcept {
        failed_ = true;
        rest_ = {};
    }
    /// Everything was read and nothing failed: what a whole value must end with.
    bool done() const noexcept { return !failed_ && rest_.empty(); }
    /// Nothing is left to read (also after a failure).
    bool at_end() const noexcept { return rest_.empty(); }
    bytes_view remaining() const noexcept { return rest_; }
    /// The next byte, which stays unread; nothing at the end.
    std::optional<std::uint8_t> peek() const noexcept {
        if (rest_.empty()) return std::nullopt;
        return rest_.front();
    }

    bytes_view take(std::size_t size) noexcept {
        if (size > rest_.size()) {
            fail();
            return {};
        }
        auto taken = rest_.first(size);
        rest_ = rest_.subspan(size);
        return taken;
    }
    /// Copies exactly N bytes; zeros after a failure.
    template <std::size_t N>
    std::array<std::uint8_t, N> array() noexcept {
        std::array<std::uint8_t, N> out{};
        const auto taken = take(N);
        std::copy(taken.begin(), taken.end(), out.begin());
        return out;
    }
    void skip(std::size_t size) noexcept { take(size); }

    // Integers are big-endian.
    std::uint8_t u8() noexcept { return static_cast<std::uint8_t>(integer(1)); }
    std::uint16_t u16() noexcept { return static_cast<std::uint16_t>(integer(2)); }
    std::uint32_t u32() noexcept { return static_cast<std::uint32_t>(integer(4)); }
    std::uint64_t u64() noexcept { return integer(8); }
    std::int64_t i64() noexcept { return static_cast<std::int64_t>(integer(8)); }

    /// A 1-byte length and that many bytes.
    bytes_view short_bytes() noexcept { return take(u8()); }
    /// A 2-byte length and that many bytes.
    bytes_view large_bytes() noexcept { return take(u16()); }
    /// All that is left.
    bytes_view tail() noexcept { return take(rest_.size()); }
    std::string_view short_text() noexcept { return as_text(short_bytes()); }

    /// 'T' or 'F'.
    bool boolean() noexcept { return choice('T', 'F'); }
    /// '1' when a value follows, '0' when none does.
    bool maybe() noexcept { return choice('1', '0'); }
    /// The 1-byte count of a list.
    std::size_t list_count() noexcept { return u8(); }
    /// The same for a list that may not be empty.
    std::size_t non_empty_count() noexcept {
        const auto count = list_count();
        if (count == 0) fail();
        return count;
    }

    /// Takes `literal` if it comes next.
    bool accept(std::string_view literal) noexcept {
        if (rest_.size() < literal.size() || !equal(rest_.first(literal.size()), as_bytes(literal)))
            return false;
        rest_ = rest_.subspan(literal.size());
        return !failed_;
    }
    /// Takes `literal` or fails.
    void expect(std::string_view literal) noexcept {
        if (!accept(literal)) fail();
    }
    /// What stands before `stop`, which stays unread, or all that is left.
    bytes_view until(char stop) noexcept {
        const auto found = std::find(rest_.begin(), rest_.end(), static_cast<std::uint8_t>(stop));
        return take(static_cast<std::size_t>(found - rest_.begin()));
    }
    std::string_view word() noexcept { return as_text(until(' ')); }

  private:
    std::uint64_t integer(std::size_t size) noexcept {
        std::uint64_t value = 0;
        for (const auto byte : take(size)) value = value << 8 | byte;
        return value;
    }
    bool choice(char yes, char no) noexcept {
        const auto tag = u8();
        if (tag != yes && tag != no) fail();
        return !failed_ && tag == yes;
    }

    bytes_view rest_;
    bool failed_ = false;
};

} // namespace plexus::encoding
