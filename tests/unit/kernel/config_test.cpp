#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "plexus/kernel/command.hpp"
#include "probe_plugin.hpp"

namespace plexus::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using plexus_kernel = kernel::kernel;

const std::vector<plexus_key> sample_keys = {
    {"port", PLEXUS_KEY_INTEGER, 0, "5223", nullptr, 1, 65535, "where to listen"},
    {"host", PLEXUS_KEY_TEXT, PLEXUS_KEY_REQUIRED, nullptr, nullptr, 0, 0, "the name"},
    {"wait", PLEXUS_KEY_DURATION, 0, "10s", nullptr, 1'000'000'000, 3'600'000'000'000, "how long"},
    {"room", PLEXUS_KEY_BYTES, 0, "64KiB", nullptr, 1024, 1 << 30, "how much"},
    {"mode", PLEXUS_KEY_TEXT, 0, "os", "os|sync|memory", 0, 0, "how safe"},
    {"quiet", PLEXUS_KEY_BOOLEAN, 0, nullptr, nullptr, 0, 0, "say nothing"},
    {"peers", PLEXUS_KEY_TEXT_LIST, 0, nullptr, nullptr, 0, 0, "others"},
    {"file", PLEXUS_KEY_TEXT, PLEXUS_KEY_PATH, "data/db", nullptr, 0, 0, "a path"},
    {"password", PLEXUS_KEY_TEXT, PLEXUS_KEY_SECRET, nullptr, "open|sesame", 0, 0, "a secret"},
    {"tls.level", PLEXUS_KEY_INTEGER, 0, "3", nullptr, 0, 9, "in a table"},
};

struct config_case {
    const char* name;
    const char* text;
    std::vector<const char*> messages; ///< each is a line of the answer; none: it is right
};

class config_errors : public testing::TestWithParam<config_case> {};

TEST_P(config_errors, are_said_all_at_once) {
    probe_world world;
    world.add({.id = "sample", .keys = sample_keys});
    const auto checked = plexus_kernel::check(config(GetParam().text), world.options());
    if (GetParam().messages.empty()) {
        EXPECT_TRUE(checked) << checked.error().message();
        return;
    }
    ASSERT_FALSE(checked);
    std::string expected;
    for (const char* line : GetParam().messages)
        expected += (expected.empty() ? "" : "\n") + std::string(line);
    EXPECT_EQ(checked.error().message(), expected);
    EXPECT_TRUE(world.events().empty()) << "something was created";
}

const config_case cases[] = {
    {"empty", "", {}},
    {"right",
     "[plugin.sample]\nhost = 'h'\nport = 1\nwait = '1h'\nroom = 4096\nmode = 'sync'\nquiet = true\n"
     "peers = ['a', 'b']\ntls.level = 9\n",
     {}},
    {"syntax",
     "[plugin.sample\nhost = 1",
     {"config:1:15: Error while parsing table header: expected ']', saw '\\n'"}},
    {"nearest_key",
     "[plugin.sample]\nhost = 'h'\nprot = 3",
     {"config:3:1: unknown key plugin.sample.prot (did you mean 'port'?)"}},
    {"far_key", "[plugin.sample]\nhost = 'h'\nzzzzzz = 3", {"config:3:1: unknown key plugin.sample.zzzzzz"}},
    {"nearest_reserved",
     "[plugin.sample]\nhost = 'h'\nlibary = 'sample'",
     {"config:3:1: unknown key plugin.sample.libary (did you mean 'library'?)"}},
    {"inner_key",
     "[plugin.sample]\nhost = 'h'\n[plugin.sample.tls]\nlevle = 3",
     {"config:4:1: unknown key plugin.sample.tls.levle (did you mean 'tls.level'?)"}},
    {"missing",
     "\n[plugin.sample]\nport = 3",
     {"config:2:1: plugin.sample.host is required and missing (text: the name)"}},
    {"types",
     "[plugin.sample]\nhost = 3\nport = 'x'\nwait = 10\nroom = true\nquiet = 'yes'\npeers = 'a'\nmode = 1.5",
     {"config:2:8: plugin.sample.host: expected a text, found an integer",
      "config:3:8: plugin.sample.port: expected an integer, found a text",
      "config:4:8: plugin.sample.wait: expected a duration such as \"250ms\" or \"10s\", found an integer",
      "config:5:8: plugin.sample.room: expected a size such as \"64KiB\", found true or false",
      "config:6:9: plugin.sample.quiet: expected true or false, found a text",
      "config:7:9: plugin.sample.peers: expected a list of texts, found a text",
      "config:8:8: plugin.sample.mode: expected a text, found a fraction"}},
    {"list_items",
     "[plugin.sample]\nhost = 'h'\npeers = ['a', 3]",
     {"config:3:9: plugin.sample.peers: expected a list of texts, found an integer in it"}},
    {"bounds",
     "[plugin.sample]\nhost = 'h'\nport = 0\nwait = '2h'\nroom = '1GiB'\n[plugin.b]\nlibrary = 'sample'\n"
     "host = 'h'\nroom = '100B'",
     {"config:3:8: plugin.sample.port: 0 is not from 1 to 65535",
      "config:4:8: plugin.sample.wait: 2h is not from 1s to 1h",
      "config:9:8: plugin.b.room: 100B is not from 1KiB to 1GiB"}},
    {"units",
     "[plugin.sample]\nhost = 'h'\nwait = '10'\nroom = '64KB'",
     {"config:3:8: plugin.sample.wait: '10' is not a duration (a number and ns, us, ms, s, m, h, d or w)",
      "config:4:8: plugin.sample.room: '64KB' is not a size (a number, and B, KiB, MiB, GiB or TiB)"}},
    {"overflow",
     "[plugin.sample]\nhost = 'h'\nwait = '99999999999999w'",
     {"config:3:8: plugin.sample.wait: '99999999999999w' is not a duration (a number and ns, us, ms, s, m, "
      "h, d or w)"}},
    {"choices",
     "[plugin.sample]\nhost = 'h'\nmode = 'snyc'",
     {"config:3:8: plugin.sample.mode: 'snyc' is not one of 'os', 'sync' or 'memory' (did you mean "
      "'sync'?)"}},
    {"secret",
     "[plugin.sample]\nhost = 'h'\npassword = 'hunter2'",
     {"config:3:12: plugin.sample.password: the secret is not one of 'open' or 'sesame'"}},
    {"kernel_section",
     "[kernel]\nshrads = 3\nshards = 1000\n[kernel.log]\nlevel = 'loud'",
     {"config:2:1: unknown key kernel.shrads (did you mean 'shards'?)",
      "config:3:10: kernel.shards: 1000 is not from 0 to 256",
      "config:5:9: kernel.log.level: 'loud' is not one of 'error', 'warning', 'info', 'debug' or 'trace'"}},
    {"sections",
     "pluginn = 1\nkernel = 3\n[plug]\n",
     {"config:1:1: unknown section pluginn (did you mean 'plugin'?)",
      "config:2:1: kernel must be a table: [kernel]",
      "config:3:2: unknown section plug (did you mean 'plugin'?)"}},
    {"no_table", "[plugin]\nsample = 3", {"config:2:1: plugin.sample must be a table: [plugin.sample]"}},
    {"bad_name",
     "[plugin.'a b']\n",
     {"config:1:9: 'a b' is no name for an instance: use up to 64 of A-Z a-z 0-9 - _ ."}},
    {"library_type",
     "[plugin.sample]\nlibrary = 3\nhost = 'h'\nservices = 4",
     {"config:2:11: plugin.sample.library: expected a text, found an integer",
      "config:4:12: plugin.sample.services: expected a table such as { \"plexus.store/1\" = \"store\" }"}},
};

INSTANTIATE_TEST_SUITE_P(table, config_errors, testing::ValuesIn(cases),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(config, hands_out_values_and_presets) {
    const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "plexus-config-values";
    probe_world world;
    bool looked = false;
    world.add({.id = "sample", .keys = sample_keys, .init = [&](probe& self) {
                   const auto* values = self.get<plexus_config>(PLEXUS_CONFIG_ID);
                   void* own = values->service.self;
                   std::int64_t number = 0;
                   plexus_view text{};
                   std::uint32_t truth = 0;
                   const plexus_view* list = nullptr;
                   std::uint32_t count = 0;
                   const auto as_string = [](plexus_view view) {
                       return std::string(reinterpret_cast<const char*>(view.data), view.size);
                   };
                   EXPECT_EQ(values->get_integer(own, "port", &number), PLEXUS_OK);
                   EXPECT_EQ(number, 5223);
                   EXPECT_EQ(values->get_integer(own, "wait", &number), PLEXUS_OK);
                   EXPECT_EQ(number, 90'000'000'000);
                   EXPECT_EQ(values->get_integer(own, "room", &number), PLEXUS_OK);
                   EXPECT_EQ(number, 2048);
                   EXPECT_EQ(values->get_text(own, "host", &text), PLEXUS_OK);
                   EXPECT_EQ(as_string(text), "h");
                   EXPECT_EQ(values->get_text(own, "file", &text), PLEXUS_OK);
                   EXPECT_EQ(as_string(text), (folder / "data/db").string());
                   EXPECT_EQ(values->get_list(own, "peers", &list, &count), PLEXUS_OK);
                   EXPECT_EQ(count, 2U);
                   if (count == 2) {
                       EXPECT_EQ(as_string(list[1]), "b");
                   }
                   EXPECT_EQ(values->get_integer(own, "tls.level", &number), PLEXUS_OK);
                   EXPECT_EQ(number, 3);
                   EXPECT_EQ(values->get_boolean(own, "quiet", &truth), PLEXUS_E_NOT_FOUND);
                   EXPECT_EQ(values->get_text(own, "port", &text), PLEXUS_E_INVALID);
                   EXPECT_EQ(values->get_text(own, "nothing", &text), PLEXUS_E_INVALID);
                   looked = true;
                   return PLEXUS_OK;
               }});
    auto loaded =
        plexus_kernel::load({"[plugin.sample]\nhost = 'h'\nwait = '90s'\nroom = '2KiB'\npeers = ['a', 'b']",
                             folder / "plexus.toml"},
                            world.options());
    ASSERT_TRUE(loaded) << loaded.error().message();
    ASSERT_TRUE((*loaded)->start());
    EXPECT_TRUE(looked);
}

TEST(config, is_read_from_a_file) {
    const auto file = std::filesystem::path(testing::TempDir()) / "plexus-config-read.toml";
    std::ofstream(file) << "[kernel]\nshards = 1\n";
    const auto source = kernel::config_source::read(file);
    ASSERT_TRUE(source);
    EXPECT_EQ(source->text, "[kernel]\nshards = 1\n");
    EXPECT_EQ(source->file, file);
    std::ofstream(file, std::ios::trunc);
    EXPECT_TRUE(kernel::config_source::read(file)) << "an empty file is one";

    const auto missing = kernel::config_source::read(file / "none");
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error().message(), HasSubstr("cannot read the configuration"));
    EXPECT_FALSE(kernel::config_source::read(testing::TempDir()));
}

TEST(did_you_mean, knows_swaps_and_keeps_its_distance) {
    EXPECT_EQ(kernel::did_you_mean("strat", {"stop", "start"}), " (did you mean 'start'?)");
    EXPECT_EQ(kernel::did_you_mean("x", {"a", "b"}), "");
    EXPECT_EQ(kernel::did_you_mean("", {"a"}), "");
    EXPECT_EQ(kernel::did_you_mean(std::string(5000, 'a'), {std::string(5000, 'a')}), "");
}

} // namespace
} // namespace plexus::test
