// What the parts of one transport-tls instance share: host services, settings, numbers, and the account of
// what is still under way, which stop waits for.
#pragma once

#include "plexus/abi/transport.h"
#include "plexus/host.hpp"
#include "plexus/wait.hpp"

#include <atomic>

namespace plexus::transport_tls {

using std::chrono::nanoseconds;

struct settings {
    std::string group = "auto"; ///< of key exchange: "auto" takes what the client offers, or "x25519"
    nanoseconds connect_timeout{};
    nanoseconds handshake_timeout{};
    nanoseconds keepalive{}; ///< idle time before the first probe
    std::uint32_t pending_most = 0;
};

struct numbers {
    metric accepted;
    metric handshake_failures;
    metric connected;
    metric open;
};

/// Something that holds resources of a shard's loop. When the instance stops, it is cut. [shard]
class member {
  public:
    member() = default;
    member(const member&) = delete;
    member& operator=(const member&) = delete;
    virtual ~member() { unlist(); }

    /// Gives back timers and watches; it may destroy itself.
    virtual void cut() = 0;
    void unlist() noexcept;

  private:
    friend class member_list;
    member* next_ = nullptr;
    member* previous_ = nullptr;
};

/// Members in the order of joining, and itself one.
class member_list final : public member {
  public:
    member_list() { anchor_.next_ = anchor_.previous_ = &anchor_; }
    void add(member& one) noexcept;
    member* first() const noexcept { return anchor_.next_ == &anchor_ ? nullptr : anchor_.next_; }
    /// Cuts all.
    void cut() override;

  private:
    struct anchor final : member {
        void cut() override {}
    };
    anchor anchor_;
};

class runtime {
  public:
    explicit runtime(host_ref host) : host_(host) {}

    result<void> init();

    loop_ref loop;
    logger log;
    clock_view clock;
    const plexus_resolver* resolver = nullptr;
    const plexus_transport* lower = nullptr; ///< dialed through when there is one
    settings config;
    numbers count;

    bool stopping() const noexcept { return stopping_.load(std::memory_order_relaxed); }
    /// The members of the calling shard.
    member_list& members() { return shards_[static_cast<std::size_t>(loop.current_shard())]; }
    /// Cuts all members and waits until nothing is under way. [shard 0]
    task<result<void>> drain();

    void enter() noexcept { under_way_.fetch_add(1); }
    void leave() noexcept;

  private:
    host_ref host_;
    std::vector<member_list> shards_;
    std::atomic<std::uint64_t> under_way_{1}; // the instance itself holds one until it drains
    std::atomic<bool> stopping_{false};
    std::atomic<bool> told_{false}; // that nothing is under way
    event drained_;
};

/// One thing under way.
class hold {
  public:
    explicit hold(runtime& owner) : owner_(&owner) { owner_->enter(); }
    hold(hold&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
    hold(const hold&) = delete;
    hold& operator=(const hold&) = delete;
    ~hold() {
        if (owner_ != nullptr) owner_->leave();
    }

  private:
    runtime* owner_;
};

} // namespace plexus::transport_tls
