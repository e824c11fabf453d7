#include "checks.hpp"

#include "exported_symbols.hpp"
#include "strict_host.hpp"

#include "plexus/kernel/library.hpp"

#include <algorithm>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <mutex>

namespace plexus::validate {
namespace {

/// What a check throws to end with "failed".
class broken : public std::exception {
  public:
    explicit broken(std::string text) : text_(std::move(text)) {}
    const char* what() const noexcept override { return text_.c_str(); }

  private:
    std::string text_;
};

void expect(bool holds, const std::string& otherwise) {
    if (!holds) throw broken(otherwise);
}

/// Turns what a check throws into a finding; anything else goes on to the child's frame.
template <finding (*Check)(const subject&)>
finding guarded(const subject& of) {
    try {
        return Check(of);
    } catch (const broken& why) {
        return {verdict::failed, why.what()};
    }
}

const plexus_descriptor& load(const subject& of) {
    auto library = kernel::open_library(of.file);
    if (!library) throw broken(library.error().message());
    return *library->descriptor;
}

std::vector<std::string> listed(const char* const* ids) {
    std::vector<std::string> out;
    while (ids != nullptr && *ids != nullptr) out.emplace_back(*ids++);
    return out;
}

std::size_t thread_count() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) ++count;
    return count;
}

// ---- the file

finding check_file(const subject& of) {
    load(of);
    return {};
}

finding check_exports(const subject& of) {
    const auto symbols = exported_symbols(of.file);
    if (!symbols) throw broken(symbols.error().message());
    std::string others;
    bool entry = false;
    for (const auto& name : *symbols) {
        if (name == PLEXUS_PLUGIN_ENTRY)
            entry = true;
        else if (others.size() < 200)
            others += (others.empty() ? "" : ", ") + name;
    }
    expect(entry, "it does not export " PLEXUS_PLUGIN_ENTRY);
    expect(others.empty(), "it exports more than " PLEXUS_PLUGIN_ENTRY ": " + others +
                               "; hide them with -fvisibility=hidden and a version script");
    return {};
}

finding check_entry(const subject& of) {
    const plexus_descriptor& first = load(of);
    const auto entry = reinterpret_cast<plexus_plugin_entry_function>(
        ::dlsym(::dlopen(of.file.c_str(), RTLD_NOW | RTLD_LOCAL), PLEXUS_PLUGIN_ENTRY));
    const bytes before(reinterpret_cast<const std::uint8_t*>(&first),
                       reinterpret_cast<const std::uint8_t*>(&first) +
                           std::min<std::size_t>(first.size, 4096));
    const std::size_t threads = thread_count();
    for (int i = 0; i < 3; ++i)
        expect(entry() == &first, "plexus_plugin_entry answers another pointer when it is called again");
    expect(std::memcmp(before.data(), &first, before.size()) == 0,
           "the descriptor changes when plexus_plugin_entry is called again");
    expect(thread_count() == threads, "plexus_plugin_entry starts threads");
    return {};
}

finding check_texts(const subject& of) {
    const plexus_descriptor& about = load(of);
    const auto one_line = [](const char* text) {
        return text != nullptr && *text != '\0' && std::strchr(text, '\n') == nullptr;
    };
    expect(one_line(about.summary), "it has no summary of one line");
    expect(one_line(about.vendor), "it has no vendor");
    for (std::uint32_t i = 0; i < about.key_count; ++i) {
        const plexus_key& key = about.keys[i];
        expect(one_line(key.doc), "the key '" + std::string(key.name) + "' has no doc of one line");
        expect((key.flags & PLEXUS_KEY_REQUIRED) == 0 || key.preset == nullptr,
               "the key '" + std::string(key.name) + "' is required and has a default");
        expect((key.flags & PLEXUS_KEY_SECRET) == 0 || key.preset == nullptr,
               "the key '" + std::string(key.name) + "' is secret and has a default");
    }
    for (std::uint32_t i = 0; i < about.command_count; ++i)
        expect(one_line(about.commands[i].summary),
               "the command '" + std::string(about.commands[i].name) + "' has no summary of one line");
    return {};
}

// ---- create and destroy

const plexus_plugin* make(const plexus_descriptor& about, strict_host& host) {
    const plexus_plugin* made = nullptr;
    plexus_error* failure = nullptr;
    const std::int32_t code = about.create(host.table(), &made, &failure);
    if (code != PLEXUS_OK) throw broken("create fails: " + take_error(code, failure).message());
    expect(made != nullptr, "create says OK and stores no instance");
    expect(PLEXUS_HAS(made, get_service),
           "the instance's table of " + std::to_string(made->size) + " bytes is too short");
    expect(made->init != nullptr && made->start != nullptr && made->stop != nullptr &&
               made->destroy != nullptr && made->get_service != nullptr,
           "a function of the instance's table is null");
    return made;
}

