// One at a time: handlers that read stored records, change them and commit take a turn, first come first
// served.
#pragma once

#include "plexus/loop.hpp"
#include "plexus/task.hpp"

#include <deque>

namespace plexus::chat_plugin {

class turns {
  public:
    explicit turns(loop_ref loop) : loop_(loop) {}
    turns(const turns&) = delete;
    turns& operator=(const turns&) = delete;

    /// Gives the turn back when it goes. The next one begins from the loop, never inside the destructor.
    class [[nodiscard]] turn {
      public:
        explicit turn(turns& owner) : owner_(&owner) {}
        turn(turn&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
        turn& operator=(turn&&) = delete;
        ~turn() { release(); }
        void release() {
            if (owner_ != nullptr) std::exchange(owner_, nullptr)->next();
        }

      private:
        turns* owner_;
    };

    class awaiter {
      public:
        explicit awaiter(turns& owner) : owner_(owner) {}
        bool await_ready() const noexcept { return !std::exchange(owner_.taken_, true); }
        void await_suspend(std::coroutine_handle<> waiting) { owner_.waiting_.push_back(waiting); }
        turn await_resume() noexcept { return turn(owner_); }

      private:
        turns& owner_;
    };
    awaiter take() { return awaiter(*this); }

  private:
    void next() {
        if (waiting_.empty()) {
            taken_ = false;
            return;
        }
        const auto first = waiting_.front();
        waiting_.pop_front();
        loop_.post(0, [first] { first.resume(); });
    }

    loop_ref loop_;
    bool taken_ = false;
    std::deque<std::coroutine_handle<>> waiting_;
};

} // namespace plexus::chat_plugin
