// plexus: the messenger at the terminal.
#include "deployment.hpp"
#include "owner.hpp"
#include "passphrase.hpp"

#include "plexus/kernel/kernel.hpp"
#include "plexus/kernel/library.hpp"

#include <atomic>
#include <cstdio>
#include <memory>

namespace plexus::messenger_app {
namespace {

int fail(const std::string& message, int code = 1) {
    std::fprintf(stderr, "plexus: %s\n", message.c_str());
    return code;
}

result<void> make_folder(const options& given) {
    const auto parent = std::filesystem::absolute(given.database).parent_path();
    std::error_code failure;
    if (std::filesystem::create_directories(parent, failure))
        std::filesystem::permissions(parent, std::filesystem::perms::owner_all, failure);
    if (failure)
        return error("plexus.app", 2,
                     "the folder " + parent.string() + " cannot be made: " + failure.message());
    return {};
}

/// A line of the log without its time, level and source.
std::string_view for_people(std::string_view line) {
    const auto source_end = line.find(": ");
    return source_end == std::string_view::npos ? line : line.substr(source_end + 2);
}

class log_file {
  public:
    explicit log_file(std::string path) : path_(std::move(path)) {}
    log_file(const log_file&) = delete;
    log_file& operator=(const log_file&) = delete;
    ~log_file() {
        if (file_ != nullptr) std::fclose(file_);
    }
    void be_quiet() { quiet_ = true; }
    void write(std::string_view line) {
        if (!quiet_) static_cast<void>(fail(std::string(for_people(line))));
        if (file_ == nullptr) file_ = std::fopen(path_.c_str(), "ae");
        if (file_ == nullptr) return;
        std::fprintf(file_, "%.*s\n", static_cast<int>(line.size()), line.data());
        std::fflush(file_);
    }

  private:
    std::string path_;
    std::FILE* file_ = nullptr;
    std::atomic<bool> quiet_{false};
};

/// Runs the messenger. Nothing: the passphrase is not the database's.
std::optional<int> run_kernel(const options& given, secret_bytes passphrase) {
    kernel::kernel_options settings;
    settings.program = "plexus " PLEXUS_VERSION;
    settings.plugin_folders = given.plugin_folders;
    if (!settings.plugin_folders.empty()) settings.plugin_folders.push_back(kernel::default_plugin_folder());
    if (!passphrase.empty()) settings.secrets.push_back({"agent", "passphrase", std::move(passphrase)});
    // Until the messenger has the terminal, what goes wrong is said there; then it goes to the log.
    auto journal = std::make_shared<log_file>(given.folder().string() + ".log");
    settings.log = [journal](std::string_view line) { journal->write(line); };
    auto loaded = kernel::kernel::load({deployment(given), {}}, std::move(settings));
    if (!loaded) return fail(loaded.error().message());
    bool refused = false;
    const int code = (*loaded)->run([journal] { journal->be_quiet(); },
                                    [&refused](std::string_view instance) {
                                        refused = instance == "agent";
                                        return refused;
                                    });
    if (refused) return std::nullopt;
    return code;
}

/// A passphrase for a new database is typed twice.
result<secret_bytes> ask(const options& given) {
    const std::string file = given.folder().string();
    std::error_code failure;
    if (std::filesystem::exists(given.folder(), failure))
        return ask_passphrase("Passphrase of " + file + ": ");
    PLEXUS_TRY(auto typed, ask_passphrase("Passphrase for the new database " + file + ": "));
    PLEXUS_TRY(const auto again, ask_passphrase("Once more: "));
    if (!(typed == again)) return error("plexus.app", 4, "these were two different passphrases");
    return typed;
}

int run(options given) {
    if (given.command)
        if (const auto code = ask_owner(given)) return *code;
    if (given.asks_passphrase) {
        auto typed = ask(given);
        if (!typed) return fail(typed.error().message());
        given.passphrase = std::move(*typed);
    }
    if (const auto made = make_folder(given); !made) return fail(made.error().message());
    const bool has_passphrase = !given.passphrase.empty();
    if (const auto code = run_kernel(given, std::move(given.passphrase))) return *code;
    if (has_passphrase)
        return fail("the passphrase does not open the database " + given.folder().string() +
                    ", or it has none and is opened without one");
    constexpr int tries = 3;
    for (int i = 0; i < tries; ++i) {
        auto typed = ask(given);
        if (!typed)
            return fail("the database " + given.folder().string() + " has a passphrase, and " +
                        typed.error().message() + "; -k, --key-file and PLEXUS_PASSPHRASE give it too");
        if (const auto code = run_kernel(given, std::move(*typed))) return *code;
        if (i + 1 < tries) std::fputs("plexus: that is not the passphrase\n", stderr);
    }
    return fail("that is not the passphrase");
}

} // namespace
} // namespace plexus::messenger_app

int main(int argc, char** argv) {
    using namespace plexus::messenger_app;
    auto given = parse_options(argc, argv);
    if (!given) return fail(given.error().message(), 2);
    if (given->help) {
        std::fputs(usage().c_str(), stdout);
        return 0;
    }
    if (given->version) {
        std::puts("plexus " PLEXUS_VERSION);
        return 0;
    }
    return run(std::move(*given));
}
