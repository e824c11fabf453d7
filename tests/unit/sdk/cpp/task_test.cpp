// Tasks on a loop of the test's own: completions are kept and called by hand.
#include "plexus/wait.hpp"

#include <gtest/gtest.h>

#include <deque>

namespace {

using plexus::call;
using plexus::call_state;
using plexus::result;
using plexus::status;
using plexus::task;

struct fake_operation : plexus_operation {
    fake_operation() : plexus_operation{&fake_operation::on_cancel} {}
    static void on_cancel(plexus_operation* self) { static_cast<fake_operation*>(self)->cancelled = true; }
    bool cancelled = false;
    plexus_completion done{};
};

/// Starts an operation that the test ends.
std::int32_t begin(fake_operation& operation, plexus_completion done, plexus_operation** handle) {
    operation.done = done;
    *handle = &operation;
    return PLEXUS_OK;
}

task<result<void>> wait_for(fake_operation& operation) {
    auto start = [&operation](call_state<void>& state) {
        const plexus_completion done{call_state<void>::completed, &state};
        return begin(operation, done, &state.operation);
    };
    auto pending = call<void>(start);
    co_return co_await pending;
}

TEST(task, awaits_a_completion) {
    fake_operation operation;
    std::optional<result<void>> outcome;
    plexus::task_scope scope;
    auto work = [&]() -> task<void> {
        auto inner = wait_for(operation);
        outcome = co_await inner;
    };
    scope.spawn(work());
    EXPECT_EQ(scope.running(), 1U);
    EXPECT_FALSE(outcome);
    operation.done.done(operation.done.context, PLEXUS_OK, nullptr);
    ASSERT_TRUE(outcome);
    EXPECT_TRUE(*outcome);
    EXPECT_EQ(scope.running(), 0U);
}

TEST(task, a_failed_start_ends_the_wait_at_once) {
    std::optional<result<void>> outcome;
    plexus::task_scope scope;
    auto work = [&]() -> task<void> {
        auto start = [](call_state<void>&) { return static_cast<std::int32_t>(PLEXUS_E_STOPPING); };
        auto pending = call<void>(start);
        outcome = co_await pending;
    };
    scope.spawn(work());
    ASSERT_TRUE(outcome);
    EXPECT_TRUE(outcome->error().is(status::stopping));
}

TEST(task, cancelling_the_scope_cancels_what_is_under_way_and_drains) {
    fake_operation operation;
    bool drained = false;
    std::vector<std::int32_t> outcomes;
    plexus::task_scope scope;
    auto work = [&]() -> task<void> {
        auto first = wait_for(operation);
        auto one = co_await first;
        outcomes.push_back(one ? 0 : one.error().code());
        auto second = wait_for(operation); // never starts: the scope is cancelled
        auto two = co_await second;
        outcomes.push_back(two ? 0 : two.error().code());
    };
    scope.spawn(work());
    plexus::task_scope outside;
    auto drain = [&]() -> task<void> {
        scope.cancel();
        co_await scope.drained();
        drained = true;
    };
    outside.spawn(drain());
    EXPECT_TRUE(operation.cancelled);
    EXPECT_FALSE(drained);
    operation.done.done(operation.done.context, PLEXUS_E_CANCELLED, nullptr);
    EXPECT_TRUE(drained);
    EXPECT_EQ(outcomes, (std::vector<std::int32_t>{PLEXUS_E_CANCELLED, PLEXUS_E_CANCELLED}));
}

TEST(event, wakes_its_waiter_or_remembers) {
    plexus::event signal;
    int woken = 0;
    plexus::task_scope scope;
    auto work = [&]() -> task<void> {
        for (int i = 0; i < 2; ++i) {
            auto outcome = co_await signal.wait();
            if (outcome) ++woken;
        }
    };
    signal.set();
    scope.spawn(work());
    EXPECT_EQ(woken, 1);
    signal.set();
    EXPECT_EQ(woken, 2);
    EXPECT_EQ(scope.running(), 0U);
}

TEST(event, is_cancelled_with_its_scope) {
    plexus::event signal;
    std::optional<result<void>> outcome;
    plexus::task_scope scope;
    auto work = [&]() -> task<void> { outcome = co_await signal.wait(); };
    scope.spawn(work());
    scope.cancel();
    ASSERT_TRUE(outcome);
    EXPECT_TRUE(outcome->error().is(status::cancelled));
}

} // namespace
