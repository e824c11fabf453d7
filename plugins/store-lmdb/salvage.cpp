#include "environment.hpp"
#include "new_file.hpp"
#include "page_format.hpp"

#include "plexus/abi/store.h"

#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace plexus::store_lmdb {
namespace {

/// Walks the pages of a data file depth first, as far as they can be believed.
class salvager {
  public:
    salvager(int file, std::uint64_t size, new_file* to) : file_(file), size_(size), to_(to) {}

    /// From a head to every row; without a file to write to, only counts them and what is lost.
    result<salvaged> run(bytes_view meta, std::uint64_t page_size) {
        page_size_ = page_size;
        seen_.assign(size_ / page_size + 1, false);
        const tree names = parse_tree(meta.subspan(24 + db_size, db_size));
        if (names.root != no_page) PLEXUS_CHECK(walk(names, 0, names.root, nullptr));
        return lost_;
    }
    /// Rows of tables that could be read.
    std::uint64_t rows() const noexcept { return rows_; }

  private:
    static constexpr unsigned depth_most = 64;

    bool read(std::uint64_t offset, bytes& out) const {
        return offset <= size_ && out.size() <= size_ - offset &&
               ::pread(file_, out.data(), out.size(), static_cast<off_t>(offset)) ==
                   static_cast<ssize_t>(out.size());
    }
    result<void> lose_page() {
        ++lost_.pages_lost;
        return {};
    }

    /// `table`: the name of the table that the page belongs to; null: its rows are tables.
    result<void> walk(const tree& of, unsigned depth, std::uint64_t number, const std::string* table) {
        bytes page(page_size_);
        if (depth > depth_most || number < 2 || number >= seen_.size() || seen_[number] ||
            !read(number * page_size_, page))
            return lose_page();
        seen_[number] = true;
        const auto flags = get<std::uint16_t>(page, 10);
        const std::size_t lower = get<std::uint16_t>(page, 12);
        const std::size_t upper = get<std::uint16_t>(page, 14);
        if (get<std::uint64_t>(page, 0) != number || (flags != is_branch && flags != is_leaf) ||
            lower < page_header || lower > upper || upper > page_size_)
            return lose_page();
        for (std::size_t i = 0; i < (lower - page_header) / 2; ++i) {
            const std::size_t at = get<std::uint16_t>(page, page_header + 2 * i);
            if (at < upper || at + node_header > page_size_) {
                PLEXUS_CHECK(lose_page());
                continue;
            }
            if (flags == is_branch) {
                const std::uint64_t child =
                    get<std::uint32_t>(page, at) | std::uint64_t(get<std::uint16_t>(page, at + 4)) << 32;
                PLEXUS_CHECK(walk(of, depth + 1, child, table));
            } else {
                PLEXUS_CHECK(take(page, at, table));
            }
        }
        return {};
    }

    /// A row of a leaf.
    result<void> take(bytes_view page, std::size_t at, const std::string* table) {
        const std::uint64_t size = get<std::uint32_t>(page, at);
        const auto flags = get<std::uint16_t>(page, at + 4);
        const std::size_t key_size = get<std::uint16_t>(page, at + 6);
        const bool big = (flags & big_data) != 0;
        const std::size_t data = at + node_header + key_size;
        const std::uint64_t inside = big ? sizeof(std::uint64_t) : size;
        if (data > page_size_ || inside > page_size_ - data || key_size == 0 ||
            key_size > PLEXUS_STORE_KEY_MOST || size > PLEXUS_STORE_VALUE_MOST) {
            ++lost_.values_lost;
            return {};
        }
        const auto key = page.subspan(at + node_header, key_size);
        if ((flags & sub_data) != 0) {
            if (table != nullptr || size != db_size) return lose_page();
            const tree rows = parse_tree(page.subspan(data, db_size));
            const std::string name(as_text(key));
            if (name == journal_table) return {}; // so that all that the journal has is read again
            if (to_ != nullptr) PLEXUS_CHECK(to_->table(name));
            return rows.root == no_page ? result<void>() : walk(rows, 0, rows.root, &name);
        }
        bytes value = to_bytes(page.subspan(data, static_cast<std::size_t>(inside)));
        if (big && !read_big(get<std::uint64_t>(page, data), size, value)) {
            ++lost_.values_lost;
            return {};
        }
        if (table == nullptr) return {};
        ++rows_;
        return to_ == nullptr ? result<void>() : to_->row(key, value);
    }

