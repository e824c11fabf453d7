// Reading the configuration again, what an operator's plugin may ask of the kernel, and what a service
// manager hears.
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "plexus/abi/draft/operator.h"
#include "probe_plugin.hpp"

namespace plexus::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using plexus_kernel = kernel::kernel;

std::string text_of(plexus_view view) { return {reinterpret_cast<const char*>(view.data), view.size}; }

/// A kernel whose configuration is what `text` says at that moment.
class reload : public testing::Test {
  protected:
    void load(std::string first) {
        text_ = std::move(first);
        auto options = world_.options();
        options.reread = [this]() -> result<kernel::config_source> { return config(text_); };
        auto loaded = plexus_kernel::load(config(text_), std::move(options));
        ASSERT_TRUE(loaded) << loaded.error().message();
        kernel_ = std::move(loaded).value();
    }
    void add(std::int32_t answer = PLEXUS_OK) {
        world_.add(
            {.id = "one",
             .capabilities = {PLEXUS_CAP_OPERATE},
             .keys = {plexus_key{"size", PLEXUS_KEY_INTEGER, PLEXUS_KEY_RELOADABLE, "1", nullptr, 0, 0, "s"},
                      plexus_key{"port", PLEXUS_KEY_INTEGER, 0, "1", nullptr, 0, 0, "p"}},
             .start =
                 [this](probe& self) {
                     probe_ = &self;
                     return PLEXUS_OK;
                 },
             .reload =
                 [this, answer](probe&, const plexus_config& values) {
                     EXPECT_EQ(values.get_integer(values.service.self, "size", &size_), PLEXUS_OK);
                     return answer;
                 }});
    }

    probe_world world_;
    std::string text_;
    std::unique_ptr<plexus_kernel> kernel_;
    probe* probe_ = nullptr;
    std::int64_t size_ = 0;
};

TEST_F(reload, hands_over_what_can_change_and_names_what_cannot) {
    add();
    load("[plugin.one]");
    ASSERT_TRUE(kernel_->start());
    text_ = "[kernel]\nlog.level = 'debug'\nshards = 7\n[plugin.one]\nsize = 5\nport = 2\n";
    const auto told = kernel_->reload();
    ASSERT_TRUE(told) << told.error().message();
    EXPECT_EQ(size_, 5);
    EXPECT_EQ(*told, "kernel.shards needs a restart\nkernel.log.level is taken over\n"
                     "plugin.one.size is taken over\nplugin.one.port needs a restart\n");
    EXPECT_TRUE(world_.logged("reload: plugin.one.port needs a restart"));
    ASSERT_TRUE(kernel_->reload());
    EXPECT_EQ(*kernel_->reload(), "kernel.shards needs a restart\nplugin.one.port needs a restart\n");
    ASSERT_TRUE(kernel_->stop());
    EXPECT_TRUE(world_.logged("stopping one")); // a debug line
}

TEST_F(reload, changes_nothing_if_the_configuration_is_wrong) {
    add();
    load("[plugin.one]");
    ASSERT_TRUE(kernel_->start());
    text_ = "[kernel]\nlog.level = 'debug'\n[plugin.one]\nsise = 5\n";
    const auto told = kernel_->reload();
    ASSERT_FALSE(told);
    EXPECT_THAT(told.error().message(), HasSubstr("did you mean 'size'"));
    EXPECT_THAT(world_.events(), Not(testing::Contains("reload one")));
    ASSERT_TRUE(kernel_->stop());
    EXPECT_FALSE(world_.logged("stopping one"));
}

TEST_F(reload, says_which_plugin_refused) {
    add(PLEXUS_E_IO);
    load("[plugin.one]");
    ASSERT_TRUE(kernel_->start());
    const auto told = kernel_->reload();
    ASSERT_FALSE(told);
    EXPECT_THAT(told.error().message(),
                HasSubstr("plugin.one failed to reload, and goes on as it was: I/O error"));
    ASSERT_TRUE(kernel_->stop());
}

TEST_F(reload, needs_a_program_that_runs_and_a_file) {
    world_.add({.id = "one"});
    auto loaded = plexus_kernel::load(config("[plugin.one]"), world_.options());
    ASSERT_TRUE(loaded);
    ASSERT_TRUE((*loaded)->start());
    EXPECT_THAT((*loaded)->reload().error().message(), HasSubstr("in no file"));
    load("[plugin.one]");
    EXPECT_THAT(kernel_->reload().error().message(), HasSubstr("starts or stops"));
}

