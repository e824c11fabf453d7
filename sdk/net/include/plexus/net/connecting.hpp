// One `connect` of a transport or carrier under way: the completion that comes exactly once and never inside
// a call, the deadline over everything, cancelling, and the end of the instance. Used by plugins that provide
// plexus.transport/1 or plexus.carrier/1.
#pragma once

#include "plexus/abi/transport.h"
#include "plexus/net/account.hpp"
#include "plexus/net/socket.hpp"

namespace plexus::net {

using connected_function = void (*)(void* context, std::int32_t status, const plexus_error* error,
                                    plexus_stream* stream);

/// The options with what their writer's older struct did not have read as zero.
plexus_connect_options whole(const plexus_connect_options& given) noexcept;

/// INVALID for no host, one with a zero byte, or a port that is none.
result<void> check_target(const plexus_connect_options& options);

/// Destroys itself when its completion was called. [shard]
class connecting : public member {
  public:
    /// `timeout` stands for an option of 0.
    connecting(account& owner, const plexus_connect_options& options, nanoseconds timeout,
               connected_function done, void* context);

    /// From here on it belongs to itself.
    static plexus_operation* start(std::unique_ptr<connecting> self);

    void cut() final;

  protected:
    /// Begins the work. It may call finish and fail.
    virtual void begin() = 0;
    /// Gives up all that is under way, for good.
    virtual void release() noexcept = 0;
    /// What did not happen in time: "nothing answered".
    virtual std::string_view stage() const noexcept = 0;

    /// The deadline passed, and `fail` comes next.
    virtual void expired() {}

    void finish(plexus_stream* made);
    void fail(error reason);
    /// For what the loop calls: no memory, or no room for another watch, is a failed connection. Nothing of
    /// this may be touched after it.
    template <typename Function>
    void guarded(Function function) {
        try {
            function();
        } catch (const std::exception& e) {
            fail(make_error(status::memory, "cannot connect to " + name_ + ": " + e.what(), true));
        }
    }

    account& owner() noexcept { return owner_; }
    const std::string& host() const noexcept { return host_; }
    std::uint32_t port() const noexcept { return port_; }
    const std::string& name() const noexcept { return name_; }
    bool has(std::uint32_t flag) const noexcept { return (flags_ & flag) != 0; }
    nanoseconds timeout() const noexcept { return timeout_; }

  private:
    struct cancel_handle : plexus_operation {
        cancel_handle() : plexus_operation{} {}
        connecting* owner = nullptr;
    };
    void timed_out();
    void settle();
    void deliver();

    account& owner_;
    hold hold_;
    cancel_handle operation_;
    connected_function done_;
    void* context_;
    std::uint32_t flags_;
    std::string host_;
    std::uint32_t port_;
    std::string name_; ///< of the server, for messages
    nanoseconds timeout_;
    timer deadline_;

    bool calling_ = true; ///< inside start or cancel: the completion has to be posted
    bool finished_ = false;
    plexus_stream* made_ = nullptr;
    std::optional<error> failure_;
};

} // namespace plexus::net
