// The kernel: from one TOML file it loads plugins, wires their services, and starts and stops them in order.
// Used by the programs and by tests, in process.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plexus/abi/host.h"
#include "plexus/abi/plugin.h"
#include "plexus/kernel/export.hpp"
#include "plexus/kernel/loop_backend.hpp"
#include "plexus/result.hpp"
#include "plexus/secret.hpp"

namespace plexus::kernel {

enum class kernel_error {
    config = 1,  ///< the TOML; the message has a line "FILE:LINE:COLUMN: ..." for every mistake
    plugin = 2,  ///< a plugin was refused; a line for each reason
    graph = 3,   ///< services: missing, ambiguous, in a cycle; a line for each
    failed = 4,  ///< an instance's create, init, start or stop failed
    io = 5,      ///< a file cannot be read
    command = 6, ///< no such command, or its options are wrong
};
PLEXUS_KERNEL_API const char* error_domain(kernel_error);

/// A configuration: its text, and the file that messages name and relative paths are taken from.
struct PLEXUS_KERNEL_API config_source {
    std::string text;
    std::filesystem::path file; ///< empty: "config", and the current folder

    static result<config_source> read(const std::filesystem::path& file);
};

/// A secret that stands in no configuration, such as a passphrase that somebody typed.
struct PLEXUS_KERNEL_API given_secret {
    std::string instance; ///< without "plugin."
    std::string key;
    secret_bytes value;
};

struct kernel_options {
    std::string program = "plexus"; ///< name and version, shown to plugins
    /// Searched after those that the configuration names. Empty: ../lib/plexus/plugins beside the program.
    std::vector<std::filesystem::path> plugin_folders;
    /// Plugins that are part of the program (tests); `library` names one by its descriptor's id.
    std::vector<const plexus_descriptor*> built_in;
    /// Receives log lines (without the newline), one at a time, on any thread. None: standard error or
    /// log.file.
    std::function<void(std::string_view line)> log;
    /// Instances to run, and what they require; the rest of the configuration is checked and left out. Empty:
    /// all.
    std::vector<std::string> only;
    /// Values of keys of type text that are secret, instead of those in the configuration. Plugins can read
    /// them until everything is started; then they are wiped.
    std::vector<given_secret> secrets;
    /// Lines below this level (PLEXUS_LOG_*) are left out, whatever the configuration says; 0: as it says.
    std::uint32_t log_least = 0;
    /// Reads the configuration again, for SIGHUP and plexus.operator/0. None: it cannot change.
    std::function<result<config_source>()> reread;
    /// None: Boost.Asio, with as many shards as the configuration says. One given is started by start().
    std::unique_ptr<loop_backend> backend;
};

/// The graph of a configuration for people: who is wired to whom and why. Or what is wrong (as load).
PLEXUS_KERNEL_API result<std::string> explain(const config_source& config, const kernel_options& options);

class PLEXUS_KERNEL_API kernel {
  public:
    /// Checks the whole configuration, loads the plugins, sorts the graph and creates every instance. Nothing
    /// is created unless everything is right. [loader: the calling thread from now on]
    static result<std::unique_ptr<kernel>> load(const config_source& config, kernel_options options = {});
    /// The same without creating anything: load's errors.
    static result<void> check(const config_source& config, const kernel_options& options);

    /// Stops what runs, then destroys the instances.
    ~kernel();
    kernel(const kernel&) = delete;
    kernel& operator=(const kernel&) = delete;

    /// Initialises, then starts every instance in the order of the graph; after a failure those that started
    /// are stopped again. [loader]
    result<void> start();
    /// The reverse, in the reverse order. Names instances that leave work behind. [loader]
    result<void> stop();
    /// Reads the configuration again, checks it whole, and lets every started instance take what can change.
    /// Answers what changed and what waits for a restart, a line each (also logged); after an error
    /// everything is as it was. [loader]
    result<std::string> reload();
    /// start, then until request_stop, SIGINT or SIGTERM (a second one ends the process at once), then stop.
    /// SIGHUP calls reload, SIGPIPE is ignored; a service manager is told (sd_notify). The exit code of
    /// request_stop, or 1 if start or stop failed (logged). `started` is called once everything is up,
    /// `refused` with the name of the instance whose start ended with PLEXUS_E_DENIED: true if nothing is to
    /// be logged. [loader]
    int run(const std::function<void()>& started = {},
            const std::function<bool(std::string_view instance)>& refused = {});

    /// The same as start and stop in steps on the loader, for the simulation; `done` is called there, also
    /// inside the call. One at a time.
    void begin_start(std::function<void(result<void>)> done);
    void begin_stop(std::function<void(result<void>)> done);

    /// Ends run(); the first call's exit code counts. [any-thread]
    void request_stop(int exit_code);
    bool stop_requested() const noexcept;
    int exit_code() const noexcept;

    /// The table of a service that an instance provides, or null. [any-thread]
    const plexus_service* service(std::string_view instance, std::string_view id) const;
    /// Instances in the order in which they start.
    std::vector<std::string> instances() const;

    /// Runs `step` on a shard, as a callback of no plugin. False: it no longer runs. [any-thread]
    bool post(std::uint32_t shard, std::function<void()> step);
    /// post, and waits until it ran (in the simulation: runs everything until then). [loader]
    void call(std::uint32_t shard, const std::function<void()>& step);
    /// Runs the loader (in the simulation: everything) until `done` is true, which is asked first and after
    /// each of its steps: what makes it true must end in a wake(), and be atomic if a shard sets it. [loader]
    void run_until(const std::function<bool()>& done);
    /// Makes run_until ask again. [any-thread]
    void wake();

    loop_backend& backend() noexcept;
    /// Every metric in the text format of Prometheus, with the label `instance`. [any-thread]
    std::string metrics() const;

    class impl;

  private:
    explicit kernel(std::unique_ptr<impl> state);
    std::unique_ptr<impl> impl_;
};

} // namespace plexus::kernel
