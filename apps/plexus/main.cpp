// plexus: the messenger at the terminal.
#include "deployment.hpp"
#include "owner.hpp"

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
        if (!quiet_) std::fprintf(stderr, "plexus: %.*s\n", static_cast<int>(line.size()), line.data());
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

int run(const options& given) {
    if (given.command)
        if (const auto code = ask_owner(given)) return *code;
    if (const auto made = make_folder(given); !made) return fail(made.error().message());
    kernel::kernel_options settings;
    settings.program = "plexus " PLEXUS_VERSION;
    settings.plugin_folders = given.plugin_folders;
    if (!settings.plugin_folders.empty()) settings.plugin_folders.push_back(kernel::default_plugin_folder());
    // Until the messenger has the terminal, what goes wrong is said there; then it goes to the log.
    auto journal = std::make_shared<log_file>(given.folder().string() + ".log");
    settings.log = [journal](std::string_view line) { journal->write(line); };
    auto loaded = kernel::kernel::load({deployment(given), {}}, std::move(settings));
    if (!loaded) return fail(loaded.error().message());
    return (*loaded)->run([journal] { journal->be_quiet(); });
}

} // namespace
} // namespace plexus::messenger_app

int main(int argc, char** argv) {
    using namespace plexus::messenger_app;
    const auto given = parse_options(argc, argv);
    if (!given) return fail(given.error().message(), 2);
    if (given->help) {
        std::fputs(usage().c_str(), stdout);
        return 0;
    }
    if (given->version) {
        std::puts("plexus " PLEXUS_VERSION);
        return 0;
    }
    return run(*given);
}
