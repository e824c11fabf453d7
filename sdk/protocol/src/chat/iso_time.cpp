#include "iso_time.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>

namespace plexus::chat {
namespace {

/// Exactly `count` digits from the front.
std::optional<int> digits(std::string_view& text, std::size_t count) {
    if (text.size() < count) return std::nullopt;
    int value = 0;
    for (const char c : text.substr(0, count)) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + (c - '0');
    }
    text.remove_prefix(count);
    return value;
}

bool accept(std::string_view& text, char c) {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
}

/// Minutes east of UTC: "Z", "+01:00", "+0100", "+01".
std::optional<int> offset_minutes(std::string_view text) {
    if (text == "Z") return 0;
    const bool west = accept(text, '-');
    if (!west && !accept(text, '+')) return std::nullopt;
    const auto hours = digits(text, 2);
    if (!hours) return std::nullopt;
    int minutes = 0;
    if (!text.empty()) {
        accept(text, ':');
        const auto given = digits(text, 2);
        if (!given || !text.empty()) return std::nullopt;
        minutes = *given;
    }
    if (*hours > 23 || minutes > 59) return std::nullopt;
    const int all = *hours * 60 + minutes;
    return west ? -all : all;
}

/// The fraction with its point, zeros at the end dropped in threes, at most 12 digits.
std::optional<std::string> fraction(std::string_view& text) {
    std::string out;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
        if (out.size() < 12) out.push_back(text.front());
        text.remove_prefix(1);
    }
    if (out.empty()) return std::nullopt;
    while (out.size() % 3 != 0) out.push_back('0');
    while (out.ends_with("000")) out.resize(out.size() - 3);
    return out.empty() ? out : "." + out;
}

} // namespace

std::optional<std::string> normal_time(std::string_view text) {
    using namespace std::chrono;
    const auto year_number = digits(text, 4);
    if (!year_number || !accept(text, '-')) return std::nullopt;
    const auto month_number = digits(text, 2);
    if (!month_number || !accept(text, '-')) return std::nullopt;
    const auto day_number = digits(text, 2);
    if (!day_number || (!accept(text, 'T') && !accept(text, ' '))) return std::nullopt;
    const year_month_day date{year(*year_number), month(static_cast<unsigned>(*month_number)),
                              day(static_cast<unsigned>(*day_number))};
    if (!date.ok()) return std::nullopt;

    const auto hour = digits(text, 2);
    if (!hour || *hour > 23 || !accept(text, ':')) return std::nullopt;
    const auto minute = digits(text, 2);
    if (!minute || *minute > 59) return std::nullopt;
    int second = 0;
    std::string part;
    if (accept(text, ':')) {
        const auto given = digits(text, 2);
        if (!given || *given > 60) return std::nullopt;
        second = *given;
        if (accept(text, '.')) {
            auto given_part = fraction(text);
            if (!given_part) return std::nullopt;
            part = std::move(*given_part);
        }
    }
    const auto offset = offset_minutes(text);
    if (!offset) return std::nullopt;

    // Second 60 stays as it is written; only whole minutes move with the offset.
    const auto moved = sys_days(date) + hours(*hour) + minutes(*minute - *offset);
    const auto days_part = floor<days>(moved);
    const year_month_day utc(days_part);
    const auto in_day = static_cast<int>((moved - days_part).count());
    char out[40];
    std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(utc.year()),
                  static_cast<unsigned>(utc.month()), static_cast<unsigned>(utc.day()), in_day / 60,
                  in_day % 60, second);
    return out + part + "Z";
}

} // namespace plexus::chat
