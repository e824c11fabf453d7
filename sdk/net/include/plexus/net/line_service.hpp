// A Unix socket for other programs of this user, and for root. One connection is one question: a line in,
// lines out. Used by plugins that take commands while they run.
#pragma once

#include "plexus/loop.hpp"
#include "plexus/net/descriptor.hpp"

#include <list>
#include <string>
#include <string_view>

namespace plexus::net {

/// [shard 0]
class line_service {
  public:
    /// Who asked. It may be kept and spoken to after the connection has gone, in vain.
    class caller;
    /// A question, without the end of its line. A caller that is not to be answered is to be finished.
    using taker = std::function<void(std::string_view line, const std::shared_ptr<caller>& from)>;
    struct limits {
        std::size_t question = 4'096;   ///< bytes
        std::size_t answer = 64U << 20; ///< bytes that wait for a caller who does not read; then it is left
        std::size_t connections = 16;
    };

    line_service(loop_ref loop, limits most, taker take);
    line_service(const line_service&) = delete;
    line_service& operator=(const line_service&) = delete;
    ~line_service();

    /// What is at `path` already is left from a program that died: the caller is the only one by other means.
    result<void> listen(const std::string& path);

  private:
    void accept_some();

    loop_ref loop_;
    limits most_;
    taker take_;
    std::string path_;
    descriptor listener_;
    std::optional<watch> watch_;
    std::list<std::shared_ptr<caller>> callers_;
};

class line_service::caller : public std::enable_shared_from_this<caller> {
  public:
    caller(line_service& owner, descriptor socket) : owner_(&owner), socket_(std::move(socket)) {}
    caller(const caller&) = delete;
    caller& operator=(const caller&) = delete;
    ~caller() = default;

    /// One line, whose end is added.
    void say(std::string_view line);
    /// Nothing more is to come: the connection ends when all is on its way.
    void finish();
    /// Called once, when the connection ends before it is finished; replaces what was to be called.
    void when_gone(std::function<void()> call) { gone_ = std::move(call); }

  private:
    friend line_service;
    void begin();
    void read_some();
    void write_some();
    void shut();

    line_service* owner_; ///< none: the connection has ended
    descriptor socket_;
    std::optional<watch> readiness_;
    std::string question_;
    std::string waiting_;
    bool asked_ = false;
    bool finished_ = false;
    std::function<void()> gone_;
};

} // namespace plexus::net
