// The client's side of SOCKS5 up to a connection (RFC 1928, RFC 1929, and Tor's extended errors, proposal
// 304): bytes in, bytes out. Names go to the proxy as they are.
#pragma once

#include "plexus/result.hpp"
#include "plexus/secret.hpp"
#include "plexus/socks/errors.hpp"

#include <optional>

namespace plexus::socks {

struct target {
    bytes address;    ///< 4 or 16 bytes of a numeric host; empty: the name counts
    std::string name; ///< 1 to 255 bytes
    std::uint16_t port = 0;
};

/// Each 0 to 255 bytes.
struct credentials {
    secret_bytes user;
    secret_bytes password;
};

class client {
  public:
    /// With credentials it offers these alone, since going on without would give up what they isolate.
    static result<client> make(const target& to, const std::optional<credentials>& with);

    /// To be sent before anything is read.
    bytes_view output() const noexcept { return bytes_view(output_).subspan(sent_); }
    void sent(std::size_t count) noexcept;

    /// How many bytes are to be read next. To read more would take what belongs to the connection.
    std::size_t wanted() const noexcept { return wanted_; }
    /// Takes up to `wanted()` bytes. True: the connection stands.
    result<bool> received(bytes_view in);

  private:
    enum class stage : std::uint8_t { method, password, reply, address_type, address_length, address };

    client() = default;
    void send(secret_bytes what) noexcept;
    result<bool> next();
    result<bool> after_method();
    result<bool> after_reply();

    stage stage_ = stage::method;
    std::size_t wanted_ = 2;
    std::size_t have_ = 0;
    std::array<std::uint8_t, 260> in_{};
    secret_bytes output_;
    std::size_t sent_ = 0;
    secret_bytes password_request_; ///< empty: none
    secret_bytes request_;
};

/// What a reply's code says, for people and as a failure; retryable where the same may succeed later.
error reply_error(std::uint8_t code);

} // namespace plexus::socks
