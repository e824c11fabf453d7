// Things to await that are no call of the ABI: an event set by other code of the same shard, and a pause.
#pragma once

#include "plexus/loop.hpp"
#include "plexus/task.hpp"

namespace plexus {

/// Wakes one waiting coroutine of its shard. `set` before the wait is remembered. `set` resumes the waiter
/// before it returns, so call it from the loop (a completion, a timer, a posted task), not from deep inside
/// other work.
class event {
  public:
    event() = default;
    event(const event&) = delete;
    event& operator=(const event&) = delete;

    void set() { finish({}); }
    /// Ends the wait with an error.
    void fail(error failure) { finish(std::move(failure)); }

    class [[nodiscard]] awaiter : cancellation::hook {
      public:
        explicit awaiter(event& owner) : owner_(owner) {}
        bool await_ready() const noexcept { return owner_.outcome_.has_value(); }
        template <typename Promise>
        bool await_suspend(std::coroutine_handle<Promise> waiting) {
            cancellation* scope = waiting.promise().cancel;
            if (scope != nullptr) {
                if (scope->requested()) {
                    owner_.outcome_.emplace(make_error(status::cancelled, "cancelled"));
                    return false;
                }
                this->cancel = [](cancellation::hook* self) {
                    static_cast<awaiter*>(self)->owner_.fail(make_error(status::cancelled, "cancelled"));
                };
                scope->add(*this);
            }
            owner_.waiting_ = waiting;
            return true;
        }
        result<void> await_resume() {
            cancellation::remove(*this);
            result<void> outcome = std::move(*owner_.outcome_);
            owner_.outcome_.reset();
            return outcome;
        }

      private:
        event& owner_;
    };
    awaiter wait() { return awaiter(*this); }

  private:
    void finish(result<void> outcome) {
        if (outcome_) return;
        outcome_.emplace(std::move(outcome));
        if (waiting_) std::exchange(waiting_, {}).resume();
    }
    std::coroutine_handle<> waiting_;
    std::optional<result<void>> outcome_;
};

/// Waits; CANCELLED if its scope ends first. [shard]
inline task<result<void>> sleep_for(loop_ref loop, std::chrono::nanoseconds delay) {
    event over;
    timer alarm(loop, [&over] { over.set(); });
    alarm.arm(delay);
    co_return co_await over.wait();
}

} // namespace plexus
