#include <gmock/gmock.h>

#include "probe_plugin.hpp"

namespace plexus::test {
namespace {

using testing::ElementsAre;
using plexus_kernel = kernel::kernel;

std::string problems(const char* text, probe_world& world) {
    const auto checked = plexus_kernel::check(config(text), world.options());
    return checked ? "" : checked.error().message();
}

TEST(graph, names_every_missing_edge_before_anything_is_created) {
    probe_world world;
    world.add({.id = "a", .requires_ = {"test.x/1", "test.y/1"}});
    world.add({.id = "b", .requires_ = {"test.z/1"}});
    EXPECT_EQ(problems("[plugin.a]\n[plugin.b]", world),
              "config:1:9: plugin.a requires test.x/1, and no other configured plugin provides it: add a "
              "[plugin.NAME] section for one that does (see plexusd plugin list)\n"
              "config:1:9: plugin.a requires test.y/1, and no other configured plugin provides it: add a "
              "[plugin.NAME] section for one that does (see plexusd plugin list)\n"
              "config:2:9: plugin.b requires test.z/1, and no other configured plugin provides it: add a "
              "[plugin.NAME] section for one that does (see plexusd plugin list)");
    EXPECT_TRUE(world.events().empty());
}

TEST(graph, a_plugin_does_not_serve_itself) {
    probe_world world;
    world.add({.id = "a", .provides = {"test.x/1"}, .requires_ = {"test.x/1"}});
    EXPECT_THAT(problems("[plugin.a]", world),
                testing::HasSubstr("plugin.a requires test.x/1, and no other"));
    EXPECT_EQ(problems("[plugin.a]\nservices = { 'test.x/1' = 'a' }", world),
              "config:2:14: plugin.a.services.'test.x/1': an instance cannot be wired to itself");
}

TEST(graph, names_a_cycle_as_a_path) {
    probe_world world;
    world.add({.id = "a", .provides = {"test.a/1"}, .requires_ = {"test.b/1"}});
    world.add({.id = "b", .provides = {"test.b/1"}, .requires_ = {"test.c/1"}});
    world.add({.id = "c", .provides = {"test.c/1"}, .requires_ = {"test.b/1"}});
    EXPECT_EQ(
        problems("[plugin.a]\n[plugin.b]\n[plugin.c]", world),
        "config:2:9: the plugins require each other in a cycle: b requires test.c/1 of c, which requires "
        "test.b/1 of b");
}

TEST(graph, a_cycle_through_what_is_only_used_is_none) {
    probe_world world;
    world.add({.id = "a", .provides = {"test.a/1"}, .requires_ = {"test.b/1"}});
    world.add({.id = "b", .provides = {"test.b/1"}, .uses = {"test.a/1", "test.none/1"}});
    auto loaded = plexus_kernel::load(config("[plugin.a]\n[plugin.b]"), world.options());
    ASSERT_TRUE(loaded) << loaded.error().message();
    EXPECT_THAT((*loaded)->instances(), ElementsAre("b", "a"));
}

TEST(graph, two_providers_ask_for_a_choice) {
    probe_world world;
    world.add({.id = "x", .provides = {"test.x/1"}});
    world.add({.id = "user", .requires_ = {"test.x/1"}});
    world.add({.id = "maybe", .uses = {"test.x/1"}});
    EXPECT_EQ(
        problems("[plugin.x]\n[plugin.x2]\nlibrary = 'x'\n[plugin.user]\n[plugin.maybe]", world),
        "config:4:9: plugin.user: 2 instances provide test.x/1 ('x', 'x2'): choose one with services = { "
        "\"test.x/1\" = \"x\" }\n"
        "config:5:9: plugin.maybe: 2 instances provide test.x/1 ('x', 'x2'): choose one with services = { "
        "\"test.x/1\" = \"x\" }");
}

TEST(graph, checks_choices) {
    probe_world world;
    world.add({.id = "x", .provides = {"test.x/1"}});
    world.add({.id = "other"});
    world.add({.id = "user", .requires_ = {"test.x/1"}});
    EXPECT_EQ(
        problems("[plugin.x]\n[plugin.other]\n[plugin.user]\nservices = { 'test.x/1' = 'othr' }", world),
        "config:4:14: plugin.user.services.'test.x/1': there is no [plugin.othr] (did you mean 'other'?)");
    EXPECT_EQ(
        problems("[plugin.x]\n[plugin.other]\n[plugin.user]\nservices = { 'test.x/1' = 'other' }", world),
        "config:4:14: plugin.user.services.'test.x/1': 'other' does not provide test.x/1");
    EXPECT_EQ(problems("[plugin.x]\n[plugin.user]\nservices = { 'test.x/2' = 'x' }", world),
              "config:3:14: plugin.user.services: this plugin takes no service 'test.x/2' (did you mean "
              "'test.x/1'?)");
    EXPECT_EQ(
        problems("[plugin.x]\n[plugin.user]\nservices = { 'test.x/1' = 3 }", world),
        "config:3:14: plugin.user.services.'test.x/1': expected the name of an instance, found an integer");
}

TEST(graph, is_explained) {
    probe_world world;
    world.add({.id = "x", .provides = {"test.x/1"}});
    world.add(
        {.id = "user", .requires_ = {"test.x/1"}, .uses = {"test.none/1"}, .capabilities = {"net.outbound"}});
    const auto text = kernel::explain(config("[plugin.user]\n[plugin.one]\nlibrary = 'x'"), world.options());
    ASSERT_TRUE(text);
    EXPECT_EQ(*text, "one (x)\n"
                     "  provides test.x/1\n"
                     "user\n"
                     "  requires test.x/1 of one, the only provider\n"
                     "  can use test.none/1, which nobody provides\n"
                     "  may net.outbound\n");
}

} // namespace
} // namespace plexus::test
