// task<T>: a coroutine that starts when it is awaited or spawned, and stays on its shard. Asynchronous calls
// of the ABI are awaited through call<T>(); a task_scope counts and cancels what it spawned, so that stop can
// drain.
//
// GCC 12 miscompiles temporaries in co_await expressions: name braced and conditional arguments first.
#pragma once

#include "plexus/abi.hpp"

#include <coroutine>
#include <functional>
#include <optional>
#include <utility>

namespace plexus {

/// Cancels whatever the tasks under it wait for. Intrusive list of the waits under way; one shard only.
class cancellation {
  public:
    struct hook {
        hook* previous = nullptr;
        hook* next = nullptr;
        void (*cancel)(hook* self) = nullptr;
    };

    cancellation() {
        head_.next = &head_;
        head_.previous = &head_;
    }
    cancellation(const cancellation&) = delete;
    cancellation& operator=(const cancellation&) = delete;

    bool requested() const noexcept { return requested_; }
    void request() {
        requested_ = true;
        while (head_.next != &head_) {
            hook* one = head_.next;
            remove(*one);
            one->cancel(one);
        }
    }
    void add(hook& one) noexcept {
        one.previous = head_.previous;
        one.next = &head_;
        head_.previous->next = &one;
        head_.previous = &one;
    }
    static void remove(hook& one) noexcept {
        if (one.next == nullptr) return;
        one.previous->next = one.next;
        one.next->previous = one.previous;
        one.previous = nullptr;
        one.next = nullptr;
    }

  private:
    hook head_;
    bool requested_ = false;
};

template <typename T>
class task;

namespace detail {

struct promise_base {
    std::coroutine_handle<> continuation;
    cancellation* cancel = nullptr;

    std::suspend_always initial_suspend() noexcept { return {}; }
    struct final_awaiter {
        bool await_ready() noexcept { return false; }
        template <typename Promise>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) noexcept {
            auto next = self.promise().continuation;
            return next ? next : std::noop_coroutine();
        }
        void await_resume() noexcept {}
    };
    final_awaiter final_suspend() noexcept { return {}; }
    // A task reports by its value; an exception that leaves it is a broken invariant.
    void unhandled_exception() noexcept { std::terminate(); }
};

template <typename T>
struct promise : promise_base {
    std::optional<T> value;
    task<T> get_return_object() noexcept;
    template <typename U>
    void return_value(U&& result) {
        value.emplace(std::forward<U>(result));
    }
    T take() { return std::move(*value); }
};

template <>
struct promise<void> : promise_base {
    task<void> get_return_object() noexcept;
    void return_void() noexcept {}
    void take() noexcept {}
};

} // namespace detail

template <typename T = void>
class [[nodiscard]] task {
  public:
    using promise_type = detail::promise<T>;
    using handle = std::coroutine_handle<promise_type>;

    explicit task(handle self) noexcept : self_(self) {}
    task(task&& other) noexcept : self_(std::exchange(other.self_, {})) {}
    task& operator=(task&& other) noexcept {
        if (this != &other) {
            if (self_) self_.destroy();
            self_ = std::exchange(other.self_, {});
        }
        return *this;
    }
    task(const task&) = delete;
    task& operator=(const task&) = delete;
    ~task() {
        if (self_) self_.destroy();
    }

    bool await_ready() const noexcept { return false; }
    template <typename Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> waiting) noexcept {
        self_.promise().continuation = waiting;
        self_.promise().cancel = waiting.promise().cancel;
        return self_;
    }
    T await_resume() { return self_.promise().take(); }

  private:
    handle self_;
};

namespace detail {
template <typename T>
task<T> promise<T>::get_return_object() noexcept {
    return task<T>(std::coroutine_handle<promise<T>>::from_promise(*this));
}
inline task<void> promise<void>::get_return_object() noexcept {
    return task<void>(std::coroutine_handle<promise<void>>::from_promise(*this));
}

/// A coroutine that nobody awaits: it destroys itself at its end.
struct detached {
    struct promise_type {
        cancellation* cancel = nullptr;
        detached get_return_object() noexcept {
            return {std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        void unhandled_exception() noexcept { std::terminate(); }
    };
    std::coroutine_handle<promise_type> self;
};
} // namespace detail

/// Runs tasks of one shard. Before it is destroyed it must be empty: cancel(), then wait for `drained`.
class task_scope {
  public:
    task_scope() = default;
    task_scope(const task_scope&) = delete;
    task_scope& operator=(const task_scope&) = delete;

