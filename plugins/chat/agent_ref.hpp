// The agent's service as coroutines. A wait ends with CANCELLED when its scope is cancelled, also where the
// agent has no way to cancel the call: its completion then finds nobody.
#pragma once

#include "plexus/abi/draft/agent.h"
#include "plexus/secret.hpp"
#include "plexus/task.hpp"

#include <memory>

namespace plexus::chat_plugin {

/// One event, copied out of the agent's call.
struct agent_event {
    explicit agent_event(const plexus_agent_event& from)
        : kind(from.kind), connection(from.connection), id(from.id), status(from.status),
          integrity(from.integrity), time_ns(from.time_ns), body(to_bytes(from_abi(from.body))),
          text(text_of(from.text)), text2(text_of(from.text2)), sequence(from.sequence), tag(from.tag) {}

    std::uint32_t kind;
    std::uint64_t connection;
    std::uint64_t id;
    std::int32_t status;
    std::uint32_t integrity;
    std::int64_t time_ns;
    bytes body;
    std::string text;
    std::string text2;
    std::uint64_t sequence;
    std::uint64_t tag;
};

struct created_link {
    std::uint64_t connection = 0;
    std::string full;
    std::string short_; ///< empty: none
};

/// What waits for a completion and what the completion finds; each may be gone first.
template <typename T>
struct agent_wait {
    std::optional<result<T>> outcome;
    std::coroutine_handle<> waiting;
    bool abandoned = false;

    /// From the completion, which owns one reference.
    static void settle(void* context, result<T> outcome) {
        const std::unique_ptr<std::shared_ptr<agent_wait>> mine(
            static_cast<std::shared_ptr<agent_wait>*>(context));
        agent_wait& state = **mine;
        if (state.abandoned) return;
        state.outcome.emplace(std::move(outcome));
        if (state.waiting) std::exchange(state.waiting, {}).resume();
    }
};

template <typename T, typename Start>
class [[nodiscard]] agent_call : cancellation::hook {
  public:
    explicit agent_call(Start start) : start_(std::move(start)), state_(std::make_shared<agent_wait<T>>()) {}

    bool await_ready() const noexcept { return false; }
    template <typename Promise>
    bool await_suspend(std::coroutine_handle<Promise> waiting) {
        cancellation* scope = waiting.promise().cancel;
        if (scope != nullptr && scope->requested()) {
            state_->outcome.emplace(make_error(status::cancelled, "cancelled"));
            return false;
        }
        state_->waiting = waiting;
        auto context = std::make_unique<std::shared_ptr<agent_wait<T>>>(state_);
        const std::int32_t code = start_(context.get());
        if (code != PLEXUS_OK) {
            state_->outcome.emplace(from_abi(code, nullptr));
            return false;
        }
        (void)context.release();
        this->cancel = [](cancellation::hook* which) {
            auto& state = *static_cast<agent_call*>(which)->state_;
            state.abandoned = true;
            state.outcome.emplace(make_error(status::cancelled, "cancelled"));
            std::exchange(state.waiting, {}).resume();
        };
        if (scope != nullptr) scope->add(*this);
        return true;
    }
    result<T> await_resume() {
        cancellation::remove(*this);
        return std::move(*state_->outcome);
    }

  private:
    Start start_;
    std::shared_ptr<agent_wait<T>> state_;
};

/// All [shard 0].
class agent_ref {
  public:
    agent_ref() = default;
    explicit agent_ref(const plexus_agent* table) : table_(table) {}

    void set_receiver(void (*event)(void*, const plexus_agent_event*), void* context) const {
        table_->set_receiver(self(), event, context);
    }
    task<result<created_link>> create(bytes user_data) const;
    task<result<std::uint64_t>> join(std::string link, bytes info) const;
    task<result<void>> allow(std::uint64_t connection, std::uint64_t confirmation, bytes info) const;
    task<result<std::uint64_t>> send(std::uint64_t connection, std::uint64_t tag, bool notify,
                                     bytes body) const;
    task<result<void>> acknowledge(std::uint64_t sequence) const;
    task<result<void>> remove(std::uint64_t connection, bool wait_sent) const;
    task<result<std::string>> security_code(std::uint64_t connection) const;
    result<secret_array<32>> derive_key(std::string_view label) const;

  private:
    void* self() const noexcept { return table_->service.self; }
    const plexus_agent* table_ = nullptr;
};

} // namespace plexus::chat_plugin
