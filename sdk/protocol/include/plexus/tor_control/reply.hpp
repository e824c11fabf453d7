// What tor says at its control port, as replies: lines in, replies and events out, in their order. Used by
// transport-tor's control session. Source: control-spec, "Message format" (2.3).
#pragma once

#include "plexus/bytes.hpp"
#include "plexus/result.hpp"

#include <optional>

namespace plexus::tor_control {

enum class control_error : std::int32_t {
    malformed = 1, ///< not the form of a reply, or not the fields that this one has
    too_large = 2, ///< a line or reply beyond the limits
    refused = 3,   ///< tor said no: its own words stand in the message
    impostor = 4,  ///< whoever answers does not know the cookie
    no_method = 5, ///< none of the ways to authenticate is open to us
};

constexpr const char* error_domain(control_error) noexcept { return "plexus.tor_control"; }

constexpr std::size_t most_line = 16 * 1024;   ///< bytes of a line
constexpr std::size_t most_reply = 512 * 1024; ///< bytes of all its lines

/// One line of a reply, without its code.
struct reply_line {
    std::string text;
    std::string data; ///< of a line with a data block: its lines, each with a newline

    friend bool operator==(const reply_line&, const reply_line&) = default;
};

struct reply {
    unsigned code = 0; ///< of the last line
    std::vector<reply_line> lines;

    bool is_event() const noexcept { return code == 650; }
    bool is_success() const noexcept { return code >= 200 && code < 300; }
    /// For people: "552 Unrecognized option".
    std::string text() const;
    /// The value of a GETINFO or GETCONF line "key=value", in whichever form it came.
    std::optional<std::string> value(std::string_view key) const;
};

/// Cuts what comes into replies. After an error nothing more is taken.
class reply_reader {
  public:
    /// Takes bytes as they come; `next` gives the replies that they complete.
    result<void> feed(bytes_view in);
    std::optional<reply> next();

  private:
    result<void> take_line(std::string_view line);

    std::string line_; ///< begun
    reply under_way_;
    std::size_t size_ = 0; ///< of the reply under way
    bool in_data_ = false;
    bool broken_ = false;
    std::vector<reply> ready_;
    std::size_t given_ = 0;
};

} // namespace plexus::tor_control
