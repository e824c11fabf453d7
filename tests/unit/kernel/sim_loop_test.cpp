#include <gmock/gmock.h>

#include "plexus/kernel/simulation.hpp"
#include "probe_plugin.hpp"

namespace plexus::test {
namespace {

using kernel::simulation;
using plexus_kernel = kernel::kernel;
using namespace std::chrono_literals;
using testing::ElementsAre;

std::unique_ptr<plexus_kernel> start_machine(simulation& world, probe_world& plugins, const std::string& host,
                                             const std::string& text) {
    auto options = plugins.options();
    options.backend = world.machine(host);
    auto loaded = plexus_kernel::load(config(text), std::move(options));
    if (!loaded) throw std::runtime_error(loaded.error().message());
    if (auto up = (*loaded)->start(); !up) throw std::runtime_error(up.error().message());
    return std::move(*loaded);
}

struct sim_loop_test : testing::Test {
    probe_world plugins;
    simulation world{7};
    probe* self = nullptr;
    std::unique_ptr<plexus_kernel> under;

    void SetUp() override {
        plugins.add({.id = "one", .start = [this](probe& made) {
                         self = &made;
                         return PLEXUS_OK;
                     }});
        under = start_machine(world, plugins, "machine", "[plugin.one]");
    }
    const plexus_loop* loop() const { return self->loop(); }
    void* at() const { return loop()->service.self; }
    void post(std::uint32_t shard, std::function<void()> step) {
        const plexus_task task{[](void* raw) {
                                   const std::unique_ptr<std::function<void()>> mine(
                                       static_cast<std::function<void()>*>(raw));
                                   (*mine)();
                               },
                               new std::function<void()>(std::move(step))};
        EXPECT_EQ(loop()->post(at(), shard, task), PLEXUS_OK);
    }
};

TEST_F(sim_loop_test, has_shards_and_outside_of_them) {
    EXPECT_EQ(loop()->shard_count(at()), 2U);
    EXPECT_EQ(loop()->current_shard(at()), -1);
    std::vector<std::int32_t> seen;
    for (std::uint32_t shard = 0; shard < 2; ++shard)
        under->call(shard, [&] { seen.push_back(loop()->current_shard(at())); });
    EXPECT_THAT(seen, ElementsAre(0, 1));
}

TEST_F(sim_loop_test, keeps_the_order_of_each_shard) {
    std::vector<int> seen;
    for (int i = 0; i < 100; ++i) post(static_cast<std::uint32_t>(i % 2), [&seen, i] { seen.push_back(i); });
    EXPECT_TRUE(world.run_until([&] { return seen.size() == 100; }));
    std::vector<int> even;
    std::vector<int> odd;
    for (const int one : seen) (one % 2 == 0 ? even : odd).push_back(one);
    EXPECT_TRUE(std::is_sorted(even.begin(), even.end()));
    EXPECT_TRUE(std::is_sorted(odd.begin(), odd.end()));
    EXPECT_FALSE(std::is_sorted(seen.begin(), seen.end())) << "two shards never overtook each other";
}

TEST_F(sim_loop_test, lets_years_pass_at_once) {
    struct state {
        std::vector<int> fired;
        plexus_timer* timers[3] = {};
    } mine;
    under->call(0, [&] {
        const plexus_task tasks[] = {{[](void* to) { static_cast<state*>(to)->fired.push_back(0); }, &mine},
                                     {[](void* to) { static_cast<state*>(to)->fired.push_back(1); }, &mine},
                                     {[](void* to) { static_cast<state*>(to)->fired.push_back(2); }, &mine}};
        const std::uint64_t hours[] = {9000, 1, 5000};
        for (std::size_t i = 0; i < 3; ++i) {
            ASSERT_EQ(loop()->timer_create(at(), tasks[i], &mine.timers[i]), PLEXUS_OK);
            loop()->timer_arm(at(), mine.timers[i], hours[i] * 3'600'000'000'000);
        }
    });
    EXPECT_TRUE(world.run_until([&] { return mine.fired.size() == 2; }, 24h * 365));
    EXPECT_THAT(mine.fired, ElementsAre(1, 2));
    EXPECT_GE(world.now(), 5000h);
    EXPECT_LT(world.now(), 5001h);
    under->call(0, [&] {
        loop()->timer_disarm(at(), mine.timers[0]);
        for (auto* one : mine.timers) loop()->timer_destroy(at(), one);
    });
    world.run_for(9000h);
    EXPECT_EQ(mine.fired.size(), 2U);
}

TEST_F(sim_loop_test, a_timer_may_end_in_its_callback) {
    struct state {
        const plexus_loop* loop;
        plexus_timer* timer = nullptr;
        bool fired = false;
    } mine{loop()};
    under->call(1, [&] {
        const plexus_task task{[](void* raw) {
                                   auto* to = static_cast<state*>(raw);
                                   to->loop->timer_destroy(to->loop->service.self, to->timer);
                                   to->fired = true;
                               },
                               &mine};
        loop()->timer_create(at(), task, &mine.timer);
        loop()->timer_arm(at(), mine.timer, 0);
    });
    EXPECT_TRUE(world.run_until([&] { return mine.fired; }));
}

TEST_F(sim_loop_test, workers_answer_on_the_shard_that_asked) {
    struct state {
        const plexus_loop* loop;
        std::vector<std::int32_t> seen;
    } mine{loop(), {}};
    plexus_worker* worker = nullptr;
    ASSERT_EQ(loop()->worker_create(at(), "files", &worker), PLEXUS_OK);
    const plexus_task note{[](void* raw) {
                               auto* to = static_cast<state*>(raw);
                               to->seen.push_back(to->loop->current_shard(to->loop->service.self));
                           },
                           &mine};
    under->call(1, [&] {
        loop()->worker_submit(at(), worker, note, note);
        EXPECT_TRUE(mine.seen.empty());
    });
    EXPECT_TRUE(world.run_until([&] { return mine.seen.size() == 2; }));
    EXPECT_THAT(mine.seen, ElementsAre(-1, 1));
    // Its end waits for what was submitted.
    under->call(0, [&] { loop()->worker_submit(at(), worker, note, {nullptr, nullptr}); });
    loop()->worker_destroy(at(), worker);
    EXPECT_EQ(mine.seen.size(), 3U);
}

TEST_F(sim_loop_test, watches_nothing) {
    under->call(0, [&] {
        plexus_watch* watch = nullptr;
        EXPECT_EQ(loop()->watch_create(
                      at(), 0, [](void*, std::uint32_t) {}, nullptr, &watch),
                  PLEXUS_E_UNSUPPORTED);
    });
}

TEST_F(sim_loop_test, says_when_nothing_can_go_on) {
    EXPECT_FALSE(world.run_until([] { return false; }));
    EXPECT_THROW(under->run_until([] { return false; }), std::runtime_error);
}

/// Two machines whose shards, timers and workers play together.
std::uint64_t play(std::uint64_t seed, std::vector<std::string>& events) {
    probe_world plugins;
    plugins.add({.id = "player"});
    simulation world(seed);
    const auto a = start_machine(world, plugins, "a", "[plugin.player-a]\nlibrary = 'player'");
    const auto b = start_machine(world, plugins, "b", "[plugin.player-b]\nlibrary = 'player'");
    int left = 200;
    std::function<void(plexus_kernel&, char)> move = [&](plexus_kernel& on, char name) {
        if (left-- <= 0) return;
        events.push_back(name + std::to_string(left));
        on.post(static_cast<std::uint32_t>(left % 2), [&, name] { move(a.get() == &on ? *b : *a, name); });
    };
    for (const char name : {'x', 'y', 'z'}) a->post(0, [&, name] { move(*a, name); });
    world.run_until([&] { return left <= 0; });
    bytes random(8);
    a->backend().fill_random(random);
    events.emplace_back(random.begin(), random.end());
    b->backend().fill_random(random);
    events.emplace_back(random.begin(), random.end());
    EXPECT_NE(events.back(), events[events.size() - 2]);
    EXPECT_TRUE(b->stop()); // what is queued still runs
    EXPECT_TRUE(a->stop());
    return world.trace();
}

TEST(simulation, runs_the_same_way_for_the_same_seed_alone) {
    std::vector<std::string> first;
    std::vector<std::string> second;
    std::vector<std::string> other;
    const std::uint64_t trace = play(1, first);
    EXPECT_EQ(play(1, second), trace);
    EXPECT_EQ(first, second);
    EXPECT_NE(play(2, other), trace);
    EXPECT_NE(first, other);
}

TEST(simulation, has_one_machine_of_a_name_at_a_time) {
    simulation world(1);
    auto first = world.machine("server");
    EXPECT_THROW(world.machine("server"), std::logic_error);
    first.reset();
    EXPECT_NE(world.machine("server"), nullptr);
}

} // namespace
} // namespace plexus::test
