#include "report.hpp"

#include "statistics.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>

namespace plexus::bench {
namespace {

const figure* find(const figures& in, std::string_view key) noexcept {
    const auto found = std::find_if(in.begin(), in.end(), [&](const figure& one) { return one.key == key; });
    return found == in.end() ? nullptr : &*found;
}

std::string with_unit(double value, const char* name) {
    const double size = std::fabs(value);
    const int digits = size >= 99.95 || value == 0 ? 0 : size >= 9.995 ? 1 : 2;
    char text[64];
    std::snprintf(text, sizeof text, "%.*f%s", digits, value, name);
    return text;
}

std::string with_separators(double value) {
    std::string digits = std::to_string(std::llround(value));
    for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > (digits[0] == '-' ? 1 : 0); at -= 3)
        digits.insert(static_cast<std::size_t>(at), ",");
    return digits;
}

std::string quoted(std::string_view text) { return boost::json::serialize(boost::json::string(text)); }

/// Six digits; whole numbers whole.
std::string number(double value) {
    if (!std::isfinite(value)) return "null";
    char text[64];
    std::snprintf(text, sizeof text, std::fabs(value) >= 1e5 ? "%.0f" : "%.6g", value);
    return text;
}

/// An object of what is given for each figure; nothing leaves it out.
template <typename Value>
std::string object_of(const figures& from, Value value) {
    std::string out;
    for (const auto& one : from)
        if (const std::optional<double> given = value(one))
            out.append(out.empty() ? "{" : ",").append(quoted(one.key)).append(":").append(number(*given));
    return out.empty() ? "{}" : out.append("}");
}

std::string cell(const std::string& text, std::size_t width) {
    return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

class painter {
  public:
    explicit painter(bool colours) : colours_(colours) {}
    std::string strong(const std::string& text) const { return paint("\x1b[1m", text); }
    std::string faint(const std::string& text) const { return paint("\x1b[2m", text); }

  private:
    std::string paint(const char* with, const std::string& text) const {
        return colours_ ? with + text + "\x1b[0m" : text;
    }
    bool colours_;
};

} // namespace

double value_of(const figures& from, std::string_view key) noexcept {
    const auto* found = find(from, key);
    return found == nullptr ? 0 : found->value;
}

figures median_of(const std::vector<figures>& runs) {
    if (runs.empty()) return {};
    figures out = runs.front();
    for (auto& one : out) {
        std::vector<double> values;
        for (const auto& run : runs)
            if (const auto* same = find(run, one.key)) values.push_back(same->value);
        one.value = median(std::move(values));
    }
    return out;
}

std::string shown(double value, unit in) {
    const double size = std::fabs(value);
    switch (in) {
    case unit::count: return with_separators(value);
    case unit::per_second: return size >= 100 ? with_separators(value) + "/s" : with_unit(value, "/s");
    case unit::ratio: return with_unit(value, "");
    case unit::microseconds: return with_unit(value, " us");
    case unit::milliseconds: return with_unit(value, " ms");
    case unit::seconds: return with_unit(value, " s");
    case unit::bytes:
        if (size >= 1e6) return with_unit(value / 1e6, " MB");
        if (size >= 1e4) return with_unit(value / 1e3, " KB");
        return with_separators(value) + " B";
    }
    return {};
}

std::string to_json(const report& from) {
    std::string out = "{\"workload\":";
    out.append(quoted(from.workload)).append(",\"machine\":").append(quoted(from.machine));
    out.append(",\"options\":{");
    for (const auto& [name, value] : from.options)
        out.append(out.back() == '{' ? "" : ",").append(quoted(name)).append(":").append(quoted(value));
    out.append("},\"servers\":[");
    for (const auto& one : from.servers) {
        out.append(out.back() == '[' ? "" : ",").append("{\"address\":").append(quoted(one.address));
        out.append(",\"figures\":");
        out.append(object_of(one.measured, [](const figure& value) { return std::optional(value.value); }));
        out.append("}");
    }
    out.append("]");
    if (from.servers.size() == 2) {
        const auto& second = from.servers[1].measured;
        out.append(",\"ratio\":");
        out.append(object_of(from.servers[0].measured, [&](const figure& value) -> std::optional<double> {
            const auto* other = find(second, value.key);
            if (other == nullptr || other->value == 0) return std::nullopt;
            return value.value / other->value;
        }));
    }
    return out.append("}\n");
}

std::string to_table(const report& from, bool colours) {
    const painter paint(colours);
    std::string out = paint.strong(from.workload);
    for (const auto& [name, value] : from.options) out.append("  ").append(name).append(" ").append(value);
    out += "\n" + paint.faint(from.machine) + "\n";
    constexpr std::size_t column = 12;
    std::size_t widest = 0;
    for (const auto& server : from.servers)
        for (const auto& one : server.measured) widest = std::max(widest, std::string_view(one.label).size());
    auto label = [&](std::string_view text) {
        return "  " + std::string(text) + std::string(widest - text.size(), ' ');
    };
    const bool two = from.servers.size() == 2;
    for (std::size_t i = 0; i < from.servers.size(); ++i)
        out += (two ? std::string(1, static_cast<char>('A' + i)) + " = " : std::string()) +
               from.servers[i].address + "\n";
    if (two) out += label("") + cell("A", column) + cell("B", column) + cell("A / B", column) + "\n";
    if (!from.servers.empty())
        for (const auto& one : from.servers[0].measured) {
            out += label(one.label) + cell(shown(one.value, one.in), column);
            const auto* other = two ? find(from.servers[1].measured, one.key) : nullptr;
            if (other != nullptr) {
                out += cell(shown(other->value, other->in), column);
                if (other->value != 0) out += cell(shown(one.value / other->value, unit::ratio), column);
            }
            out += "\n";
        }
    return out;
}

} // namespace plexus::bench
