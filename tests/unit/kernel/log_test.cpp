#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "probe_plugin.hpp"

namespace plexus::test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using plexus_kernel = kernel::kernel;

plexus_view view(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Starts an instance that writes one line on shard 0, and gives what was logged.
std::vector<std::string> log_once(const std::string& settings, std::string_view message,
                                  std::vector<std::pair<std::string, std::string>> fields = {},
                                  std::uint32_t level = PLEXUS_LOG_INFO) {
    probe_world world;
    world.add({.id = "talker", .start = [&](probe& self) {
                   const auto* log = self.get<plexus_log>(PLEXUS_LOG_ID);
                   std::vector<plexus_log_field> raw;
                   for (const auto& [key, value] : fields) raw.push_back({view(key), view(value)});
                   log->write(log->service.self, level, view(message), raw.data(),
                              static_cast<std::uint32_t>(raw.size()));
                   return PLEXUS_OK;
               }});
    {
        auto loaded =
            plexus_kernel::load(config("[kernel]\n" + settings + "\n[plugin.talker]"), world.options());
        EXPECT_TRUE(loaded) << loaded.error().message();
        if (loaded) {
            EXPECT_TRUE((*loaded)->start());
        }
    }
    std::vector<std::string> out;
    for (const std::string& line : world.log_lines())
        if (line.find("talker") != std::string::npos) out.push_back(line);
    return out;
}

std::string after_time(const std::vector<std::string>& lines) {
    EXPECT_EQ(lines.size(), 1U);
    return lines.empty() ? "" : lines.front().substr(lines.front().find(' ') + 1);
}

TEST(log, a_text_line_has_time_level_instance_and_shard) {
    const auto lines = log_once("", "hello", {{"queue", "7"}, {"who", "ann b"}});
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_THAT(lines.front(),
                MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z info "
                             "talker\\[0\\]: hello queue=7 who=\"ann b\""));
}

TEST(log, keeps_to_one_line_and_disarms_control_characters) {
    EXPECT_EQ(after_time(log_once("", "a\nb\x1b[31m \"q\" \xff \xc2\x9b \xc3\xa9", {{"k", "x\"y"}})),
              "info talker[0]: a\\nb\\x1b[31m \"q\" \\xff \\xc2\\x9b \xc3\xa9 k=\"x\\\"y\"");
}

TEST(log, writes_json) {
    const auto lines = log_once("log.format = 'json'", "a\"b\\\n\x01\xff", {{"k", "v"}}, PLEXUS_LOG_ERROR);
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_THAT(lines.front(), testing::StartsWith("{\"time\":\""));
    EXPECT_THAT(lines.front(),
                testing::EndsWith("Z\",\"level\":\"error\",\"instance\":\"talker\",\"shard\":0,\"message\":"
                                  "\"a\\\"b\\\\\\n\\u0001\\ufffd\",\"fields\":{\"k\":\"v\"}}"));
}

TEST(log, keeps_to_its_level) {
    EXPECT_TRUE(log_once("log.level = 'warning'", "quiet").empty());
    EXPECT_EQ(log_once("log.level = 'warning'", "loud", {}, PLEXUS_LOG_WARNING).size(), 1U);
    EXPECT_TRUE(log_once("", "detail", {}, PLEXUS_LOG_DEBUG).empty());
}

TEST(log, goes_to_a_file_when_one_is_named) {
    const auto file = std::filesystem::path(testing::TempDir()) / "plexus-log-test.log";
    std::filesystem::remove(file);
    probe_world world;
    world.add({.id = "talker", .start = [](probe& self) {
                   const auto* log = self.get<plexus_log>(PLEXUS_LOG_ID);
                   log->write(log->service.self, PLEXUS_LOG_INFO, view("into the file"), nullptr, 0);
                   return PLEXUS_OK;
               }});
    auto options = world.options();
    options.log = nullptr;
    {
        auto loaded = plexus_kernel::load(
            config("[kernel]\nlog.file = '" + file.string() + "'\n[plugin.talker]"), std::move(options));
        ASSERT_TRUE(loaded) << loaded.error().message();
        ASSERT_TRUE((*loaded)->start());
    }
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    EXPECT_THAT(text.str(), HasSubstr("talker[0]: into the file\n"));
    const auto mode = std::filesystem::status(file).permissions();
    EXPECT_EQ(mode & std::filesystem::perms::others_all, std::filesystem::perms::none);
}

TEST(log, says_why_a_file_cannot_be_opened) {
    probe_world world;
    auto options = world.options();
    options.log = nullptr;
    const auto loaded =
        plexus_kernel::load(config("[kernel]\nlog.file = '/nowhere/x.log'"), std::move(options));
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().message(), "cannot open the log file /nowhere/x.log: No such file or directory");
}

} // namespace
} // namespace plexus::test
