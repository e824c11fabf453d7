// One session with one server: SMP blocks on a link. It sends commands and hands responses and events on; a
// link that fails says so once and is of no more use.
#pragma once

#include "host_random.hpp"

#include "plexus/agent/engine.hpp"
#include "plexus/block_link.hpp"
#include "plexus/smp/client.hpp"

namespace plexus::agent_plugin {

/// What a link tells its owner. Not inside calls of the owner, except `link_failed` inside start and flush.
class link_owner {
  public:
    virtual ~link_owner() = default;
    virtual void link_ready(agent::session_id id, smp::version version) = 0;
    virtual void link_failed(agent::session_id id, const error& cause) = 0;
    virtual void link_event(agent::session_id id, const smp::client_event& event) = 0;
    /// Everything that had come was told.
    virtual void link_idle() = 0;
    virtual std::chrono::nanoseconds now() const = 0;
    /// A connection attempt begins or ended.
    virtual void link_pending(int change) = 0;
};

class server_link final : block_link_user {
  public:
    server_link(link_owner& owner, loop_ref loop, const agent::action::dial& to, host_random& random);
    ~server_link();
    server_link(const server_link&) = delete;
    server_link& operator=(const server_link&) = delete;

    void start(const plexus_network* network);
    result<void> send(const agent::action::command& command);
    /// Writes what was queued, as far as the stream takes it.
    void flush() { link_.flush(); }
    /// Fails the link if an answer is overdue; pings a silent server.
    void check_time();
    /// When check_time() has something to do.
    std::optional<std::chrono::nanoseconds> deadline() const;
    agent::session_id id() const noexcept { return to_.session; }

  private:
    using nanoseconds = std::chrono::nanoseconds;
    void link_connected() override;
    void link_received(bytes_span block) override;
    bool link_fill(bytes_span block) override;
    void link_settled() override { owner_.link_idle(); }
    void link_ended(const error& cause) override { owner_.link_failed(to_.session, cause); }
    nanoseconds link_now() override { return owner_.now(); }

    using commands = std::map<std::uint64_t, nanoseconds>; ///< by token, the oldest first: since when

    void answered(std::uint64_t token);
    void ping();
    nanoseconds patience(bool interactive) const;
    std::optional<nanoseconds> due(const commands& of, bool interactive) const;

    link_owner& owner_;
    agent::action::dial to_;
    host_random& random_;
    block_link<smp::block_size> link_;
    std::optional<smp::client_session> session_;
    bool ready_ = false;

    nanoseconds last_heard_{};
    commands waited_for_; ///< by somebody
    commands others_;
    std::optional<std::pair<std::uint64_t, nanoseconds>> measured_; ///< a token, and when it was sent
    std::optional<nanoseconds> pinged_;
    std::uint32_t pings_lost_ = 0;
};

} // namespace plexus::agent_plugin