void expect_silence(const strict_host& host, const std::string& in) {
    if (!host.asked().empty()) throw broken(in + " asks the host for " + host.asked().front());
}

finding check_create(const subject& of) {
    const plexus_descriptor& about = load(of);
    const std::size_t threads = thread_count();
    strict_host host;
    const plexus_plugin* one = make(about, host);
    expect_silence(host, "create");
    expect(thread_count() == threads, "create starts threads");
    one->destroy(one->self);
    return {};
}

finding check_services(const subject& of) {
    const plexus_descriptor& about = load(of);
    strict_host host;
    const plexus_plugin* one = make(about, host);
    for (const auto& id : listed(about.provides)) {
        const plexus_service* table = one->get_service(one->self, id.c_str());
        expect(table != nullptr,
               "it says that it provides " + id + ", and get_service answers null after create");
        expect(table->size >= sizeof(plexus_service),
               "its table of " + id + " has a size of " + std::to_string(table->size));
        expect(one->get_service(one->self, id.c_str()) == table, "its table of " + id + " changes its place");
    }
    expect(one->get_service(one->self, "com.example.no-such-service/1") == nullptr,
           "get_service answers a table for a service that it does not provide");
    expect_silence(host, "get_service");
    one->destroy(one->self);
    return {};
}

finding check_create_twice(const subject& of) {
    const plexus_descriptor& about = load(of);
    strict_host first;
    strict_host second;
    const plexus_plugin* one = make(about, first);
    const plexus_plugin* two = make(about, second);
    expect(one != two && one->self != two->self, "two instances are one");
    one->destroy(one->self);
    for (const auto& id : listed(about.provides))
        expect(two->get_service(two->self, id.c_str()) != nullptr,
               "the end of one instance takes " + id + " from another");
    two->destroy(two->self);
    for (int i = 0; i < 20; ++i) {
        strict_host host;
        const plexus_plugin* again = make(about, host);
        again->destroy(again->self);
        expect_silence(host, "create or destroy");
    }
    return {};
}

// ---- life in a kernel

/// Log lines of a run, for the sentences about what is left behind.
struct captured_log {
    std::mutex mutex;
    std::vector<std::string> lines;

    std::function<void(std::string_view)> sink() {
        return [this](std::string_view line) {
            const std::lock_guard hold(mutex);
            lines.emplace_back(line);
        };
    }
    std::string find(std::string_view words) {
        const std::lock_guard hold(mutex);
        for (const auto& line : lines)
            if (line.find(words) != std::string::npos) return line;
        return {};
    }
};

kernel::config_source configuration(const subject& of) {
    kernel::config_source out;
    if (of.config) {
        auto read = kernel::config_source::read(*of.config);
        if (!read) throw broken(read.error().message());
        return std::move(read).value();
    }
    out.text = "[plugin.subject]\nlibrary = \"" + of.file.stem().string() + "\"\n" + of.settings + "\n" +
               of.companions + "\n";
    return out;
}

kernel::kernel_options options_for(const subject& of, captured_log& log) {
    kernel::kernel_options out;
    out.program = "plexus-validate";
    out.plugin_folders = {of.file.parent_path()};
    out.plugin_folders.insert(out.plugin_folders.end(), of.plugin_folders.begin(), of.plugin_folders.end());
    out.log = log.sink();
    return out;
}

/// Why the plugin cannot be run as it was given; empty: it can.
std::string not_runnable(const subject& of) {
    if (of.config) return {};
    const plexus_descriptor& about = load(of);
    captured_log log;
    const auto checked = kernel::kernel::check(configuration(of), options_for(of, log));
    if (checked) return {};
    const bool needs = !listed(about.requires_).empty() ||
                       std::any_of(about.keys, about.keys + about.key_count, [](const plexus_key& key) {
                           return (key.flags & PLEXUS_KEY_REQUIRED) != 0;
                       });
    if (!needs) throw broken(checked.error().message());
    return "it needs more to run; give --set, --with or --config:\n" + checked.error().message();
}

void live(const subject& of) {
    captured_log log;
    auto loaded = kernel::kernel::load(configuration(of), options_for(of, log));
    if (!loaded) throw broken(loaded.error().message());
    auto& running = **loaded;
    if (const auto started = running.start(); !started) throw broken(started.error().message());
    if (const auto stopped = running.stop(); !stopped) throw broken(stopped.error().message());
    if (const std::string line = log.find("leaves behind"); !line.empty()) throw broken(line);
}

