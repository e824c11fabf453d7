// A journal's bytes: any are read without harm, and what is written is read as the same, and not at all when
// a byte of it is another.
#include "journal_format.hpp"

#include <cstdlib>

namespace {

using namespace plexus;
namespace format = store_lmdb::journal_format;

/// Writes made of the input: a kind, a size of the key, two of the value, then their bytes.
std::vector<plexus_write> writes_of(bytes_view in) {
    std::vector<plexus_write> out;
    while (in.size() > 4) {
        plexus_write one{};
        one.kind = PLEXUS_WRITE_PUT + in[0] % 4U;
        const bool range = one.kind == PLEXUS_WRITE_DELETE_RANGE;
        std::size_t key = std::min<std::size_t>(in[1], PLEXUS_STORE_KEY_MOST);
        std::size_t value = std::size_t{in[2]} << 8 | in[3];
        if (range) value = std::min<std::size_t>(value, PLEXUS_STORE_KEY_MOST);
        in = in.subspan(4);
        key = std::min(key, in.size());
        if (key == 0 && !range) break;
        one.key = {in.data(), key};
        in = in.subspan(key);
        value = std::min(value, in.size());
        one.value = {in.data(), value};
        in = in.subspan(value);
        out.push_back(one);
    }
    return out;
}

void require(bool holds) {
    if (!holds) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const bytes_view in(data, size);
    if (const auto head = format::parse_head(in)) require(equal(format::encode(*head), in.first(40)));
    for (std::size_t at = 0; at <= std::min<std::size_t>(size, 8); ++at)
        static_cast<void>(format::parse_record(in, at, 0));

    constexpr std::uint64_t salt = 0x1234'5678'9abc'def0U;
    const auto writes = writes_of(in);
    format::record_group group;
    const auto name = [](const plexus_write&) { return std::string_view("a.table"); };
    group.add(7, salt, writes, name);
    group.add(8, salt, writes, name);
    std::vector<bytes_view> pieces;
    group.pieces(pieces);
    bytes written;
    for (const auto& one : pieces) written.insert(written.end(), one.begin(), one.end());
    require(written.size() == group.size());
    std::size_t at = 0;
    for (const std::uint64_t number : {7, 8}) {
        const auto read = format::parse_record(written, at, salt);
        require(read && read->number == number && read->entries.size() == writes.size());
        for (std::size_t i = 0; i < writes.size(); ++i) {
            const auto& entry = read->entries[i];
            require(entry.kind == writes[i].kind && entry.table == "a.table");
            require(equal(entry.key, {writes[i].key.data, writes[i].key.size}));
            require(equal(entry.value, {writes[i].value.data, writes[i].value.size}));
            if (entry.is_long()) require(written.data() + entry.value_at == entry.value.data());
        }
        at += read->size;
    }
    require(at == written.size());
    require(!format::parse_record(written, 0, salt + 1));
    const std::size_t changed = size == 0 ? 0 : data[size - 1] * written.size() / 256;
    written[changed] ^= 0x10;
    const auto first = format::parse_record(written, 0, salt);
    require(!first || changed >= first->size);
    return 0;
}
