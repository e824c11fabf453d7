#include "nearest.hpp"

#include <algorithm>

namespace plexus::kernel {

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before_last(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        before_last.swap(last);
        last.swap(row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before_last[j - 2] + 1);
        }
    }
    return row[b.size()];
}

std::string did_you_mean(std::string_view typed, const std::vector<std::string>& known) {
    constexpr std::size_t longest = 64; // the work grows with the product of the lengths
    if (typed.size() > longest) return {};
    const std::string* best = nullptr;
    std::size_t least = typed.size() / 3 + 2;
    for (const std::string& word : known) {
        if (word.size() > longest) continue;
        const std::size_t distance = edit_distance(typed, word);
        if (distance < least && distance < std::max(typed.size(), word.size())) {
            least = distance;
            best = &word;
        }
    }
    return best == nullptr ? std::string() : " (did you mean '" + *best + "'?)";
}

} // namespace plexus::kernel
