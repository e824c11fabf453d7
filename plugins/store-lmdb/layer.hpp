// Rows that are in the journal and not yet in LMDB: what one segment changes, and what several of them, with
// LMDB below, look like together.
#pragma once

#include "plexus/store_provider.hpp"
#include "segment.hpp"

#include <map>
#include <memory>
#include <string>

namespace plexus::store_lmdb {

class layer {
  public:
    struct row {
        enum class kind : std::uint8_t { erased, held, filed };
        kind what = kind::erased;
        std::uint32_t size = 0;        ///< of a filed value
        std::uint64_t at = 0;          ///< where it is in `file`
        const segment* file = nullptr; ///< of the layer, or of one that was folded into it
        std::string value;             ///< a held one

        /// The value of a row that is not erased; what is filed is read into `room`.
        int read(bytes& room, bytes_view& out) const;
    };
    using row_map = std::map<std::string, row, std::less<>>;
    /// What is erased below, in the layers and in LMDB.
    struct range {
        std::string from;
        std::string to; ///< empty: the end of the table
        bool contains(std::string_view key) const noexcept { return key >= from && (to.empty() || key < to); }
    };
    struct table_rows {
        row_map rows;
        std::vector<range> ranges;
    };

    explicit layer(std::shared_ptr<const segment> file) { files_.push_back(std::move(file)); }

    void hold(std::size_t table, bytes_view key, bytes_view value);
    /// The value is in the layer's own segment.
    void file(std::size_t table, bytes_view key, std::uint64_t at, std::size_t size);
    void erase(std::size_t table, bytes_view key);
    void erase_range(std::size_t table, bytes_view from, bytes_view to);
    /// One write of a record; of a long value its place in the segment.
    void apply(std::size_t table, std::uint32_t kind, bytes_view key, bytes_view value,
               std::uint64_t long_at);
    /// All that a newer one changes.
    void fold(const layer& newer);

    /// Null: none. `hidden` is set if what is below does not count either.
    const row* find(std::size_t table, std::string_view key, bool& hidden) const;
    const std::vector<table_rows>& tables() const noexcept { return tables_; }
    bool empty() const noexcept { return tables_.empty(); }
    bool removes() const noexcept { return removes_; }
    /// Bytes of memory, about.
    std::size_t weight() const noexcept { return weight_; }
    const segment* own_file() const noexcept { return files_.front().get(); }
    const std::vector<std::shared_ptr<const segment>>& files() const noexcept { return files_; }

  private:
    table_rows& at(std::size_t index);
    row& slot(std::size_t table, bytes_view key);

    std::vector<std::shared_ptr<const segment>> files_; ///< the first is its own
    std::vector<table_rows> tables_;
    std::size_t weight_ = 0;
    bool removes_ = false;
};

/// The rows of one table in several layers.
class layer_view {
  public:
    layer_view() = default;
    /// Of the keys in `within`; the newest layer comes first.
    layer_view(std::span<const std::shared_ptr<layer>> newest_first, std::size_t table,
               const store_provider::key_range& within);

    const layer::row_map& rows() const noexcept { return rows_; }
    /// Whether a row below is no more, or stands in rows().
    bool hides(std::string_view key) const;
    bool empty() const noexcept { return rows_.empty() && ranges_.empty(); }

  private:
    layer::row_map rows_;
    std::vector<layer::range> ranges_;
    std::vector<std::shared_ptr<const segment>> files_; ///< keep the values of rows where they are
};

/// Visits in order the rows of `above` and those below it that it does not hide. `below` (key, value) gives
/// the next row below and 0, or a code that ends the rows; `visit` (key, value) answers false to stop. The
/// code of `below` that is not `end`, an errno of reading a value, or 0.
template <typename Below, typename Visit>
int merge(const layer_view& above, bool reverse, int end, Below below, Visit visit) {
    bytes room;
    const auto show = [&](const auto& one, bool& more) {
        if (one.second.what == layer::row::kind::erased) return 0;
        bytes_view value;
        if (const int code = one.second.read(room, value); code != 0) return code;
        more = visit(as_bytes(one.first), value);
        return 0;
    };
    const auto run = [&](auto at, auto last, auto reached) {
        bytes_view key;
        bytes_view value;
        bool more = true;
        for (;;) {
            const int code = below(key, value);
            if (code != 0 && code != end) return code;
            for (; at != last && more && (code != 0 || reached(at->first, as_text(key))); ++at)
                if (const int failed = show(*at, more); failed != 0) return failed;
            if (code != 0 || !more) return 0;
            if (!above.hides(as_text(key)) && !visit(key, value)) return 0;
        }
    };
    const auto& rows = above.rows();
    if (reverse)
        return run(rows.rbegin(), rows.rend(),
                   [](std::string_view one, std::string_view key) { return one >= key; });
    return run(rows.begin(), rows.end(),
               [](std::string_view one, std::string_view key) { return one <= key; });
}

} // namespace plexus::store_lmdb
