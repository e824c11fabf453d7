// One session with one server: a secure stream with SMP blocks on it. It sends commands and hands responses
// and events on; a link that fails says so once and is of no more use.
#pragma once

#include "host_random.hpp"

#include "plexus/agent/engine.hpp"
#include "plexus/smp/client.hpp"
#include "plexus/stream.hpp"

namespace plexus::agent_plugin {

struct link_settings {
    std::chrono::nanoseconds connect_timeout{};
    std::chrono::nanoseconds response_timeout{}; ///< also of the server's hello
    std::chrono::nanoseconds ping_interval{};
};

/// What a link tells its owner. Not inside calls of the owner, except `link_failed` inside start and flush.
class link_owner {
  public:
    virtual ~link_owner() = default;
    virtual void link_ready(agent::session_id id, smp::version version) = 0;
    virtual void link_failed(agent::session_id id, const error& cause) = 0;
    virtual void link_event(agent::session_id id, const smp::client_event& event) = 0;
    /// Everything in a block was told.
    virtual void link_idle() = 0;
    /// More is there to be read: call `read` again from the loop.
    virtual void link_busy(agent::session_id id) = 0;
    virtual std::chrono::nanoseconds now() const = 0;
    /// A connection attempt begins or ended.
    virtual void link_pending(int change) = 0;
};

class server_link {
  public:
    server_link(link_owner& owner, agent::session_id id, const smp::server_address& server, bytes isolation,
                const link_settings& settings, host_random& random);
    ~server_link();
    server_link(const server_link&) = delete;
    server_link& operator=(const server_link&) = delete;

    void start(const plexus_transport* transport);
    result<void> send(const agent::action::command& command);
    /// Writes what was queued, as far as the stream takes it.
    void flush();
    void read();
    /// Fails the link if an answer is overdue; pings a silent server.
    void check_time();
    /// When check_time() has something to do.
    std::optional<std::chrono::nanoseconds> deadline() const;
    agent::session_id id() const noexcept { return id_; }

  private:
    struct attempt;

    void connected(std::int32_t status, const plexus_error* failure, plexus_stream* raw);
    void fail(error cause);
    bool take_block();

    link_owner& owner_;
    agent::session_id id_;
    smp::server_address server_;
    bytes isolation_;
    link_settings settings_;
    host_random& random_;

    attempt* attempt_ = nullptr; ///< under way
    stream stream_;
    std::optional<smp::client_session> session_;
    smp::block_buffer in_{};
    std::size_t in_size_ = 0;
    smp::block_buffer out_{};
    std::size_t out_left_ = 0; ///< of the block that is being written
    bool ready_ = false;
    bool failed_ = false;

    std::chrono::nanoseconds hello_due_{};
    std::chrono::nanoseconds last_heard_{};
    std::map<std::uint64_t, std::chrono::nanoseconds> unanswered_; ///< since when, by token
    std::optional<std::chrono::nanoseconds> pinged_;
};

} // namespace plexus::agent_plugin
