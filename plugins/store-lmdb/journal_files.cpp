#include "journal_files.hpp"

#include "plexus/abi.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace plexus::store_lmdb {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view prefix = "journal-";

std::uint64_t number_of(const fs::path& path) {
    const std::string name = path.filename().string();
    if (!name.starts_with(prefix)) return 0;
    std::uint64_t number = 0;
    const char* end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data() + prefix.size(), end, number);
    return parsed.ec == std::errc() && parsed.ptr == end ? number : 0;
}

error cannot_read(const fs::path& path, int code) {
    return make_error(status::io, "cannot read the journal " + path.string() + ": " +
                                      std::generic_category().message(code));
}

} // namespace

fs::path segment_path(const fs::path& folder, std::uint64_t number) {
    return folder / (std::string(prefix) + std::to_string(number));
}

std::uint64_t last_segment_number(std::span<const left_segment> segments) {
    std::uint64_t out = 0;
    for (const auto& one : segments) out = std::max(out, number_of(one.file->path()));
    return out;
}

result<std::vector<left_segment>> find_segments(const fs::path& folder) {
    std::vector<left_segment> out;
    std::error_code failed;
    for (fs::directory_iterator next(folder, failed), end; !failed && next != end; next.increment(failed)) {
        if (number_of(next->path()) == 0) continue;
        left_segment one{std::make_shared<segment>(next->path()), std::nullopt};
        const int opened = one.file->open(false);
        if (opened == ENOENT) continue; // taken away meanwhile by who writes it
        if (opened != 0) return cannot_read(next->path(), opened);
        bytes head(static_cast<std::size_t>(
            std::min<std::uint64_t>(one.file->reserved(), journal_format::head_room)));
        if (const int code = one.file->read(head, 0); code != 0) return cannot_read(next->path(), code);
        one.head = journal_format::parse_head(head);
        out.push_back(std::move(one));
    }
    if (failed) return make_error(status::io, "cannot read " + folder.string() + ": " + failed.message());
    std::sort(out.begin(), out.end(), [](const left_segment& a, const left_segment& b) {
        return (a.head ? a.head->first : 0) < (b.head ? b.head->first : 0);
    });
    return out;
}

result<replayed> replay(
    std::span<const left_segment> segments, std::optional<std::uint64_t> applied,
    const std::function<result<void>(const journal_format::record&, const std::shared_ptr<segment>&)>& each) {
    replayed out;
    out.last = out.highest = applied.value_or(0);
    bool known = applied.has_value();
    bytes content;
    for (const auto& one : segments) {
        if (!one.head) continue;
        if (const int code = one.file->read_all(content); code != 0)
            return cannot_read(one.file->path(), code);
        // A head that changed since belongs to a segment that was begun anew.
        const auto head = journal_format::parse_head(content);
        if (!head || head->salt != one.head->salt) {
            out.gap = true;
            continue;
        }
        const bool counts = !known || head->follows <= out.last;
        std::uint64_t expected = head->first;
        std::size_t at = journal_format::head_room;
        bool some = false;
        while (const auto record = journal_format::parse_record(content, at, head->salt)) {
            if (record->number != expected) break;
            ++expected;
            at += record->size;
            some = true;
            out.highest = std::max(out.highest, record->number);
            if (!counts || (known && record->number <= out.last)) continue;
            PLEXUS_CHECK(each(*record, one.file));
            out.last = record->number;
            known = true;
        }
        out.gap |= some && !counts;
    }
    return out;
}

} // namespace plexus::store_lmdb