finding check_life(const subject& of) {
    if (const std::string why = not_runnable(of); !why.empty()) return {verdict::skipped, why};
    live(of);
    return {};
}

finding check_life_again(const subject& of) {
    if (const std::string why = not_runnable(of); !why.empty()) return {verdict::skipped, why};
    const auto descriptors = [] {
        std::size_t count = 0;
        for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
            ++count;
        return count;
    };
    live(of);
    const std::size_t threads = thread_count();
    const std::size_t open_files = descriptors();
    for (int i = 0; i < 3; ++i) live(of);
    expect(thread_count() <= threads, "threads are left behind by every start and stop");
    expect(descriptors() <= open_files, "file descriptors are left behind by every start and stop");
    return {};
}

// ---- the end of the library

bool mapped(const std::filesystem::path& file) {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);)
        if (line.find(file.string()) != std::string::npos) return true;
    return false;
}

finding check_unload(const subject& of) {
    for (int i = 0; i < 3; ++i) {
        void* library = ::dlopen(of.file.c_str(), RTLD_NOW | RTLD_LOCAL);
        expect(library != nullptr,
               "it cannot be loaded: " + std::string(library == nullptr ? ::dlerror() : ""));
        const auto entry =
            reinterpret_cast<plexus_plugin_entry_function>(::dlsym(library, PLEXUS_PLUGIN_ENTRY));
        expect(entry != nullptr, "it has no symbol " PLEXUS_PLUGIN_ENTRY);
        strict_host host;
        const plexus_plugin* one = make(*entry(), host);
        one->destroy(one->self);
        ::dlclose(library);
        expect(!mapped(of.file), "it stays mapped after dlclose: it has unique symbols (-fno-gnu-unique), "
                                 "thread-local destructors, or was linked with -z nodelete");
    }
    return {};
}

constexpr check checks[] = {
    {"file", "the file, its ABI and its descriptor are accepted", guarded<check_file>},
    {"exports", "plexus_plugin_entry is the only symbol", guarded<check_exports>},
    {"entry", "plexus_plugin_entry is pure", guarded<check_entry>},
    {"texts", "what it says of itself is fit for people", guarded<check_texts>},
    {"create", "create calls no function of the host and starts no thread", guarded<check_create>},
    {"services", "every service that it says it provides is there after create", guarded<check_services>},
    {"create-twice", "instances are independent, and may be destroyed without init",
     guarded<check_create_twice>},
    {"life", "it starts without its optional services, and stop drains", guarded<check_life>},
    {"life-again", "starting and stopping again leaves nothing behind", guarded<check_life_again>},
    {"unload", "it can be unloaded", guarded<check_unload>},
};

} // namespace

std::span<const check> all_checks() { return checks; }

namespace {
finding describe_it(const subject& of) {
    const plexus_descriptor& about = load(of);
    return {verdict::passed, std::string(about.id) + " " + about.version};
}
} // namespace

finding describe(const subject& of) { return guarded<describe_it>(of); }

store_target make_store_target(const subject& of, const std::string& bounded) {
    store_target out;
    out.library = of.file.stem().string();
    out.plugin_folders = {of.file.parent_path()};
    out.settings = of.settings;
    if (auto library = kernel::open_library(of.file)) {
        const plexus_descriptor& about = *library->descriptor;
        for (std::uint32_t i = 0; i < about.key_count; ++i) {
            const plexus_key& key = about.keys[i];
            const bool path = std::string_view(key.name) == "path" && (key.flags & PLEXUS_KEY_PATH) != 0;
            if (!path) continue;
            out.keeps = true;
            if (out.settings.find("path") == std::string::npos) out.settings += "\npath = \"{folder}/store\"";
        }
    }
    if (!bounded.empty()) out.bounded_settings = out.settings + "\n" + bounded;
    return out;
}

transport_target make_transport_target(const subject& of, const std::string& peer_path) {
    transport_target out;
    out.library = of.file.stem().string();
    out.plugin_folders = of.plugin_folders;
    out.plugin_folders.insert(out.plugin_folders.begin(), of.file.parent_path());
    out.settings = of.settings;
    out.companions = of.companions;
    out.peer_path = peer_path;
    if (auto library = kernel::open_library(of.file)) {
        const auto provided = listed(library->descriptor->provides);
        const auto has = [&](std::string_view id) {
            return std::find(provided.begin(), provided.end(), id) != provided.end();
        };
        out.listens = has(PLEXUS_TRANSPORT_ID) && has(PLEXUS_LISTENER_ID);
    }
    return out;
}

} // namespace plexus::validate
