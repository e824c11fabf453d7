// plexus-validate on a good plugin, on plugins that break one rule each, and its command line.
#include <gmock/gmock.h>

#include <array>
#include <boost/json.hpp>
#include <cstdio>
#include <string>
#include <sys/wait.h>

namespace plexus {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct ended {
    int code = -1;
    std::string text;
};

ended validate(const std::string& arguments) {
    ended out;
    FILE* pipe = ::popen((PLEXUS_VALIDATE " " + arguments + " 2>&1").c_str(), "r");
    std::array<char, 4096> part{};
    while (const std::size_t size = std::fread(part.data(), 1, part.size(), pipe))
        out.text.append(part.data(), size);
    const int status = ::pclose(pipe);
    out.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return out;
}

std::string broken(const std::string& rule) { return std::string(BROKEN_PLUGINS) + "/" + rule + ".so"; }

TEST(validate, passes_a_good_plugin) {
    const auto out = validate(broken("GOOD"));
    EXPECT_EQ(out.code, 0) << out.text;
    EXPECT_THAT(out.text, AllOf(HasSubstr("com.example.broken 1.0.0"), HasSubstr(" 0 failed, 0 skipped")));
}

struct rule {
    const char* name;
    const char* check; ///< the one that fails
    const char* sentence;
};

class validate_rule : public ::testing::TestWithParam<rule> {};

TEST_P(validate_rule, is_named) {
    const std::string name = GetParam().name;
    const auto patience = name == "INIT_HANGS" ? "3 " : "120 ";
    const auto out = validate(std::string("--json --timeout ") + patience + broken(name));
    EXPECT_EQ(out.code, 1) << out.text;
    const auto report = boost::json::parse(out.text);
    bool failed = false;
    for (const auto& one : report.at("checks").as_array()) {
        if (one.at("name").as_string() != GetParam().check) continue;
        failed = one.at("outcome").as_string() == "failed";
        EXPECT_THAT(std::string(one.at("text").as_string()), HasSubstr(GetParam().sentence));
    }
    EXPECT_TRUE(failed) << out.text;
}

constexpr rule rules[] = {
    {"NO_ENTRY", "file", "it has no symbol plexus_plugin_entry"},
    {"NO_ENTRY", "exports", "does not export plexus_plugin_entry"},
    {"WRONG_MAJOR", "file", "the major numbers must be equal"},
    {"NEEDS_A_LATER_MINOR", "file", "it needs at least ABI"},
    {"EXPORTS_MORE", "exports", "another_symbol"},
    {"ENTRY_CHANGES", "entry", "another pointer"},
    {"KEY_WITHOUT_DOC", "texts", "the key 'word' has no doc"},
    {"KEY_WITH_A_BAD_DEFAULT", "file", "count"},
    {"CREATE_CALLS_THE_HOST", "create", "create asks the host for plexus.log/1"},
    {"CREATE_STARTS_A_THREAD", "create", "create starts threads"},
    {"CREATE_CRASHES", "create", "signal 11"},
    {"LACKS_STOP", "create", "a function of the instance's table is null"},
    {"LACKS_ITS_SERVICE", "services", "get_service answers null"},
    {"ANSWERS_ANY_SERVICE", "services", "a service that it does not provide"},
    {"INIT_FAILS", "life", "init"},
    {"INIT_HANGS", "life", "did not end within 3 s"},
    {"STOP_LEAVES_A_TIMER", "life", "leaves behind"},
};
INSTANTIATE_TEST_SUITE_P(rules, validate_rule, ::testing::ValuesIn(rules), [](const auto& given) {
    return std::string(given.param.name) + "_" + given.param.check;
});
void PrintTo(const rule& one, std::ostream* out) { *out << one.name; }

TEST(validate, skips_what_it_cannot_run) {
    const auto out = validate(broken("REQUIRES_MORE"));
    EXPECT_EQ(out.code, 0) << out.text;
    EXPECT_THAT(out.text, AllOf(HasSubstr("com.example.absent/1"),
                                HasSubstr("give --set, --with or --config"), HasSubstr("2 skipped")));
}

TEST(validate, runs_the_suite_of_a_transport) {
    const std::string carrier = std::string(PLEXUS_PLUGINS) + "/transport-socks.so";
    const auto out =
        validate("--suite transport --only transport.raw.stream. --set 'proxy=\"{socks}\"' " + carrier);
    EXPECT_EQ(out.code, 0) << out.text;
    EXPECT_THAT(out.text, HasSubstr("transport.raw.stream.large"));
    EXPECT_EQ(validate("--suite transport --only connect.completes " + broken("GOOD")).code, 1)
        << "that is no transport";
    // A proxy that is not there reaches nobody.
    const auto nowhere =
        validate("--suite transport --only raw.connect.completes --set 'proxy=\"unix:/none\"' " + carrier);
    EXPECT_EQ(nowhere.code, 1) << nowhere.text;
}

TEST(validate, runs_the_suite_of_a_store) {
    const std::string store = std::string(PLEXUS_PLUGINS) + "/store-memory.so";
    const auto out = validate("--suite store --only store. --bound 'capacity=\"4MiB\"' " + store);
    EXPECT_EQ(out.code, 0) << out.text;
    EXPECT_THAT(out.text, AllOf(HasSubstr("store.full_recovers"), Not(HasSubstr("texts"))));
    EXPECT_EQ(validate("--suite store --only store.puts " + broken("GOOD")).code, 1) << "that is no store";
}

TEST(validate, says_how_it_is_used) {
    EXPECT_EQ(validate("--help").code, 0);
    EXPECT_THAT(validate("--list").text, HasSubstr("store.inserts"));
    EXPECT_EQ(validate("").code, 2);
    EXPECT_EQ(validate("--no-such-option x.so").code, 2);
    EXPECT_EQ(validate("--suite nothing " + broken("GOOD")).code, 2);
    const auto absent = validate("/no/such/file.so");
    EXPECT_EQ(absent.code, 2);
    EXPECT_THAT(absent.text, HasSubstr("/no/such/file.so"));
    const auto text = validate("/etc/hostname");
    EXPECT_EQ(text.code, 1);
    EXPECT_THAT(text.text, AllOf(HasSubstr("cannot load it"), HasSubstr("refused")));
}

} // namespace
} // namespace plexus
