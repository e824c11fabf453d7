#include <gmock/gmock.h>

#include <csignal>
#include <fstream>
#include <string>

#include "probe_plugin.hpp"

namespace plexus::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using plexus_kernel = kernel::kernel;

constexpr const char* three_layers = "[plugin.top]\n[plugin.middle]\n[plugin.base]\n";

void add_three_layers(probe_world& world) {
    world.add({.id = "top", .requires_ = {"test.middle/1"}});
    world.add({.id = "middle", .provides = {"test.middle/1"}, .requires_ = {"test.base/1"}});
    world.add({.id = "base", .provides = {"test.base/1"}});
}

TEST(lifecycle, goes_up_in_the_order_of_the_graph_and_down_in_reverse) {
    probe_world world;
    add_three_layers(world);
    {
        auto loaded = plexus_kernel::load(config(three_layers), world.options());
        ASSERT_TRUE(loaded) << loaded.error().message();
        EXPECT_THAT((*loaded)->instances(), ElementsAre("base", "middle", "top"));
        ASSERT_TRUE((*loaded)->start());
        ASSERT_TRUE((*loaded)->stop());
    }
    EXPECT_THAT(world.events(),
                ElementsAre("create base", "create middle", "create top", "init base", "init middle",
                            "init top", "start base", "start middle", "start top", "stop top", "stop middle",
                            "stop base", "destroy top", "destroy middle", "destroy base"));
}

TEST(lifecycle, a_kernel_that_goes_out_of_scope_stops_first) {
    probe_world world;
    world.add({.id = "one"});
    {
        auto loaded = plexus_kernel::load(config("[plugin.one]"), world.options());
        ASSERT_TRUE(loaded);
        ASSERT_TRUE((*loaded)->start());
    }
    EXPECT_THAT(world.events(),
                ElementsAre("create one", "init one", "start one", "stop one", "destroy one"));
}

/// The password as the configuration says it now.
std::string password_of(const probe& self) {
    const auto* values = self.get<plexus_config>(PLEXUS_CONFIG_ID);
    plexus_view text{};
    return values->get_text(values->service.self, "password", &text) == PLEXUS_OK
               ? std::string(reinterpret_cast<const char*>(text.data), text.size)
               : "none";
}

TEST(lifecycle, a_given_secret_wins_and_is_there_until_everything_is_started) {
    probe_world world;
    probe* self = nullptr;
    std::string at_start;
    world.add({.id = "one",
               .keys = {{"password", PLEXUS_KEY_TEXT, PLEXUS_KEY_SECRET | PLEXUS_KEY_REQUIRED, nullptr,
                         nullptr, 0, 0, "a secret"},
                        {"name", PLEXUS_KEY_TEXT, 0, nullptr, nullptr, 0, 0, "no secret"}},
               .start = [&](probe& it) {
                   self = &it;
                   at_start = password_of(it);
                   return PLEXUS_OK;
               }});
    for (const auto* text : {"[plugin.one]", "[plugin.one]\npassword = 'from the file'"}) {
        auto options = world.options();
        options.secrets.push_back({"one", "password", secret_bytes(as_bytes("typed"))});
        auto loaded = plexus_kernel::load(config(text), std::move(options));
        ASSERT_TRUE(loaded) << loaded.error().message();
        ASSERT_TRUE((*loaded)->start());
        EXPECT_EQ(at_start, "typed");
        EXPECT_EQ(password_of(*self), "none");
    }
    const auto refusal = [&](const char* instance, const char* key) {
        auto options = world.options();
        options.secrets.push_back({instance, key, secret_bytes(as_bytes("typed"))});
        return plexus_kernel::check(config("[plugin.one]\npassword = 'x'"), options).error().message();
    };
    EXPECT_THAT(refusal("two", "password"), HasSubstr("plugin.two, which is not there"));
    EXPECT_THAT(refusal("one", "passwort"), HasSubstr("did you mean"));
    EXPECT_THAT(refusal("one", "name"), HasSubstr("no secret text"));
}

TEST(lifecycle, whose_start_is_refused_is_told) {
    probe_world world;
    world.add({.id = "one", .start = [](probe&) { return PLEXUS_E_DENIED; }});
    for (const bool known : {true, false}) {
        auto loaded = plexus_kernel::load(config("[plugin.one]"), world.options());
        ASSERT_TRUE(loaded) << loaded.error().message();
        std::string who;
        EXPECT_EQ((*loaded)->run({},
                                 [&](std::string_view instance) {
                                     who = instance;
                                     return known;
                                 }),
                  1);
        EXPECT_EQ(who, "one");
        EXPECT_EQ(world.logged("failed to start"), !known);
    }
}

