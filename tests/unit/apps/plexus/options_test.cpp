#include "deployment.hpp"
#include "options.hpp"

#include "plexus/kernel/kernel.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

namespace plexus::messenger_app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

result<options> parse(std::vector<std::string> words) {
    words.insert(words.begin(), "plexus");
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    return parse_options(static_cast<int>(arguments.size()), arguments.data());
}

TEST(plexus_options, short_ones_as_in_the_official_app) {
    const auto given = parse(
        {"-d", "/data/ann", "-s", "smp://a@b", "-s", "smp://c@d", "-e", "@bob hi", "-t", "5", "-k", "x y"});
    ASSERT_TRUE(given) << given.error().message();
    EXPECT_EQ(given->folder(), "/data/ann_db");
    EXPECT_EQ(given->socket(), "/data/ann_db/control.sock");
    EXPECT_THAT(given->servers, ElementsAre("smp://a@b", "smp://c@d"));
    EXPECT_EQ(given->command, "@bob hi");
    EXPECT_EQ(given->seconds, 5U);
    EXPECT_EQ(as_text(given->passphrase), "x y");
}

TEST(plexus_options, presets) {
    ::setenv("HOME", "/home/ann", 1);
    ::setenv("PLEXUS_PASSPHRASE", "from outside", 1);
    const auto given = parse({});
    EXPECT_STREQ(std::getenv("PLEXUS_PASSPHRASE"), "************");
    ::unsetenv("PLEXUS_PASSPHRASE");
    ASSERT_TRUE(given) << given.error().message();
    EXPECT_EQ(given->database, "/home/ann/.plexus/plexus");
    EXPECT_EQ(as_text(given->passphrase), "from outside");
    EXPECT_FALSE(given->command.has_value());
}

TEST(plexus_options, a_passphrase_does_not_stay_in_the_list_of_processes) {
    for (const auto& words : std::vector<std::vector<std::string>>{{"plexus", "-d", "secret", "-k", "secret"},
                                                                   {"plexus", "--key=secret"},
                                                                   {"plexus", "-ksecret"}}) {
        auto copies = words;
        std::vector<char*> arguments;
        for (auto& word : copies) arguments.push_back(word.data());
        const auto given = parse_options(static_cast<int>(arguments.size()), arguments.data());
        ASSERT_TRUE(given) << given.error().message();
        EXPECT_EQ(as_text(given->passphrase), "secret");
        EXPECT_THAT(copies.back(), testing::EndsWith("******"));
        EXPECT_EQ(copies.front(), "plexus");
        EXPECT_THAT(deployment(*given), testing::Not(HasSubstr("passphrase")));
    }
}

TEST(plexus_options, a_passphrase_from_a_file) {
    const auto file = std::filesystem::path(testing::TempDir()) / "plexus-key-file";
    const auto read = [&](const std::string& text) {
        std::ofstream(file) << text;
        return parse({"--key-file", file.string()});
    };
    EXPECT_EQ(as_text(read("correct horse\n")->passphrase), "correct horse");
    EXPECT_EQ(as_text(read(" two\nlines\n\n")->passphrase), " two\nlines\n");
    EXPECT_THAT(read("\n").error().message(), HasSubstr("it is empty"));
    EXPECT_THAT(read(std::string(5000, 'x')).error().message(), HasSubstr("longer than"));
    std::filesystem::remove(file);
    EXPECT_THAT(parse({"--key-file", file.string()}).error().message(), HasSubstr("No such file"));
    EXPECT_THAT(parse({"-K", "-k", "x"}).error().message(), HasSubstr("choose one"));
    EXPECT_THAT(parse({"-xk", "x"}).error().message(), HasSubstr("behind -k"));
    EXPECT_TRUE(parse({"-K"})->asks_passphrase);
}

/// The section of the network, a line for each key.
std::string network_of(const std::vector<std::string>& words) {
    const auto given = parse(words);
    EXPECT_TRUE(given) << given.error().message();
    const auto text = deployment(*given);
    const auto checked = kernel::kernel::check({text, {}}, {});
    EXPECT_TRUE(given->tor || checked) << checked.error().message() << "\n" << text;
    return text.substr(text.find("[plugin.network]"),
                       text.find("[plugin.agent]") - text.find("[plugin.network]"));
}

TEST(plexus_options, the_network_as_in_the_official_app) {
    EXPECT_EQ(network_of({}), "[plugin.network]\nwait-for-settings = true\n");
    EXPECT_THAT(network_of({"-x"}), HasSubstr("socks-proxy = \"127.0.0.1:9050\"\n"));
    const auto all =
        network_of({"--socks-proxy", "user:secret@127.0.0.1", "--socks-mode", "onion", "--host-mode", "onion",
                    "--required-host-mode", "--smp-web-port-servers", "off", "--tcp-timeout", "7"});
    for (const auto* line :
         {"socks-proxy = \"user:secret@127.0.0.1\"\n", "socks-mode = \"onion\"\n",
          "host-mode = \"onion-via-socks\"\n", "required-host-mode = \"on\"\n",
          "smp-web-port-servers = \"off\"\n", "\ninteractive-response-timeout = \"7000ms\"\n",
          "\nresponse-timeout = \"21000ms\"\n", "\nproxied-interactive-connect-timeout = \"10500ms\"\n",
          "\nproxied-connect-timeout = \"31500ms\"\n"})
        EXPECT_THAT(all, HasSubstr(line));
    // Credentials that are given share circuits, so .onion hosts are not preferred.
    EXPECT_THAT(network_of({"--socks-proxy", "@:9050"}), HasSubstr("host-mode = \"public\"\n"));
    EXPECT_THAT(network_of({"--smp-web-port"}), HasSubstr("smp-web-port-servers = \"all\"\n"));
    EXPECT_THAT(deployment(*parse({"--tor", "-d", "/data/ann"})),
                HasSubstr("[plugin.transport-tor]\npath = \"/data/ann_db/tor\"\n"));
    EXPECT_THAT(parse({"--tor", "-x"}).error().message(), HasSubstr("choose one"));
    EXPECT_THAT(parse({"--socks-mode", "never"}).error().message(), HasSubstr("always, onion"));
    EXPECT_THAT(parse({"--tcp-timeout", "0"}).error().message(), HasSubstr("1 to 120"));
}

TEST(plexus_options, mistakes_are_named) {
    EXPECT_THAT(parse({"--nonsense"}).error().message(), HasSubstr("--help"));
    EXPECT_THAT(parse({"-t", "5"}).error().message(), HasSubstr("-e"));
    EXPECT_THAT(parse({"-l", "loud"}).error().message(), HasSubstr("warning, info"));
    EXPECT_THAT(parse({"-d", "/data/"}).error().message(), HasSubstr("prefix"));
    EXPECT_THAT(parse({"-t", "5", "hello"}).error().message(), HasSubstr("'hello' is no option"));
    EXPECT_FALSE(parse({"-t", "x", "-e", "/help"}).has_value());
}

TEST(plexus_deployment, is_right_for_the_kernel) {
    auto given = parse({"-d", "/data/a \"b\"\\c\n", "-s", "smp://a\"@b", "-e", "@bob \"hi\" \\ \u00e4\x01",
                        "-t", "0", "-k", "p\"w"});
    ASSERT_TRUE(given) << given.error().message();
    const auto text = deployment(*given);
    EXPECT_THAT(text, HasSubstr("linger = \"86400s\""));
    const auto checked = kernel::kernel::check({text, {}}, {});
    EXPECT_TRUE(checked) << checked.error().message() << "\n" << text;
}

} // namespace
} // namespace plexus::messenger_app
