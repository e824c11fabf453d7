#include "suite.hpp"

#include <filesystem>

namespace plexus::validate {

namespace {

std::string place(const place_in_source& at) {
    return std::filesystem::path(at.file).filename().string() + ":" + std::to_string(at.line);
}

} // namespace

void expectations::expect(bool holds, const char* sentence, const place_in_source& at) {
    if (!holds) throw broken_contract(place(at) + ": it does not hold that " + sentence);
}
void expectations::expect_equal(std::int64_t seen, std::int64_t wanted, const char* sentence,
                                const place_in_source& at) {
    if (seen != wanted)
        throw broken_contract(place(at) + ": it does not hold that " + sentence + " (seen " +
                              std::to_string(seen) + ", wanted " + std::to_string(wanted) + ")");
}
namespace {
std::string shortened(const std::string& text) {
    constexpr std::size_t most = 120;
    return text.size() <= most ? text
                               : text.substr(0, most) + "..., " + std::to_string(text.size()) + " bytes";
}
} // namespace

void expectations::expect_text(const std::string& seen, const std::string& wanted, const char* sentence,
                               const place_in_source& at) {
    if (seen != wanted)
        throw broken_contract(place(at) + ": it does not hold that " + sentence + " (seen '" +
                              shortened(seen) + "', wanted '" + shortened(wanted) + "')");
}

void fill_in(std::string& text, const std::string& mark, const std::string& with) {
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + with.size()))
        text.replace(at, mark.size(), with);
}

} // namespace plexus::validate
