#include "verify.hpp"

#include "page_format.hpp"

#include "plexus/abi.hpp"
#include "plexus/store_provider.hpp"

#include <cerrno>
#include <deque>
#include <fcntl.h>
#include <set>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace plexus::store_lmdb {
namespace {

struct visit {
    std::uint64_t page;
    tree of;
};

class checker {
  public:
    checker(std::filesystem::path file, int descriptor, std::uint64_t size)
        : file_(std::move(file)), descriptor_(descriptor), size_(size) {}

    result<void> run(std::uint64_t pages_most) {
        PLEXUS_TRY(const bytes meta, newest_meta());
        const bytes_view at(meta);
        page_size_ = get<std::uint32_t>(at, 24);
        last_page_ = get<std::uint64_t>(at, 120);
        if (page_size_ < 512 || page_size_ > 65536 || (page_size_ & (page_size_ - 1)) != 0)
            return damaged("its page size is " + std::to_string(page_size_));
        file_pages_ = size_ / page_size_;
        buffer_.resize(page_size_);
        tree free_list = parse_tree(at.subspan(24, db_size));
        free_list.is_free_list = true;
        PLEXUS_CHECK(walk(free_list, 0));
        PLEXUS_CHECK(check_size());
        return walk(parse_tree(at.subspan(24 + db_size, db_size)), pages_most);
    }

  private:
    error damaged(const std::string& what) const {
        return make_error(status::corrupt, file_.string() + " is damaged or no store: " + what +
                                               "; restore it from a backup, it was not changed");
    }

    result<void> read(std::uint64_t offset, bytes_span out) const {
        const ssize_t got = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
        if (got < 0)
            return make_error(status::io, file_.string() + ": " + std::generic_category().message(errno));
        if (static_cast<std::size_t>(got) != out.size())
            return damaged("it ends at byte " + std::to_string(size_) + ", before a page that it needs");
        return {};
    }

    result<bytes> newest_meta() {
        bytes first(page_header + meta_size);
        PLEXUS_CHECK(read(0, first));
        PLEXUS_TRY(bytes best, checked_meta(first));
        bytes second(page_header + meta_size);
        PLEXUS_CHECK(read(get<std::uint32_t>(best, 24), second));
        PLEXUS_TRY(bytes other, checked_meta(second));
        constexpr std::size_t transaction = 128;
        return get<std::uint64_t>(other, transaction) > get<std::uint64_t>(best, transaction) ? other : best;
    }
    result<bytes> checked_meta(bytes_view page) const {
        const bytes_view meta = page.subspan(page_header);
        if ((get<std::uint16_t>(page, 10) & is_meta) == 0 || get<std::uint32_t>(meta, 0) != 0xBEEFC0DE)
            return damaged("its head is not one of LMDB");
        if (get<std::uint32_t>(meta, 4) != 1)
            return damaged("its format version is " + std::to_string(get<std::uint32_t>(meta, 4)) +
                           ", this program reads 1");
        return to_bytes(meta);
    }

    /// A file may lack pages at its end only if they are free: those were never written.
    result<void> check_size() const {
        for (std::uint64_t page = file_pages_; page <= last_page_; ++page)
            if (!free_at_end_.contains(page))
                return damaged("it has " + std::to_string(size_) + " bytes and should have " +
                               std::to_string((last_page_ + 1) * page_size_));
        return {};
    }

    result<void> walk(const tree& from, std::uint64_t pages_most) {
        std::deque<visit> waiting;
        if (from.root != no_page) waiting.push_back({from.root, from});
        for (std::uint64_t seen = 0; !waiting.empty() && (pages_most == 0 || seen < pages_most); ++seen) {
            if (seen > last_page_) return damaged("its pages form a ring");
            const visit next = waiting.front();
            waiting.pop_front();
            PLEXUS_CHECK(check_page(next, waiting));
        }
        return {};
    }

    error bad_page(std::uint64_t page, const char* what) const {
        return damaged("page " + std::to_string(page) + " " + what);
    }