TEST(lifecycle, a_failed_start_stops_what_ran_and_names_the_plugin) {
    probe_world world;
    world.add({.id = "base", .provides = {"test.base/1"}});
    world.add({.id = "top", .requires_ = {"test.base/1"}, .start = [](probe&) { return PLEXUS_E_BUSY; }});
    auto loaded = plexus_kernel::load(config("[plugin.top]\n[plugin.base]"), world.options());
    ASSERT_TRUE(loaded);
    const auto started = (*loaded)->start();
    ASSERT_FALSE(started);
    EXPECT_TRUE(started.error().is(kernel::kernel_error::failed));
    EXPECT_EQ(started.error().message(), "plugin.top failed to start: busy (status 12)");
    EXPECT_THAT(world.events(),
                ElementsAre("create base", "create top", "init base", "init top", "start base", "start top",
                            "stop base", "destroy top", "destroy base"));
}

TEST(lifecycle, a_failed_init_starts_nothing) {
    probe_world world;
    world.add({.id = "bad", .init = [](probe&) { return PLEXUS_E_INVALID; }});
    auto loaded = plexus_kernel::load(config("[plugin.bad]"), world.options());
    ASSERT_TRUE(loaded);
    const auto started = (*loaded)->start();
    ASSERT_FALSE(started);
    EXPECT_THAT(started.error().message(), HasSubstr("plugin.bad failed to initialise: invalid"));
    EXPECT_THAT(world.events(), ElementsAre("create bad", "init bad", "destroy bad"));
}

TEST(lifecycle, two_instances_of_one_plugin_are_wired_by_choice) {
    probe_world world;
    world.add({.id = "base", .provides = {"test.base/1"}});
    const void* seen = nullptr;
    world.add({.id = "top", .requires_ = {"test.base/1"}, .init = [&](probe& self) {
                   seen = self.host->get_service(self.host, "test.base/1");
                   return seen == nullptr ? PLEXUS_E_NOT_FOUND : PLEXUS_OK;
               }});
    auto loaded =
        plexus_kernel::load(config("[plugin.base-1]\nlibrary = 'base'\n[plugin.base-2]\nlibrary = 'base'\n"
                                   "[plugin.top]\nservices = { 'test.base/1' = 'base-2' }"),
                            world.options());
    ASSERT_TRUE(loaded) << loaded.error().message();
    ASSERT_TRUE((*loaded)->start());
    EXPECT_EQ(seen, (*loaded)->service("base-2", "test.base/1"));
    EXPECT_NE(seen, (*loaded)->service("base-1", "test.base/1"));
    EXPECT_EQ((*loaded)->service("base-1", "test.other/1"), nullptr);
    EXPECT_EQ((*loaded)->service("nobody", "test.base/1"), nullptr);
}

TEST(lifecycle, starts_once_and_stops_as_often_as_asked) {
    probe_world world;
    world.add({.id = "one"});
    auto loaded = plexus_kernel::load(config("[plugin.one]"), world.options());
    ASSERT_TRUE(loaded);
    EXPECT_TRUE((*loaded)->stop()) << "nothing to stop";
    ASSERT_TRUE((*loaded)->start());
    const auto again = (*loaded)->start();
    ASSERT_FALSE(again);
    EXPECT_THAT(again.error().message(), HasSubstr("started before"));
    EXPECT_TRUE((*loaded)->stop());
    EXPECT_TRUE((*loaded)->stop());
    EXPECT_FALSE((*loaded)->start());
    EXPECT_FALSE((*loaded)->post(0, [] {}));
    EXPECT_THAT(world.events(),
                ElementsAre("create one", "init one", "start one", "stop one", "destroy one"));
}

TEST(lifecycle, names_what_an_instance_leaves_behind) {
    probe_world world;
    static plexus_timer* forgotten; // in reach of a checker of leaks, which would name it too
    world.add(
        {.id = "untidy", .start = [&](probe& self) {
             return self.loop()->timer_create(self.loop()->service.self, {[](void*) {}, nullptr}, &forgotten);
         }});
    world.add({.id = "tidy"});
    auto loaded = plexus_kernel::load(config("[plugin.untidy]\n[plugin.tidy]"), world.options());
    ASSERT_TRUE(loaded);
    ASSERT_TRUE((*loaded)->start());
    ASSERT_TRUE((*loaded)->stop());
    EXPECT_TRUE(world.logged("plugin.untidy leaves behind after stop: 1 timer"));
    EXPECT_FALSE(world.logged("plugin.tidy"));
}

TEST(lifecycle, the_watchdog_names_who_blocks_a_shard) {
    probe_world world;
    world.add({.id = "slow", .start = [](probe& self) {
                   while (!self.world->logged("a callback of 'slow' blocks shard 0 for more than 1ms"))
                       continue;
                   return PLEXUS_OK;
               }});
    auto loaded = plexus_kernel::load(config("[kernel]\nwatchdog = '1ms'\n[plugin.slow]"), world.options());
    ASSERT_TRUE(loaded);
    EXPECT_TRUE((*loaded)->start());
}