    /// Starts a task at once, up to its first wait.
    void spawn(task<void> work) {
        ++running_;
        detail::detached runner = run(std::move(work));
        runner.self.promise().cancel = &cancel_;
        runner.self.resume();
    }
    std::size_t running() const noexcept { return running_; }
    bool cancelled() const noexcept { return cancel_.requested(); }
    /// Every wait of its tasks, now and later, ends with CANCELLED.
    void cancel() { cancel_.request(); }

    class drain_awaiter {
      public:
        explicit drain_awaiter(task_scope& scope) : scope_(scope) {}
        bool await_ready() const noexcept { return scope_.running_ == 0; }
        void await_suspend(std::coroutine_handle<> waiting) noexcept { scope_.drained_ = waiting; }
        void await_resume() const noexcept {}

      private:
        task_scope& scope_;
    };
    /// Waits until no task is left. One waiter, which must not be a task of this scope.
    drain_awaiter drained() { return drain_awaiter(*this); }

  private:
    detail::detached run(task<void> work) {
        co_await work;
        if (--running_ == 0 && drained_) std::exchange(drained_, {}).resume();
    }
    std::size_t running_ = 0;
    std::coroutine_handle<> drained_;
    cancellation cancel_;
};

/// The state of one awaited asynchronous call: give `settle` to its completion.
template <typename T>
class call_state : public cancellation::hook {
  public:
    call_state() = default;
    call_state(const call_state&) = delete;
    call_state& operator=(const call_state&) = delete;

    /// Ends the wait. Called once, from the completion.
    void settle(result<T> outcome) {
        outcome_.emplace(std::move(outcome));
        cancellation::remove(*this);
        operation = nullptr;
        waiting_.resume();
    }
    /// The same from what a plain completion brings.
    static void completed(void* context, std::int32_t code,
                          const plexus_error* failure) requires std::is_void_v<T> {
        auto* state = static_cast<call_state*>(context);
        if (code == PLEXUS_OK)
            state->settle({});
        else
            state->settle(from_abi(code, failure));
    }

    /// Set it in the starting call if the operation can be cancelled.
    plexus_operation* operation = nullptr;

  private:
    template <typename, typename>
    friend class call_awaiter;
    std::coroutine_handle<> waiting_;
    std::optional<result<T>> outcome_;
};

/// Awaits an asynchronous call: `start` gets a call_state<T>& and returns the status of the starting call.
template <typename T, typename Start>
class [[nodiscard]] call_awaiter {
  public:
    explicit call_awaiter(Start start) : start_(std::move(start)) {}
    bool await_ready() const noexcept { return false; }
    template <typename Promise>
    bool await_suspend(std::coroutine_handle<Promise> waiting) {
        cancellation* scope = waiting.promise().cancel;
        if (scope != nullptr && scope->requested()) {
            state_.outcome_.emplace(make_error(status::cancelled, "cancelled"));
            return false;
        }
        state_.waiting_ = waiting;
        const std::int32_t code = start_(state_);
        if (code != PLEXUS_OK) {
            state_.outcome_.emplace(from_abi(code, nullptr));
            return false;
        }
        state_.cancel = [](cancellation::hook* hook) {
            auto* state = static_cast<call_state<T>*>(hook);
            if (state->operation != nullptr) state->operation->cancel(state->operation);
        };
        if (scope != nullptr && state_.operation != nullptr) scope->add(state_);
        return true;
    }
    result<T> await_resume() { return std::move(*state_.outcome_); }

  private:
    Start start_;
    call_state<T> state_;
};

template <typename T, typename Start>
call_awaiter<T, Start> call(Start start) {
    return call_awaiter<T, Start>(std::move(start));
}

} // namespace plexus