    result<void> check_page(const visit& at, std::deque<visit>& waiting) {
        if (at.page < 2 || at.page > last_page_) return bad_page(at.page, "is outside the file");
        PLEXUS_CHECK(read(at.page * page_size_, buffer_));
        const bytes_view page(buffer_);
        const auto flags = get<std::uint16_t>(page, 10);
        const auto lower = get<std::uint16_t>(page, 12);
        const auto upper = get<std::uint16_t>(page, 14);
        if (get<std::uint64_t>(page, 0) != at.page) return bad_page(at.page, "has the number of another");
        if (flags != is_branch && flags != is_leaf) return bad_page(at.page, "is of no known kind");
        if (lower < page_header || lower > upper || upper > page_size_)
            return bad_page(at.page, "has impossible bounds");
        const bool branch = flags == is_branch;
        const std::size_t nodes = (lower - page_header) / 2;
        bytes_view previous;
        for (std::size_t i = 0; i < nodes; ++i) {
            const std::size_t offset = get<std::uint16_t>(page, page_header + 2 * i);
            if (offset < upper || offset + node_header > page_size_)
                return bad_page(at.page, "has an entry outside itself");
            const auto key_size = get<std::uint16_t>(page, offset + 6);
            if (offset + node_header + key_size > page_size_)
                return bad_page(at.page, "has a key outside itself");
            const bytes_view key = page.subspan(offset + node_header, key_size);
            const bool ordered = (at.of.flags & integer_key) == 0 && (i > 1 || (i == 1 && !branch));
            if (ordered && store_provider::compare(previous, key) >= 0)
                return bad_page(at.page, "has keys out of order");
            previous = key;
            if (branch) {
                const std::uint64_t child = get<std::uint32_t>(page, offset) |
                                            std::uint64_t(get<std::uint16_t>(page, offset + 4)) << 32;
                waiting.push_back({child, at.of});
            } else {
                PLEXUS_CHECK(check_leaf_node(at, offset, key_size, waiting));
            }
        }
        return {};
    }

    result<void> check_leaf_node(const visit& at, std::size_t offset, std::size_t key_size,
                                 std::deque<visit>& waiting) {
        const bytes_view page(buffer_);
        const std::uint64_t size = get<std::uint32_t>(page, offset);
        const auto flags = get<std::uint16_t>(page, offset + 4);
        const bool big = (flags & big_data) != 0;
        const std::size_t data = offset + node_header + key_size;
        if (data + (big ? sizeof(std::uint64_t) : size) > page_size_)
            return bad_page(at.page, "has a value outside itself");
        std::uint64_t value_at = at.page * page_size_ + data;
        if (big) {
            const auto first = get<std::uint64_t>(page, data);
            const std::uint64_t pages = (page_header + size + page_size_ - 1) / page_size_;
            if (first < 2 || first > last_page_ || pages > last_page_ + 1 - first)
                return bad_page(at.page, "has a long value outside the file");
            std::array<std::uint8_t, page_header> header{};
            PLEXUS_CHECK(read(first * page_size_, header));
            if (get<std::uint64_t>(header, 0) != first || get<std::uint16_t>(header, 10) != is_overflow ||
                get<std::uint32_t>(header, 12) < pages)
                return bad_page(first, "is not the long value that it should be");
            value_at = first * page_size_ + page_header;
        }
        if (at.of.is_free_list) return note_free(value_at, size);
        if ((flags & sub_data) != 0) {
            if (size != db_size) return bad_page(at.page, "has a table of a wrong size");
            const tree table = parse_tree(page.subspan(data, db_size));
            if (table.root != no_page) waiting.push_back({table.root, table});
        }
        return {};
    }

    /// Pages of the free list that lie behind the end of the file.
    result<void> note_free(std::uint64_t value_at, std::uint64_t size) {
        if (size < 8 || size % 8 != 0) return damaged("its list of free pages has an impossible size");
        if (file_pages_ > last_page_) return {};
        bytes list(size);
        PLEXUS_CHECK(read(value_at, list));
        const auto count = get<std::uint64_t>(list, 0);
        for (std::uint64_t i = 1; i <= count && i < size / 8; ++i) {
            const auto page = get<std::uint64_t>(list, 8 * i);
            if (page >= file_pages_) free_at_end_.insert(page);
        }
        return {};
    }

    std::filesystem::path file_;
    int descriptor_;
    std::uint64_t size_;
    std::uint64_t page_size_ = 0;
    std::uint64_t last_page_ = 0;
    std::uint64_t file_pages_ = 0;
    bytes buffer_;
    std::set<std::uint64_t> free_at_end_;
};

} // namespace

result<std::uint64_t> verify_file(const std::filesystem::path& file, std::uint64_t pages_most) {
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        if (errno == ENOENT) return std::uint64_t(0);
        const auto kind = errno == EACCES || errno == EPERM ? status::denied : status::io;
        return make_error(kind, file.string() + " cannot be read (" + std::generic_category().message(errno) +
                                    "): change its owner or its mode");
    }
    struct stat about {};
    const bool known = ::fstat(descriptor, &about) == 0;
    const auto size = known ? static_cast<std::uint64_t>(about.st_size) : 0;
    const result<void> checked = checker(file, descriptor, size).run(pages_most);
    ::close(descriptor);
    if (!checked) return checked.error();
    return size;
}

} // namespace plexus::store_lmdb