    bool read_big(std::uint64_t number, std::uint64_t size, bytes& out) const {
        bytes header(page_header);
        if (number < 2 || number >= seen_.size() || !read(number * page_size_, header) ||
            get<std::uint64_t>(header, 0) != number || get<std::uint16_t>(header, 10) != is_overflow)
            return false;
        out.resize(static_cast<std::size_t>(size));
        return read(number * page_size_ + page_header, out);
    }

    int file_;
    std::uint64_t size_;
    new_file* to_;
    std::uint64_t page_size_ = 0;
    std::vector<bool> seen_;
    std::uint64_t rows_ = 0;
    salvaged lost_;
};

struct head {
    bytes meta;
    std::uint64_t page_size;
    std::uint64_t transaction;
};

/// The head at an offset, if it is one.
std::optional<head> read_head(int file, std::uint64_t offset) {
    bytes page(page_header + meta_size);
    if (::pread(file, page.data(), page.size(), static_cast<off_t>(offset)) !=
        static_cast<ssize_t>(page.size()))
        return std::nullopt;
    const auto meta = bytes_view(page).subspan(page_header);
    const std::uint64_t page_size = get<std::uint32_t>(meta, 24);
    const bool sound = get<std::uint32_t>(meta, 0) == 0xBEEFC0DE && get<std::uint32_t>(meta, 4) == 1 &&
                       page_size >= 512 && page_size <= 65'536 && (page_size & (page_size - 1)) == 0;
    if (!sound) return std::nullopt;
    return head{to_bytes(meta), page_size, get<std::uint64_t>(meta, 128)};
}

} // namespace

result<salvaged> salvage_rows(const std::filesystem::path& file, new_file& to) {
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat about {};
    if (descriptor < 0 || ::fstat(descriptor, &about) != 0)
        return make_error(status::io,
                          "cannot read " + file.string() + ": " + std::generic_category().message(errno));
    struct closer {
        int descriptor;
        ~closer() { ::close(descriptor); }
    } const close_at_end{descriptor};
    const auto size = static_cast<std::uint64_t>(about.st_size);

    // The newer head, unless the other one leads to more rows and less of it is lost. (That it is whole says
    // little: before a commit there may have been next to nothing.) The second stands at the second page.
    struct candidate {
        head at;
        salvaged loses;
        std::uint64_t rows = 0;
        std::uint64_t lost() const noexcept { return loses.pages_lost + loses.values_lost; }
    };
    std::optional<candidate> best;
    std::uint64_t newest = 0;
    for (const std::uint64_t offset : {0, 512, 1'024, 2'048, 4'096, 8'192, 16'384, 32'768, 65'536}) {
        const auto one = read_head(descriptor, offset);
        if (!one || (offset != 0 && offset != one->page_size)) continue;
        salvager reader(descriptor, size, nullptr);
        PLEXUS_TRY(const auto loses, reader.run(one->meta, one->page_size));
        newest = std::max(newest, one->transaction);
        candidate next{*one, loses, reader.rows()};
        const auto saves_more = [](const candidate& older, const candidate& newer) {
            return older.rows > newer.rows && older.lost() < newer.lost();
        };
        const bool better = !best || (one->transaction > best->at.transaction ? !saves_more(*best, next)
                                                                              : saves_more(next, *best));
        if (better) best = std::move(next);
    }
    if (!best)
        return make_error(status::corrupt,
                          file.string() + " has no head of LMDB left: nothing can be reached in it");
    PLEXUS_TRY(auto out, salvager(descriptor, size, &to).run(best->at.meta, best->at.page_size));
    out.last_commit_lost = best->at.transaction < newest;
    return out;
}

} // namespace plexus::store_lmdb
