// The queue between shards and writer, step by step on a loop that runs only what it is told to.
#include "plexus/store_provider.hpp"

#include <gtest/gtest.h>

#include <deque>

namespace plexus {
namespace {

using store_provider::batch;
using store_provider::outcome;

/// Two shards and one worker; tasks wait until the test runs them.
class manual_loop {
  public:
    manual_loop() {
        table_.service = {sizeof table_, 0, this};
        table_.shard_count = [](void*) -> std::uint32_t { return 2; };
        table_.current_shard = [](void* self) { return me(self).shard; };
        table_.post = [](void* self, std::uint32_t to, plexus_task task) -> std::int32_t {
            me(self).posted[to].push_back(task);
            return PLEXUS_OK;
        };
        table_.worker_create = [](void* self, const char*, plexus_worker** out) -> std::int32_t {
            *out = static_cast<plexus_worker*>(self);
            return PLEXUS_OK;
        };
        table_.worker_submit = [](void* self, plexus_worker*, plexus_task work, plexus_task) -> std::int32_t {
            if (me(self).refuses) return PLEXUS_E_STOPPING;
            me(self).submitted.push_back(work);
            return PLEXUS_OK;
        };
        table_.worker_destroy = [](void*, plexus_worker*) {};
    }
    loop_ref ref() const { return loop_ref(&table_); }

    void run_worker() {
        const auto as = std::exchange(shard, -1);
        drain(submitted);
        shard = as;
    }
    void run_shard(std::int32_t which) {
        const auto as = std::exchange(shard, which);
        drain(posted[static_cast<std::size_t>(which)]);
        shard = as;
    }

    std::int32_t shard = 0;
    bool refuses = false;
    std::deque<plexus_task> posted[2];
    std::deque<plexus_task> submitted;

  private:
    static manual_loop& me(void* self) { return *static_cast<manual_loop*>(self); }
    static void drain(std::deque<plexus_task>& tasks) {
        while (!tasks.empty()) {
            const plexus_task next = tasks.front();
            tasks.pop_front();
            next.run(next.context);
        }
    }
    plexus_loop table_{};
};

struct engine {
    std::size_t fails_at = SIZE_MAX;
    std::vector<std::size_t> groups;
    outcome apply(std::span<batch* const> group) {
        groups.push_back(group.size());
        for (std::size_t i = 0; i < group.size(); ++i) {
            if (i == fails_at) {
                fails_at = SIZE_MAX;
                return {i, make_error(status::full, "full")};
            }
            group[i]->status = PLEXUS_OK;
        }
        return {group.size(), std::nullopt};
    }
};

class commit_queue : public ::testing::Test {
  protected:
    std::int32_t commit(std::int32_t shard) {
        loop.shard = shard;
        const plexus_completion done{[](void* self, std::int32_t code, const plexus_error*) {
                                         static_cast<commit_queue*>(self)->statuses.push_back(code);
                                     },
                                     this};
        return queue.commit(nullptr, 0, done);
    }

    manual_loop loop;
    engine store;
    store_provider::drain_gate gate{loop.ref()};
    store_provider::commit_queue<engine> queue{loop.ref(), store, gate, "write"};
    std::vector<std::int32_t> statuses;
    bool drained = false;
};

TEST_F(commit_queue, applies_what_is_queued_as_one_group) {
    for (const int shard : {0, 1, 0}) ASSERT_EQ(commit(shard), PLEXUS_OK);
    EXPECT_EQ(loop.submitted.size(), 1U) << "one wake-up for all of them";
    loop.run_worker();
    EXPECT_EQ(store.groups, std::vector<std::size_t>{3});
    EXPECT_TRUE(statuses.empty()) << "completions come on the shards";
    loop.run_shard(0);
    EXPECT_EQ(statuses.size(), 2U);
    loop.run_shard(1);
    EXPECT_EQ(statuses.size(), 3U);
}

TEST_F(commit_queue, drains_what_was_queued_before_close) {
    for (const int shard : {0, 1}) ASSERT_EQ(commit(shard), PLEXUS_OK);
    gate.close([this] { drained = true; });
    EXPECT_EQ(commit(0), PLEXUS_E_STOPPING);
    loop.run_worker();
    loop.run_shard(0);
    EXPECT_FALSE(drained) << "shard 1 has its completion still to come";
    loop.run_shard(1);
    loop.run_shard(0);
    EXPECT_TRUE(drained);
    EXPECT_EQ(statuses.size(), 2U);
}

TEST_F(commit_queue, drains_the_news_of_a_failure_as_well) {
    store.fails_at = 0;
    ASSERT_EQ(commit(0), PLEXUS_OK);
    gate.close([this] { drained = true; });
    loop.run_worker();
    loop.run_shard(0);
    loop.run_shard(0);
    EXPECT_FALSE(drained) << "shard 1 has not heard of the failure";
    loop.run_shard(1);
    loop.run_shard(0);
    EXPECT_TRUE(drained);
    EXPECT_EQ(statuses, std::vector<std::int32_t>{PLEXUS_E_FULL});
}

TEST_F(commit_queue, fails_what_was_made_before_its_shard_heard_of_a_failure) {
    store.fails_at = 1;
    for (const int shard : {0, 0, 1}) ASSERT_EQ(commit(shard), PLEXUS_OK);
    loop.run_worker();
    ASSERT_EQ(commit(0), PLEXUS_OK); // behind the failure, which shard 0 does not know yet
    loop.run_worker();
    loop.run_shard(0);
    EXPECT_EQ(statuses, (std::vector<std::int32_t>{PLEXUS_OK, PLEXUS_E_FULL, PLEXUS_E_FULL}));
    ASSERT_EQ(commit(0), PLEXUS_OK);
    loop.run_worker();
    loop.run_shard(0);
    EXPECT_EQ(statuses.back(), PLEXUS_OK) << "who knows of the failure is not behind it";
    statuses.clear();
    loop.run_shard(1);
    EXPECT_EQ(statuses, std::vector<std::int32_t>{PLEXUS_E_FULL}) << "another shard's was queued behind it";
}

TEST_F(commit_queue, calls_nothing_when_the_host_takes_no_work) {
    loop.refuses = true;
    EXPECT_EQ(commit(0), PLEXUS_E_STOPPING);
    gate.close([this] { drained = true; });
    loop.run_shard(0);
    EXPECT_TRUE(drained);
    EXPECT_TRUE(statuses.empty());
}

TEST_F(commit_queue, is_for_shards_alone) { EXPECT_EQ(commit(-1), PLEXUS_E_INVALID); }

TEST_F(commit_queue, gives_back_what_never_ran) {
    ASSERT_EQ(commit(0), PLEXUS_OK); // freed with the queue: a crash of the simulation runs nothing more
    EXPECT_EQ(loop.submitted.size(), 1U);
}

} // namespace
} // namespace plexus
