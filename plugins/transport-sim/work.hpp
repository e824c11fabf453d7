// Handshakes under way: tasks with a deadline that can be cancelled, and the account of them for stop. The
// simulation is one thread, so nothing here is locked.
#pragma once

#include "plexus/abi/draft/sim.h"
#include "plexus/wait.hpp"

#include <list>

namespace plexus::transport_sim {

class work;

/// What the parts of an instance share.
struct runtime {
    loop_ref loop;
    const plexus_random* random = nullptr;
    const plexus_sim* sim = nullptr;
    std::chrono::nanoseconds connect_timeout{};
    std::chrono::nanoseconds handshake_timeout{};
    std::list<work*> under_way; ///< on all shards
    bool stopping = false;
    event drained;

    bytes nonce() const {
        bytes out(32);
        random->fill(random->service.self, plexus_span{out.data(), out.size()});
        return out;
    }
};

/// A task on its shard, from begin() until `finished` ran, from the loop; then it deletes itself.
class work {
  public:
    explicit work(runtime& owner)
        : owner_(owner), shard_(static_cast<std::uint32_t>(owner.loop.current_shard())),
          deadline_(owner.loop, [this] {
              timed_out_ = true;
              scope_.cancel();
          }) {
        place_ = owner_.under_way.insert(owner_.under_way.end(), this);
    }
    work(const work&) = delete;
    work& operator=(const work&) = delete;
    virtual ~work() {
        owner_.under_way.erase(place_);
        if (owner_.stopping && owner_.under_way.empty())
            owner_.loop.post(0, [&owner = owner_] { owner.drained.set(); });
    }

    void begin(std::chrono::nanoseconds timeout) {
        deadline_.arm(timeout);
        scope_.spawn(drive());
    }
    void cancel() { scope_.cancel(); }
    std::uint32_t shard() const noexcept { return shard_; }

  protected:
    virtual task<void> run() = 0;
    virtual void finished() = 0;
    bool timed_out() const noexcept { return timed_out_; }
    runtime& owner_;

  private:
    task<void> drive() {
        co_await run();
        deadline_.disarm();
        owner_.loop.post(shard_, [this] {
            finished();
            delete this;
        });
    }
    std::uint32_t shard_;
    timer deadline_;
    task_scope scope_;
    bool timed_out_ = false;
    std::list<work*>::iterator place_;
};

} // namespace plexus::transport_sim
