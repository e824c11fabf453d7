#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "plexus/kernel/library.hpp"
#include "probe_plugin.hpp"

namespace plexus::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using plexus_kernel = kernel::kernel;
namespace fs = std::filesystem;

const fs::path plugins = TEST_PLUGINS;

struct refusal_case {
    const char* name;
    const char* file;
    std::vector<const char*> reasons; ///< a line each
};

class refusals : public testing::TestWithParam<refusal_case> {};

TEST_P(refusals, name_the_plugin_and_the_reason) {
    const fs::path file = plugins / (std::string(GetParam().file) + ".so");
    const auto opened = kernel::open_library(file);
    ASSERT_FALSE(opened);
    EXPECT_TRUE(opened.error().is(kernel::kernel_error::plugin));
    std::string expected;
    for (const char* reason : GetParam().reasons)
        expected += (expected.empty() ? "" : "\n") + ("plugin " + file.string() + " is refused: " + reason);
    EXPECT_EQ(opened.error().message(), expected);
}

const refusal_case cases[] = {
    {"no_symbol", "no-entry", {"it has no symbol plexus_plugin_entry, so it is no plugin"}},
    {"null_entry", "null-entry", {"its plexus_plugin_entry answers null"}},
    {"abi_major",
     "old-major",
     {"it was built for ABI 7.1, this program has ABI 0.1: the major numbers must be equal"}},
    {"least_minor", "new-minor", {"it needs at least ABI 0.99, this program has ABI 0.1"}},
    {"short_descriptor", "short-descriptor", {"its descriptor of 40 bytes is too short"}},
    {"no_create", "no-create", {"it has no create function"}},
    {"capability",
     "odd-capability",
     {"it asks for the unknown capability 'net.outbond' (did you mean 'net.outbound'?)"}},
    {"kernel_service",
     "takes-kernels",
     {"it provides 'nonsense', which is no service id such as plexus.store/1",
      "it provides plexus.log/1, which is the kernel's own"}},
    {"undeclared",
     "undeclared",
     {"it requires plexus.resolver/1 without declaring the capability net.outbound"}},
    {"keys",
     "bad-keys",
     {"the key 'library' is reserved for the kernel", "the key 'Limit' is not kebab-case",
      "the preset of the key 'wait' is wrong: '10' is not a duration (a number and ns, us, ms, s, m, h, d or "
      "w)",
      "the key 'odd' has the unknown type 99"}},
    {"kernel_link",
     "links-kernel",
     {"it is linked with the kernel (libplexus.so.0): a plugin asks the host for services"}},
    {"plugin_link",
     "links-plugin",
     {"it is linked with another plugin (good.so): a plugin asks the host for services"}},
    {"missing_file", "nowhere", {"cannot read the file: No such file or directory"}},
};

INSTANTIATE_TEST_SUITE_P(table, refusals, testing::ValuesIn(cases),
                         [](const auto& one) { return std::string(one.param.name); });

/// A folder with a copy of a good plugin.
class trust : public testing::Test {
  protected:
    void SetUp() override {
        folder_ = fs::path(testing::TempDir()) / ("plexus-trust-" + std::to_string(getpid()));
        fs::remove_all(folder_);
        fs::create_directories(folder_);
        file_ = folder_ / "good.so";
        fs::copy_file(plugins / "good.so", file_);
        chmod(folder_.c_str(), 0755);
        chmod(file_.c_str(), 0644);
    }
    void TearDown() override { fs::remove_all(folder_); }

    fs::path folder_;
    fs::path file_;
};

TEST_F(trust, takes_a_sound_file) {
    const auto opened = kernel::open_library(file_);
    ASSERT_TRUE(opened) << opened.error().message();
    EXPECT_EQ(opened->name, "good");
    EXPECT_STREQ(opened->descriptor->id, "good");
    const std::string text = kernel::describe(*opened);
    EXPECT_THAT(text, StartsWith("good 1.0.0: A plugin of the tests\n"));
    EXPECT_THAT(text, HasSubstr("provides: test.echo/1\n"));
    EXPECT_THAT(text, HasSubstr("capabilities: none\n"));
}

TEST_F(trust, refuses_what_everybody_can_write) {
    chmod(file_.c_str(), 0646);
    auto opened = kernel::open_library(file_);
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().message(), HasSubstr("the file is world-writable: run chmod o-w"));
    chmod(file_.c_str(), 0644);
    chmod(folder_.c_str(), 0777);
    opened = kernel::open_library(file_);
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().message(), HasSubstr("the folder is world-writable: run chmod o-w"));
}

