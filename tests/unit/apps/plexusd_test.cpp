// plexusd as its users meet it: words in, text and exit code out.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

namespace plexus::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
namespace fs = std::filesystem;

/// A running plexusd.
class program {
  public:
    explicit program(std::vector<std::string> words) {
        int out[2], err[2];
        EXPECT_EQ(pipe2(out, O_CLOEXEC), 0);
        EXPECT_EQ(pipe2(err, O_CLOEXEC), 0);
        words.insert(words.begin(), PLEXUSD);
        std::vector<char*> arguments;
        for (std::string& word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        process_ = fork();
        if (process_ == 0) {
            dup2(out[1], STDOUT_FILENO);
            dup2(err[1], STDERR_FILENO);
            execv(PLEXUSD, arguments.data());
            _exit(127);
        }
        close(out[1]);
        close(err[1]);
        out_ = out[0];
        err_ = err[0];
    }
    ~program() {
        if (process_ > 0) {
            kill(process_, SIGKILL);
            waitpid(process_, nullptr, 0);
        }
        close(out_);
        close(err_);
    }
    program(const program&) = delete;
    program& operator=(const program&) = delete;

    void signal(int number) const { kill(process_, number); }

    /// Reads until `part` was written to standard error.
    void wait_for(const std::string& part) {
        while (error.find(part) == std::string::npos)
            if (!read_some()) return;
    }
    int finish() {
        while (read_some()) continue;
        int status = 0;
        waitpid(process_, &status, 0);
        process_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }

    std::string output;
    std::string error;

  private:
    bool read_some() {
        pollfd watched[2] = {{out_ends_ ? -1 : out_, POLLIN, 0}, {err_ends_ ? -1 : err_, POLLIN, 0}};
        if (out_ends_ && err_ends_) return false;
        if (poll(watched, 2, -1) < 0) return false;
        if (watched[0].revents != 0) out_ends_ = !take(out_, output);
        if (watched[1].revents != 0) err_ends_ = !take(err_, error);
        return true;
    }
    static bool take(int from, std::string& to) {
        char buffer[4096];
        const ssize_t count = read(from, buffer, sizeof buffer);
        if (count > 0) to.append(buffer, static_cast<std::size_t>(count));
        return count > 0;
    }

    pid_t process_ = -1;
    int out_ = -1;
    int err_ = -1;
    bool out_ends_ = false;
    bool err_ends_ = false;
};

struct outcome {
    int code;
    std::string output;
    std::string error;
};

outcome run(std::vector<std::string> words) {
    program one(std::move(words));
    const int code = one.finish();
    return {code, one.output, one.error};
}

const std::string app_plugins = std::string("--plugins=") + APP_PLUGINS;
const std::string kernel_plugins = std::string("--plugins=") + KERNEL_PLUGINS;

/// A folder with a plexus.toml.
class deployment {
  public:
    explicit deployment(const std::string& text)
        : folder_(fs::path(testing::TempDir()) / ("plexusd-test-" + std::to_string(getpid()))) {
        fs::create_directories(folder_);
        std::ofstream(folder_ / "plexus.toml") << text;
    }
    ~deployment() { fs::remove_all(folder_); }
    deployment(const deployment&) = delete;
    deployment& operator=(const deployment&) = delete;

    std::string folder() const { return folder_.string(); }
    std::string file() const { return (folder_ / "plexus.toml").string(); }