TEST(lifecycle, run_ends_with_the_code_of_the_first_request) {
    probe_world world;
    world.add({.id = "one", .start = [](probe& self) {
                   const auto* app = self.get<plexus_app>(PLEXUS_APP_ID);
                   app->request_stop(app->service.self, 7);
                   app->request_stop(app->service.self, 8);
                   return PLEXUS_OK;
               }});
    auto loaded = plexus_kernel::load(config("[plugin.one]"), world.options());
    ASSERT_TRUE(loaded);
    bool up = false;
    EXPECT_EQ((*loaded)->run([&] { up = true; }), 7);
    EXPECT_TRUE(up);
    EXPECT_EQ(world.events().back(), "destroy one");
}

/// Kilobytes of mapped files that are resident.
std::size_t resident_of_files() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.rfind("RssFile:", 0) == 0) return std::stoul(line.substr(8));
    return 0;
}

TEST(lifecycle, run_lets_go_of_the_pages_that_only_the_start_needed) {
    probe_world world;
    world.add({.id = "one"});
    auto loaded = plexus_kernel::load(config("[plugin.one]"), world.options());
    ASSERT_TRUE(loaded);
    const std::size_t before = resident_of_files();
    std::size_t after = before;
    EXPECT_EQ((*loaded)->run([&] {
        after = resident_of_files();
        (*loaded)->request_stop(0);
    }),
              0);
    EXPECT_LT(after, before);
    EXPECT_EQ(world.events().back(), "destroy one");
}

TEST(lifecycle, run_ends_in_order_at_a_signal) {
    probe_world world;
    world.add({.id = "one"});
    auto loaded = plexus_kernel::load(config("[plugin.one]"), world.options());
    ASSERT_TRUE(loaded);
    EXPECT_EQ((*loaded)->run([] {
        std::raise(SIGHUP);
        kill(getpid(), SIGTERM);
    }),
              0);
    EXPECT_EQ(world.events().back(), "destroy one");
}

TEST(lifecycle, run_fails_when_a_plugin_does) {
    probe_world world;
    world.add({.id = "one", .start = [](probe&) { return PLEXUS_E_IO; }});
    auto loaded = plexus_kernel::load(config("[plugin.one]"), world.options());
    ASSERT_TRUE(loaded);
    EXPECT_EQ((*loaded)->run(), 1);
    EXPECT_TRUE(world.logged("plugin.one failed to start"));
}

TEST(lifecycle, services_are_withheld_without_their_capability) {
    probe_world world;
    bool without = true;
    bool with = false;
    world.add({.id = "without", .uses = {PLEXUS_RESOLVER_ID}, .init = [&](probe& self) {
                   without = self.host->get_service(self.host, PLEXUS_RESOLVER_ID) != nullptr;
                   return PLEXUS_OK;
               }});
    world.add({.id = "declared", .capabilities = {PLEXUS_CAP_NET_OUTBOUND}, .init = [&](probe& self) {
                   with = self.host->get_service(self.host, PLEXUS_RESOLVER_ID) != nullptr;
                   return PLEXUS_OK;
               }});
    auto loaded = plexus_kernel::load(config("[plugin.without]\n[plugin.declared]"), world.options());
    ASSERT_TRUE(loaded) << loaded.error().message();
    ASSERT_TRUE((*loaded)->start());
    EXPECT_FALSE(without);
    EXPECT_TRUE(with);
}

TEST(lifecycle, an_unlisted_service_is_not_given) {
    probe_world world;
    const void* seen = &world;
    world.add({.id = "base", .provides = {"test.base/1"}});
    world.add({.id = "top", .init = [&](probe& self) {
                   seen = self.host->get_service(self.host, "test.base/1");
                   return PLEXUS_OK;
               }});
    auto loaded = plexus_kernel::load(config("[plugin.base]\n[plugin.top]"), world.options());
    ASSERT_TRUE(loaded);
    ASSERT_TRUE((*loaded)->start());
    EXPECT_EQ(seen, nullptr);
}

#ifndef NDEBUG
TEST(lifecycle_death, a_timer_outside_shards_ends_a_debug_build) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    probe_world world;
    world.add(
        {.id = "lost", .init = [](probe& self) {
             plexus_timer* timer = nullptr;
             return self.loop()->timer_create(self.loop()->service.self, {[](void*) {}, nullptr}, &timer);
         }});
    auto loaded = plexus_kernel::load(config("[plugin.lost]"), world.options());
    ASSERT_TRUE(loaded);
    EXPECT_DEATH((void)(*loaded)->start(), "'lost' broke a rule: timer_create is \\[shard\\]");
}
#endif

} // namespace
} // namespace plexus::test
