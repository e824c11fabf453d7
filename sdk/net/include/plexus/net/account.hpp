// The account of one instance that makes streams: what it holds of the shards' loops and what is under way,
// so that its stop can cut the one and wait for the other.
#pragma once

#include "plexus/host.hpp"
#include "plexus/wait.hpp"

#include <atomic>

namespace plexus::net {

using std::chrono::nanoseconds;

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

class account {
  public:
    account() = default;
    account(const account&) = delete;
    account& operator=(const account&) = delete;

    /// Takes the loop. [loader]
    result<void> open(const host_ref& host);

    loop_ref loop;
    metric streams_open;

    bool stopping() const noexcept { return stopping_.load(std::memory_order_relaxed); }
    /// The members of the calling shard.
    member_list& members() { return shards_[static_cast<std::size_t>(loop.current_shard())]; }
    /// Cuts all members and waits until nothing is under way. [shard 0]
    task<result<void>> drain();

    void enter() noexcept { under_way_.fetch_add(1); }
    void leave() noexcept;

  private:
    std::vector<member_list> shards_;
    std::atomic<std::uint64_t> under_way_{1}; // the instance itself holds one until it drains
    std::atomic<bool> stopping_{false};
    std::atomic<bool> told_{false}; // that nothing is under way
    event drained_;
};

/// One thing under way.
class hold {
  public:
    explicit hold(account& owner) : owner_(&owner) { owner_->enter(); }
    hold(hold&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
    hold(const hold&) = delete;
    hold& operator=(const hold&) = delete;
    ~hold() {
        if (owner_ != nullptr) owner_->leave();
    }

  private:
    account* owner_;
};

} // namespace plexus::net