TEST_F(reload, is_what_the_operator_service_does) {
    add();
    load("[plugin.one]");
    ASSERT_TRUE(kernel_->start());
    const auto* table = probe_->get<plexus_operator>(PLEXUS_OPERATOR_ID);
    ASSERT_NE(table, nullptr);
    void* self = table->service.self;
    EXPECT_EQ(table->log_level(self), static_cast<std::uint32_t>(PLEXUS_LOG_INFO));
    EXPECT_EQ(table->set_log_level(self, 9), PLEXUS_E_INVALID);
    EXPECT_EQ(table->set_log_level(self, PLEXUS_LOG_TRACE), PLEXUS_OK);
    EXPECT_EQ(table->log_level(self), static_cast<std::uint32_t>(PLEXUS_LOG_TRACE));

    const auto* metrics = probe_->get<plexus_metrics>(PLEXUS_METRICS_ID);
    plexus_metric* metric = nullptr;
    ASSERT_EQ(metrics->create(metrics->service.self, PLEXUS_METRIC_GAUGE, "things", "", &metric), PLEXUS_OK);
    std::string shown;
    table->metrics(
        self, [](void* out, plexus_view text) { *static_cast<std::string*>(out) = text_of(text); }, &shown);
    EXPECT_THAT(shown, HasSubstr("things{instance=\"one\"} 0"));

    text_ = "[plugin.one]\nsize = 3\n";
    struct answer {
        plexus_kernel* kernel;
        std::atomic<bool> came{false};
        std::int32_t status = -1;
        std::string text{};
    } got{kernel_.get()};
    kernel_->call(0, [&] {
        const plexus_view_completion done{
            [](void* context, std::int32_t status, const plexus_error*, plexus_view text) {
                auto& mine = *static_cast<answer*>(context);
                mine.status = status;
                mine.text = text_of(text);
                mine.came = true;
                mine.kernel->wake();
            },
            &got};
        EXPECT_EQ(table->reload(self, done), PLEXUS_OK);
        EXPECT_FALSE(got.came);
    });
    kernel_->run_until([&] { return got.came.load(); });
    EXPECT_EQ(got.status, PLEXUS_OK);
    EXPECT_EQ(got.text, "plugin.one.size is taken over\n");
    EXPECT_EQ(table->log_level(self), static_cast<std::uint32_t>(PLEXUS_LOG_INFO)); // as the file says
    ASSERT_TRUE(kernel_->stop());
}

/// The other end of sd_notify.
class manager_socket {
  public:
    manager_socket() : descriptor_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string name = "@plexus-reload-test-" + std::to_string(getpid());
        std::memcpy(address.sun_path, name.data(), name.size());
        address.sun_path[0] = '\0';
        EXPECT_EQ(::bind(descriptor_, reinterpret_cast<sockaddr*>(&address),
                         static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())),
                  0);
        ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
    }
    ~manager_socket() {
        ::unsetenv("NOTIFY_SOCKET");
        ::unsetenv("WATCHDOG_USEC");
        ::close(descriptor_);
    }
    manager_socket(const manager_socket&) = delete;
    manager_socket& operator=(const manager_socket&) = delete;

    /// Waits for the next one that begins so; skips the watchdog's unless it is asked for.
    std::string next(const std::string& begin) const {
        char buffer[256];
        while (true) {
            const auto size = ::recv(descriptor_, buffer, sizeof buffer, 0);
            if (size < 0) return {};
            std::string text(buffer, static_cast<std::size_t>(size));
            if (text.rfind(begin, 0) == 0 || text != "WATCHDOG=1") return text;
        }
    }

  private:
    int descriptor_;
};

TEST_F(reload, a_signal_does_it_and_the_service_manager_hears_of_all) {
    manager_socket manager;
    ::setenv("WATCHDOG_USEC", "3000", 1);
    add();
    load("[plugin.one]");
    text_ = "[plugin.one]\nsize = 4\n";
    std::vector<std::string> heard;
    std::thread after_the_reload;
    EXPECT_EQ(kernel_->run([&] {
        heard.push_back(manager.next("READY=1"));
        heard.push_back(manager.next("WATCHDOG=1"));
        heard.push_back(manager.next("WATCHDOG=1")); // every shard answered the first
        ::kill(getpid(), SIGHUP);
        after_the_reload = std::thread([&] {
            heard.push_back(manager.next("RELOADING=1"));
            heard.push_back(manager.next("READY=1"));
            ::kill(getpid(), SIGTERM);
        });
    }),
              0);
    ASSERT_TRUE(after_the_reload.joinable());
    after_the_reload.join(); // a signal orders nothing between two threads
    heard.push_back(manager.next("STOPPING=1"));
    ASSERT_EQ(heard.size(), 6U);
    EXPECT_EQ(heard[0], "READY=1");
    EXPECT_EQ(heard[1], "WATCHDOG=1");
    EXPECT_EQ(heard[2], "WATCHDOG=1");
    EXPECT_THAT(heard[3], HasSubstr("RELOADING=1\nMONOTONIC_USEC="));
    EXPECT_EQ(heard[4], "READY=1");
    EXPECT_EQ(heard[5], "STOPPING=1");
    EXPECT_EQ(size_, 4);
}

} // namespace
} // namespace plexus::test
