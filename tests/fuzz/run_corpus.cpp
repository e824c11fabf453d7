// Runs a fuzz target over every file of the folders given, and over each file cut short and with a byte
// changed.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using input = std::vector<std::uint8_t>;

/// The input stands in memory of exactly its size, so that a sanitizer sees a step beyond it.
void run(const input& from) {
    const input exact(from.begin(), from.end());
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

void run_with_changes(const input& from) {
    constexpr std::size_t changes_most = 64;
    run(from);
    const std::size_t step = std::max<std::size_t>(1, from.size() / changes_most);
    for (std::size_t at = 0; at < from.size(); at += step) {
        run({from.begin(), from.begin() + static_cast<std::ptrdiff_t>(at)});
        input changed = from;
        for (const int with : {0x01, 0x80, 0xff}) {
            changed[at] = static_cast<std::uint8_t>(from[at] ^ with);
            run(changed);
        }
    }
}

} // namespace

int main(int argc, char** argv) {
    std::size_t files = 0;
    run({});
    for (int i = 1; i < argc; ++i) {
        for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
            std::ifstream in(entry.path(), std::ios::binary);
            const std::vector<char> content(std::istreambuf_iterator<char>(in), {});
            run_with_changes({content.begin(), content.end()});
            ++files;
        }
    }
    std::printf("%zu files\n", files);
    return files == 0 ? 1 : 0;
}
