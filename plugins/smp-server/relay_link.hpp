// One session of this server, as a proxy, with a destination: dialed through the network, kept for all
// clients. Commands go out as RFWD; what becomes of each is told once. The proxy owns it.
#pragma once

#include "engine/ids.hpp"

#include "plexus/block_link.hpp"
#include "plexus/smp/client.hpp"

#include <map>

namespace plexus::smp_server {

struct relay_times {
    std::chrono::nanoseconds connect{std::chrono::seconds(45)};  ///< until the destination's hello has come
    std::chrono::nanoseconds response{std::chrono::seconds(30)}; ///< of the destination to one command
    std::chrono::nanoseconds idle{std::chrono::minutes(30)};     ///< without a command: it is closed
};

/// A command of a client, with all that its bytes need.
struct relay_command {
    reply_to from;
    smp::version relay_version = 0;
    crypto::public_key key;
    bytes transmission;
};

class relay_link;

/// None of these is called inside a call of the owner, except inside forward and check_time.
class relay_owner {
  public:
    virtual ~relay_owner() = default;
    virtual void relay_ready(relay_link& link) = 0;
    /// Once, and the link is of no more use: it may be destroyed later, not inside this call. Commands under
    /// way were answered.
    virtual void relay_ended(relay_link& link, const smp::server_error& why, std::string_view cause) = 0;
    virtual void relay_answered(const reply_to& to, const smp::message& content) = 0;
    virtual std::chrono::nanoseconds relay_now() = 0;
    /// A connection attempt begins or ended.
    virtual void relay_dialing(int change) = 0;
};

class relay_link final : block_link_user {
  public:
    relay_link(relay_owner& owner, loop_ref loop, const smp::server_address& server, const relay_times& times,
               crypto::random_source& random);
    relay_link(const relay_link&) = delete;
    relay_link& operator=(const relay_link&) = delete;

    void start(const plexus_network* network, bool public_only);
    bool is_ready() const noexcept { return ready_ && !ended_; }
    std::chrono::nanoseconds begun() const noexcept { return begun_; }
    /// Only when it is ready.
    const smp::client_session& session() const noexcept { return *session_; }
    const smp::server_address& server() const noexcept { return server_; }
    void forward(const relay_command& command);
    std::size_t waiting() const noexcept { return waiting_.size(); }
    /// A client asked for it, or used it.
    void touch();
    void check_time();
    /// Answers what is under way, and ends.
    void end(const smp::server_error& why, std::string_view cause);

  private:
    struct asked {
        reply_to from;
        smp::correlation_id id{};
        std::chrono::nanoseconds since{};
    };

    void link_connected() override;
    void link_received(bytes_span block) override;
    bool link_fill(bytes_span block) override;
    void link_settled() override { link_.flush(); }
    void link_ended(const error& cause) override;
    std::chrono::nanoseconds link_now() override { return owner_.relay_now(); }

    void greeted();
    bool answered(const smp::client_event& event);
    smp::message opened(const smp::msg::rres& response, const smp::correlation_id& id, bytes& storage) const;

    relay_owner& owner_;
    smp::server_address server_;
    const relay_times& times_;
    crypto::random_source& random_;

    block_link<smp::block_size> link_;
    std::optional<smp::client_session> session_;
    crypto::box_key box_;
    std::size_t unasked_ = 0; ///< blocks that answered nothing
    bool ready_ = false;
    bool ended_ = false;

    std::map<std::uint64_t, asked> waiting_; ///< by token: the oldest first
    std::uint64_t next_token_ = 1;
    std::chrono::nanoseconds begun_;
    std::chrono::nanoseconds last_used_;
    std::chrono::nanoseconds last_heard_;
};

/// PROXY BROKER with that reason.
smp::server_error broker_failure(smp::broker_error code);
/// PROXY BROKER TRANSPORT with that reason.
smp::server_error transport_failure(smp::transport_error code);

} // namespace plexus::smp_server
