// Any sequence of reads over any input: views stay inside it, and a failed reader gives nothing more.
#include "plexus/encoding/reader.hpp"
#include "plexus/encoding/version.hpp"

#include <cstdlib>

namespace {

using plexus::bytes_view;
using plexus::encoding::reader;

void require(bool holds) {
    if (!holds) std::abort();
}

/// What one operation of the script took.
bytes_view step(reader& in, std::uint8_t operation) {
    switch (operation % 16) {
    case 0: return in.short_bytes();
    case 1: return in.large_bytes();
    case 2: return in.take(operation);
    case 3: return in.until(' ');
    case 4: return plexus::as_bytes(in.word());
    case 5: in.u8(); break;
    case 6: in.u16(); break;
    case 7: in.u32(); break;
    case 8: in.i64(); break;
    case 9: in.boolean(); break;
    case 10: in.maybe(); break;
    case 11: in.non_empty_count(); break;
    case 12: in.accept("T"); break;
    case 13: in.array<24>(); break;
    case 14: plexus::encoding::read_version_range(in); break;
    default: in.peek(); break;
    }
    return {};
}

} // namespace

/// The first byte is the length of the script, then the script, then the input.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    reader whole({data, size});
    const auto script = whole.short_bytes();
    const auto input = whole.tail();
    reader in(input);
    for (const auto operation : script) {
        const auto left = in.remaining().size();
        const bool failed = !in.ok();
        const auto taken = step(in, operation);
        require(taken.empty() ||
                (taken.data() >= input.data() && taken.data() + taken.size() <= input.data() + input.size()));
        require(in.remaining().size() <= left);
        require(!failed || (!in.ok() && taken.empty()));
    }
    return 0;
}
