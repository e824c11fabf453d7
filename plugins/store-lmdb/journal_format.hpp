// The bytes of a journal's segment: a head, then one record for each batch that was committed. A record that
// was torn, or is left of what the file held before, does not match its checksum, which is salted anew each
// time a segment is begun. No files here.
#pragma once

#include "plexus/abi/store.h"
#include "plexus/bytes.hpp"

#include <optional>
#include <span>
#include <vector>

namespace plexus::store_lmdb::journal_format {

/// Records begin here: the head has a page of its own.
inline constexpr std::size_t head_room = 4096;
/// Longer values stand behind the keys of their record, where they can be read by themselves.
inline constexpr std::size_t short_value = 1024;

struct head {
    std::uint64_t salt = 0;
    std::uint64_t follows = 0; ///< number of the last record before this segment
    std::uint64_t first = 0;   ///< number of its first record
};
bytes encode(const head& value);
std::optional<head> parse_head(bytes_view file);

/// Fingerprint of bytes that come in pieces; for finding torn writes, not against forgers.
class checksum {
  public:
    explicit checksum(std::uint64_t salt) : state_(salt ^ 0x6a09e667f3bcc908U) {}
    void add(bytes_view piece) noexcept;
    void add(std::uint64_t number) noexcept;
    std::uint64_t value() const noexcept { return state_; }

  private:
    std::uint64_t state_;
};

/// One write of a record. Views point into the parsed bytes.
struct entry {
    std::uint32_t kind = 0; ///< PLEXUS_WRITE_*
    std::string_view table;
    bytes_view key;
    bytes_view value;
    std::uint64_t value_at = 0; ///< of a long value: its offset in the parsed bytes
    bool is_long() const noexcept { return kind != PLEXUS_WRITE_DELETE_RANGE && value.size() > short_value; }
};
struct record {
    std::uint64_t number = 0;
    std::size_t size = 0; ///< bytes, with its own head
    std::vector<entry> entries;
};
/// The record at `offset`, or nothing: the journal ends there.
std::optional<record> parse_record(bytes_view file, std::size_t offset, std::uint64_t salt);

/// Records that are to be written together: what is short is copied, long values are only pointed to.
class record_group {
  public:
    /// `name_of` gives the name of a table. The writes live until the group is written.
    template <typename NameOf>
    void add(std::uint64_t number, std::uint64_t salt, std::span<const plexus_write> writes, NameOf name_of) {
        static_assert(std::is_same_v<decltype(name_of(writes[0])), std::string_view>, "not of a temporary");
        const std::size_t record_at = begin();
        std::uint64_t longs = 0;
        checksum sum(salt);
        for (const auto& write : writes) {
            const entry one{write.kind, name_of(write), view(write.key), view(write.value)};
            add_entry(one);
            if (one.is_long()) longs += one.value.size();
        }
        finish(record_at, number, longs, sum);
        for (const auto& write : writes)
            if (const entry one{write.kind, {}, {}, view(write.value)}; one.is_long())
                add_long(one.value, sum);
        seal(record_at, sum);
    }
    void clear() noexcept;
    bool empty() const noexcept { return records_.empty(); }
    std::uint64_t size() const noexcept { return size_; }

    struct place {
        std::uint64_t at = 0;       ///< of the record, from the group's beginning
        std::uint64_t longs_at = 0; ///< of its first long value
    };
    const std::vector<place>& records() const noexcept { return records_; }
    /// The bytes, in order.
    void pieces(std::vector<bytes_view>& out) const;

  private:
    struct piece {
        const std::uint8_t* data = nullptr; ///< null: in short_
        std::size_t at = 0;
        std::size_t size = 0;
    };
    static bytes_view view(const plexus_view& of) noexcept {
        return {of.data, static_cast<std::size_t>(of.size)};
    }
    std::size_t begin();
    void add_entry(const entry& one);
    void finish(std::size_t record_at, std::uint64_t number, std::uint64_t longs, checksum& sum);
    void add_long(bytes_view value, checksum& sum);
    void seal(std::size_t record_at, const checksum& sum);

    bytes short_;
    std::vector<piece> pieces_;
    std::vector<place> records_;
    std::uint64_t size_ = 0;
};

/// Of a record with these writes, at the most.
std::uint64_t size_bound(std::span<const plexus_write> writes);

} // namespace plexus::store_lmdb::journal_format