TEST_F(trust, a_link_into_an_open_folder_does_not_help) {
    const fs::path open_folder = folder_ / "open";
    fs::create_directory(open_folder);
    fs::rename(file_, open_folder / "good.so");
    chmod(open_folder.c_str(), 0777);
    fs::create_symlink(open_folder / "good.so", file_);
    EXPECT_FALSE(kernel::open_library(file_));
}

TEST_F(trust, refuses_what_belongs_to_somebody_else) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
    ASSERT_EQ(chown(file_.c_str(), 4711, 4711), 0);
    auto opened = kernel::open_library(file_);
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().message(), HasSubstr("belongs to user 4711, neither to root nor to the user"));
    ASSERT_EQ(chown(file_.c_str(), 0, 0), 0);
    ASSERT_EQ(chown(folder_.c_str(), 4711, 4711), 0);
    EXPECT_FALSE(kernel::open_library(file_));
}

TEST_F(trust, says_what_the_loader_of_the_system_says) {
    const fs::path broken = folder_ / "broken.so";
    std::ofstream(broken) << "no library\n";
    const auto opened = kernel::open_library(broken);
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().message(), HasSubstr("is refused: cannot load it: "));
    EXPECT_THAT(opened.error().message(), HasSubstr("file too short"));
}

std::string check(const std::string& text) {
    kernel::kernel_options options;
    options.plugin_folders = {plugins};
    const auto checked = plexus_kernel::check(config(text), options);
    return checked ? "" : checked.error().message();
}

TEST(files, plugins_start_and_stop) {
    kernel::kernel_options options;
    options.plugin_folders = {plugins};
    options.log = [](std::string_view) {};
    auto loaded = plexus_kernel::load(config("[plugin.echo-user]\n[plugin.good]"), std::move(options));
    ASSERT_TRUE(loaded) << loaded.error().message();
    ASSERT_TRUE((*loaded)->start());
    EXPECT_NE((*loaded)->service("good", "test.echo/1"), nullptr);
    EXPECT_TRUE((*loaded)->stop());
}

TEST(files, two_plugins_with_one_id_are_refused) {
    EXPECT_EQ(check("[plugin.good]\n[plugin.same-id]"),
              "config:2:9: two plugins have the id 'good': " + (plugins / "good.so").string() + " and " +
                  (plugins / "same-id.so").string() + "; keep one of them");
    EXPECT_EQ(check("[plugin.good]\n[plugin.twice]\nlibrary = 'good'"), "")
        << "one plugin may have two instances";
}

TEST(files, two_providers_missing_services_and_cycles_are_refused) {
    EXPECT_THAT(
        check("[plugin.good]\n[plugin.echo-other]\n[plugin.echo-user]"),
        HasSubstr("plugin.echo-user: 2 instances provide test.echo/1 ('good', 'echo-other'): choose one"));
    EXPECT_EQ(
        check(
            "[plugin.good]\n[plugin.echo-other]\n[plugin.echo-user]\nservices = { 'test.echo/1' = 'good' }"),
        "");
    const std::string missing = check("[plugin.wants-two]");
    EXPECT_THAT(missing, HasSubstr("plugin.wants-two requires test.echo/1"));
    EXPECT_THAT(missing, HasSubstr("plugin.wants-two requires test.missing/1"));
    EXPECT_THAT(
        check("[plugin.cycle-a]\n[plugin.cycle-b]\n[plugin.cycle-c]"),
        HasSubstr("cycle: cycle-a requires test.b/1 of cycle-b, which requires test.c/1 of cycle-c, which "
                  "requires test.a/1 of cycle-a"));
}

TEST(files, every_refusal_is_reported_with_its_place) {
    const std::string text = check("[plugin.old-major]\n[plugin.goood]\n[plugin.no-entry]");
    EXPECT_THAT(
        text, HasSubstr("config:1:9: plugin " + (plugins / "old-major.so").string() + " is refused: it was"));
    EXPECT_THAT(text, HasSubstr("config:2:9: there is no plugin 'goood' in "));
    EXPECT_THAT(text, HasSubstr("(did you mean 'good'?)"));
    EXPECT_THAT(
        text, HasSubstr("config:3:9: plugin " + (plugins / "no-entry.so").string() + " is refused: it has"));
}

TEST(files, a_library_is_a_name_not_a_path) {
    EXPECT_THAT(check("[plugin.x]\nlibrary = '../kernel-plugins/good'"), HasSubstr("there is no plugin"));
}

TEST(files, the_configuration_adds_folders) {
    const auto checked =
        plexus_kernel::check(config("[kernel]\nplugins = ['" + plugins.string() + "']\n[plugin.good]"), {});
    EXPECT_TRUE(checked) << checked.error().message();
}

} // namespace
} // namespace plexus::test