  private:
    fs::path folder_;
};

TEST(plexusd, shows_version_and_help) {
    EXPECT_THAT(run({"--version"}).output, StartsWith("plexusd 0."));
    const outcome help = run({app_plugins, "--help"});
    EXPECT_EQ(help.code, 0);
    for (const char* part : {"start DIR|FILE.toml", "plugin list|inspect|check|why", "config check FILE.toml",
                             "greet NAME...", "Say hello (greeter)", "--plugins"})
        EXPECT_THAT(help.output, HasSubstr(part));
    EXPECT_EQ(run({}).code, 2);
    EXPECT_THAT(run({"start", "--help"}).output, StartsWith("plexusd start DIR|FILE.toml\n"));
}

TEST(plexusd, suggests_the_nearest_command_and_option) {
    const outcome command = run({app_plugins, "gret"});
    EXPECT_EQ(command.code, 2);
    EXPECT_EQ(command.error, "plexusd: there is no command 'gret' (did you mean 'greet'?)\n"
                             "plexusd: see plexusd --help\n");
    EXPECT_THAT(run({"strat"}).error, HasSubstr("did you mean 'start'?"));
    EXPECT_THAT(run({"--versoin"}).error, HasSubstr("did you mean '--version'?"));
    EXPECT_THAT(run({"plugin", "lst"}).error, HasSubstr("did you mean 'list'?"));
    EXPECT_EQ(run({"plugin", "inspect"}).code, 2);
    EXPECT_EQ(run({"config", "check"}).code, 2);
    EXPECT_EQ(run({"start", "a", "b"}).code, 2);
    EXPECT_EQ(run({"start", "--fast", "a"}).code, 2);
}

TEST(plexusd, lists_inspects_and_checks_plugins) {
    const outcome listed = run({app_plugins, "plugin", "list"});
    EXPECT_THAT(listed.output, HasSubstr("greeter 1.0.0: Greets\n"));
    const outcome inspected = run({app_plugins, "plugin", "inspect", "greeter"});
    EXPECT_EQ(inspected.code, 0);
    EXPECT_THAT(inspected.output, HasSubstr("provides: plexus.command/1\n"));
    EXPECT_THAT(inspected.output, HasSubstr("greet NAME...: Say hello\n"));
    EXPECT_EQ(run({app_plugins, "plugin", "inspect", "greter"}).code, 1);

    const outcome good = run({"plugin", "check", std::string(KERNEL_PLUGINS) + "/good.so"});
    EXPECT_EQ(good.code, 0);
    EXPECT_THAT(good.output, EndsWith("good.so: good 1.0.0 can be loaded\n"));
    const outcome bad = run({"plugin", "check", std::string(KERNEL_PLUGINS) + "/no-entry.so"});
    EXPECT_EQ(bad.code, 1);
    EXPECT_THAT(bad.error, HasSubstr("is refused: it has no symbol plexus_plugin_entry"));
}

TEST(plexusd, explains_and_checks_a_configuration) {
    const deployment right("[plugin.echo-user]\n[plugin.good]\n");
    const outcome checked = run({kernel_plugins, "config", "check", right.file()});
    EXPECT_EQ(checked.code, 0) << checked.error;
    const outcome why = run({kernel_plugins, "plugin", "why", right.folder()});
    EXPECT_EQ(why.code, 0);
    EXPECT_EQ(why.output,
              "good\n  provides test.echo/1\necho-user\n  requires test.echo/1 of good, the only provider\n");

    std::ofstream(right.file()) << "[plugin.echo-user]\nspeed = 3\n";
    const outcome wrong = run({kernel_plugins, "config", "check", right.folder()});
    EXPECT_EQ(wrong.code, 1);
    EXPECT_THAT(wrong.error, HasSubstr("plexus.toml:2:1: unknown key plugin.echo-user.speed\n"));
    EXPECT_THAT(wrong.error, HasSubstr("plexus.toml:1:9: plugin.echo-user requires test.echo/1"));
    EXPECT_EQ(run({"config", "check", right.folder() + "/none.toml"}).code, 1);
}

TEST(plexusd, runs_until_a_signal_in_order) {
    const deployment right("[kernel]\nlog.level = 'debug'\n[plugin.echo-user]\n[plugin.good]\n");
    for (const int number : {SIGINT, SIGTERM}) {
        program running({kernel_plugins, "start", right.folder()});
        running.wait_for("started echo-user");
        running.signal(SIGHUP);
        running.signal(number);
        EXPECT_EQ(running.finish(), 0) << running.error;
        EXPECT_THAT(running.error, HasSubstr("stopped echo-user"));
        EXPECT_THAT(running.error, EndsWith("stopped good\n"));
    }
}

TEST(plexusd, a_second_signal_ends_it_at_once) {
    const deployment stuck("[kernel]\nlog.level = 'debug'\n[plugin.stuck]\n");
    program running({kernel_plugins, "start", stuck.folder()});
    running.wait_for("started stuck");
    running.signal(SIGTERM);
    running.wait_for("stopping stuck");
    running.signal(SIGINT);
    EXPECT_EQ(running.finish(), 128 + SIGINT);
}

TEST(plexusd, says_why_it_cannot_start) {
    const deployment wrong("[plugin.greeter]\n");
    const outcome failed = run({app_plugins, "start", wrong.folder()});
    EXPECT_EQ(failed.code, 1);
    EXPECT_THAT(failed.error, HasSubstr("plugin.greeter failed to initialise: internal error"));
}

TEST(plexusd, runs_commands_of_plugins) {
    const outcome plain = run({app_plugins, "greet", "--times", "2", "ann"});
    EXPECT_EQ(plain.code, 0) << plain.error;
    EXPECT_EQ(plain.output, "hello ann times=2 wait=1000000000\n");
    const outcome full = run({app_plugins, "greet", "ann", "--title=dr", "--loud", "--word", "goodbye",
                              "--wait=2ms", "--title", "prof", "bob", "--times=9"});
    EXPECT_EQ(full.code, 0) << full.error;
    EXPECT_EQ(full.output, "goodbye dr prof ann bob! times=9 wait=2000000\n");
    const outcome help = run({app_plugins, "greet", "--help"});
    EXPECT_EQ(help.code, 0);
    EXPECT_THAT(help.output, StartsWith("plexusd greet [OPTIONS] NAME...\nSay hello\n"));
    EXPECT_THAT(help.output, HasSubstr("--times"));
    EXPECT_EQ(run({app_plugins, "seven"}).code, 7);
    EXPECT_EQ(run({app_plugins, "seven"}).error, "seven it is\n");
    const outcome failed = run({app_plugins, "fail"});
    EXPECT_EQ(failed.code, 1);
    EXPECT_EQ(failed.error, "plexusd: fail: nobody is there\n");
}

TEST(plexusd, checks_options_by_their_schema) {
    const outcome wrong = run({app_plugins, "greet", "--times", "10", "--word=helo"});
    EXPECT_EQ(wrong.code, 2);
    EXPECT_EQ(wrong.output, "");
    EXPECT_EQ(wrong.error, "plexusd: --times: 10 is not from 1 to 9\n"
                           "--word: 'helo' is not one of 'hello' or 'goodbye' (did you mean 'hello'?)\n"
                           "greet takes 1 to 3 arguments (NAME...), and 0 were given\n"
                           "plexusd: see plexusd greet --help\n");
    EXPECT_THAT(run({app_plugins, "greet", "x"}).error, HasSubstr("--times is required"));
    const outcome unknown = run({app_plugins, "greet", "--tims=3", "x"});
    EXPECT_EQ(unknown.code, 2);
    EXPECT_THAT(unknown.error, HasSubstr("did you mean '--times'?"));
}

TEST(plexusd, keeps_colours_out_of_pipes) { EXPECT_THAT(run({"strat"}).error, Not(HasSubstr("\x1b"))); }

} // namespace
} // namespace plexus::test
