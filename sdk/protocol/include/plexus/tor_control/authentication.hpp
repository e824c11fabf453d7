// Who may use a control port: the exchange from PROTOCOLINFO to the answer to AUTHENTICATE. Commands come
// out, replies go in; the cookie file is read by the caller. Used by transport-tor's control session. Source:
// control-spec, PROTOCOLINFO, AUTHENTICATE and AUTHCHALLENGE.
#pragma once

#include "plexus/crypto/random.hpp"
#include "plexus/tor_control/reply.hpp"

namespace plexus::tor_control {

/// What PROTOCOLINFO says.
struct protocol_info {
    bool null = false;
    bool cookie = false;
    bool safe_cookie = false;
    bool password = false;
    std::string cookie_file;
    std::string version; ///< of tor
};
result<protocol_info> parse_protocol_info(const reply& from);

/// Ways in the order of preference: safe cookie, cookie, password, and none if tor asks for none. A cookie
/// that cannot be read makes way for the password.
class authentication {
  public:
    enum class doing { send, read_cookie, done };
    struct step {
        doing what = doing::send;
        secret_bytes command;    ///< with its end of line
        std::string cookie_file; ///< to be read: 32 bytes
    };

    /// An empty password is none.
    authentication(secret_bytes password, crypto::random_source& random);

    step begin();
    result<step> on_reply(const reply& from);
    /// What the file held, or why it could not be read.
    result<step> on_cookie(const result<secret_bytes>& read);

    const std::string& version() const noexcept { return info_.version; }

  private:
    enum class state { idle, asked_info, wants_cookie, challenged, asked, over };

    result<step> choose();
    result<step> by_password(const std::string& why_not_by_cookie);
    result<step> challenged(const reply& from);
    step authenticate(bytes_view secret, std::string_view way);

    secret_bytes password_;
    std::array<std::uint8_t, 32> nonce_;
    secret_bytes cookie_;
    protocol_info info_;
    std::string way_; ///< that is being tried, for messages
    state state_ = state::idle;
};

constexpr std::size_t cookie_size = 32;

/// A command line of text without secrets.
secret_bytes command(std::string_view text);

} // namespace plexus::tor_control
