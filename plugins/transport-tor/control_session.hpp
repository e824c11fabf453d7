// A talk with tor at its control port: authentication, commands and their replies in order, events. Knows
// neither the process nor what is dialed. Used by the supervisor, on one shard.
#pragma once

#include "plexus/net/account.hpp"
#include "plexus/stream.hpp"
#include "plexus/tor_control/authentication.hpp"
#include "plexus/tor_control/events.hpp"

#include <deque>
#include <list>

namespace plexus::transport_tor {

/// Reads a cookie file; used on a worker, since it may block.
result<secret_bytes> read_cookie(const std::string& path);

class control_session {
  public:
    struct handler {
        std::function<void(const tor_control::event&)> event;
        /// Once: no command is answered any more. Not called by the destructor.
        std::function<void(const error& why)> broken;
    };

    /// `answer_patience`: for each reply.
    control_session(net::account& account, stream connection, std::chrono::nanoseconds answer_patience,
                    handler to);
    control_session(const control_session&) = delete;
    control_session& operator=(const control_session&) = delete;
    /// What waits for a reply ends with CLOSED, one turn of the loop later.
    ~control_session();

    /// Reads the cookie on `files`. Errors: those of tor_control, and of the connection.
    task<result<void>> authenticate(secret_bytes password, crypto::random_source& random, worker& files);
    /// The reply to a line with its end, whatever it says; a missing one within the patience breaks the
    /// session.
    task<result<tor_control::reply>> ask(secret_bytes line);
    /// The same, and a reply that is no success is an error: `what` says what was wanted.
    task<result<tor_control::reply>> demand(std::string line, std::string what);

    const std::string& version() const noexcept { return version_; }
    bool is_broken() const noexcept { return failure_.has_value(); }
    /// Ends it from outside.
    void fail(error why);

  private:
    struct question {
        event answered;
        std::optional<tor_control::reply> answer;
    };
    void read();
    void write();
    void take(tor_control::reply&& one);
    /// Wakes who waits, one turn of the loop later: it may destroy the session.
    void settle(std::shared_ptr<question> one, std::optional<error> why);
    void post(std::function<void()> what);

    net::account& account_;
    std::chrono::nanoseconds answer_patience_;
    handler handler_;
    stream connection_;
    tor_control::reply_reader reader_;
    std::deque<secret_bytes> to_send_;
    std::size_t sent_ = 0;                           ///< of the first
    std::list<std::shared_ptr<question>> questions_; ///< in the order of asking
    timer patience_;
    std::string version_;
    std::optional<error> failure_;
    std::shared_ptr<int> life_ = std::make_shared<int>(0); ///< what is posted looks whether it is still there
};

} // namespace plexus::transport_tor
