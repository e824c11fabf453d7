#include "plexus/encoding/text.hpp"

#include <cstdio>

namespace plexus::encoding {
namespace {

using namespace std::chrono;

/// Exactly `digits` decimal digits.
std::optional<int> take_number(std::string_view& text, std::size_t digits) noexcept {
    if (text.size() < digits) return std::nullopt;
    const auto value = parse_decimal(text.substr(0, digits), 9999);
    if (!value) return std::nullopt;
    text.remove_prefix(digits);
    return static_cast<int>(*value);
}

bool take_char(std::string_view& text, char c) noexcept {
    if (!text.starts_with(c)) return false;
    text.remove_prefix(1);
    return true;
}

/// The digits after a decimal point, as microseconds.
std::optional<microseconds> take_fraction(std::string_view& text) noexcept {
    if (!take_char(text, '.')) return microseconds(0);
    std::int64_t value = 0;
    std::size_t digits = 0;
    for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
        if (digits < 6) value = value * 10 + (text[digits] - '0');
    }
    if (digits == 0) return std::nullopt;
    text.remove_prefix(digits);
    for (auto i = digits; i < 6; ++i) value *= 10;
    return microseconds(value);
}

} // namespace

std::string to_text(time_point time) {
    const auto day = floor<days>(time);
    const year_month_day date(day);
    const hh_mm_ss clock(time - day);
    std::array<char, 64> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%04d-%02u-%02uT%02d:%02d:%02d",
                  static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                  static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                  static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
    std::string text(buffer.data());
    if (const auto fraction = clock.subseconds().count(); fraction != 0) {
        auto digits = std::to_string(1'000'000 + fraction).substr(1);
        digits.erase(digits.find_last_not_of('0') + 1);
        text += '.' + digits;
    }
    return text + 'Z';
}

std::optional<time_point> parse_time(std::string_view text) noexcept {
    const auto y = take_number(text, 4);
    if (!y || !take_char(text, '-')) return std::nullopt;
    const auto m = take_number(text, 2);
    if (!m || !take_char(text, '-')) return std::nullopt;
    const auto d = take_number(text, 2);
    if (!d || !take_char(text, 'T')) return std::nullopt;
    const auto hour = take_number(text, 2);
    if (!hour || !take_char(text, ':')) return std::nullopt;
    const auto minute = take_number(text, 2);
    if (!minute || !take_char(text, ':')) return std::nullopt;
    const auto second = take_number(text, 2);
    const auto fraction = second ? take_fraction(text) : std::nullopt;
    if (!fraction || text != "Z") return std::nullopt;

    const year_month_day date(year(*y), month(static_cast<unsigned>(*m)), day(static_cast<unsigned>(*d)));
    // A leap second is the first of the next minute.
    if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
    return time_point(sys_days(date)) + hours(*hour) + minutes(*minute) + seconds(*second) + *fraction;
}

} // namespace plexus::encoding
