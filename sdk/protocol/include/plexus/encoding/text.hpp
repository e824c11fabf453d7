// Text forms of values that stand in links, addresses, logs and JSON: numbers, times, hosts, query strings.
#pragma once

#include "plexus/bytes.hpp"

#include <chrono>
#include <optional>
#include <utility>

namespace plexus::encoding {

/// Takes the decimal digits at the start of `text`; nothing if there are none or the number is above `most`.
std::optional<std::uint64_t> take_decimal(std::string_view& text, std::uint64_t most) noexcept;
/// The whole text as a number.
std::optional<std::uint64_t> parse_decimal(std::string_view text, std::uint64_t most) noexcept;
/// With an optional sign.
std::optional<std::int64_t> parse_signed(std::string_view text) noexcept;

/// ISO 8601 in UTC, "2025-07-01T12:34:56.123Z", with as many digits of the fraction as are needed.
/// Sub-microsecond digits are dropped.
using time_point = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;
std::string to_text(time_point time);
std::optional<time_point> parse_time(std::string_view text) noexcept;

/// What kind of address a host name is.
enum class host_kind : std::uint8_t { ipv4, ipv6, onion, domain };

/// A host of a server address, in its normal form (an IPv6 address without brackets, zeros shortened).
struct host {
    host_kind kind = host_kind::domain;
    std::string name;

    friend bool operator==(const host&, const host&) = default;
};

/// Reads one host at the start of `text` and leaves what follows. IPv6 may stand in brackets.
std::optional<host> take_host(std::string_view& text);
std::optional<host> parse_host(std::string_view text);
/// Hosts with commas between them; an empty text is an empty list.
std::optional<std::vector<host>> parse_hosts(std::string_view text);
std::string to_text(const std::vector<host>& hosts);

/// A query string ("v=1&smp=..."), names and values percent-decoded and '+' read as a space.
class query_string {
  public:
    static query_string parse(std::string_view text);

    /// The first value of that name.
    std::optional<std::string_view> find(std::string_view name) const noexcept;

  private:
    std::vector<std::pair<std::string, std::string>> values_;
};

/// Percent-encodes everything but letters, digits and "-_.~".
std::string percent_encode(std::string_view text);
/// A '%' that no two hexadecimal digits follow stays as it is.
std::string percent_decode(std::string_view text);

bool is_utf8(std::string_view text) noexcept;

} // namespace plexus::encoding
