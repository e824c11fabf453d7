#include "plexus/kernel/library.hpp"

#include <dlfcn.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/dll/runtime_symbol_info.hpp>
#include <boost/dll/shared_library.hpp>
#include <cerrno>
#include <set>
#include <system_error>

#include "abi_list.hpp"
#include "nearest.hpp"
#include "plexus/abi/draft/operator.h"
#include "plexus/kernel/kernel.hpp"
#include "values.hpp"

namespace plexus::kernel {
namespace {

constexpr std::string_view suffix = ".so";

const std::vector<std::string>& known_capabilities() {
    static const std::vector<std::string> names = {PLEXUS_CAP_NET_OUTBOUND, PLEXUS_CAP_NET_LISTEN,
                                                   PLEXUS_CAP_FS_STATE,     PLEXUS_CAP_PROCESS_SPAWN,
                                                   PLEXUS_CAP_KEYS,         PLEXUS_CAP_OPERATE};
    return names;
}

std::string version_text(std::uint32_t major, std::uint32_t minor) {
    return std::to_string(major) + "." + std::to_string(minor);
}

/// Why a file or folder is not to be trusted; empty: it is.
std::string check_trust(const std::filesystem::path& path, std::string_view what) {
    struct stat info {};
    if (stat(path.c_str(), &info) != 0)
        return "cannot read the " + std::string(what) + ": " + std::generic_category().message(errno);
    if ((info.st_mode & S_IWOTH) != 0)
        return "the " + std::string(what) + " is world-writable: run chmod o-w " + path.string();
    if (info.st_uid != 0 && info.st_uid != geteuid())
        return "the " + std::string(what) + " " + path.string() + " belongs to user " +
               std::to_string(info.st_uid) + ", neither to root nor to the user who runs this program (" +
               std::to_string(geteuid()) + ")";
    return {};
}

/// Libraries that a plugin must not be linked with: the kernel, and other plugins.
std::vector<std::string> forbidden_links(const link_map& map) {
    const char* texts = nullptr;
    for (const ElfW(Dyn)* entry = map.l_ld; entry->d_tag != DT_NULL; ++entry)
        if (entry->d_tag == DT_STRTAB) texts = reinterpret_cast<const char*>(entry->d_un.d_ptr);
    std::vector<std::string> out;
    if (texts == nullptr) return out;
    for (const ElfW(Dyn)* entry = map.l_ld; entry->d_tag != DT_NULL; ++entry) {
        if (entry->d_tag != DT_NEEDED) continue;
        const std::string needed = texts + entry->d_un.d_val;
        if (needed.rfind("libplexus.so", 0) == 0) {
            out.push_back("it is linked with the kernel (" + needed +
                          "): a plugin asks the host for services");
            continue;
        }
        void* loaded = dlopen(needed.c_str(), RTLD_LAZY | RTLD_NOLOAD);
        if (loaded == nullptr) continue;
        if (dlsym(loaded, PLEXUS_PLUGIN_ENTRY) != nullptr)
            out.push_back("it is linked with another plugin (" + needed +
                          "): a plugin asks the host for services");
        dlclose(loaded);
    }
    return out;
}

error refusal(const std::filesystem::path& file, const std::vector<std::string>& reasons) {
    std::string text;
    for (const std::string& reason : reasons) {
        if (!text.empty()) text += '\n';
        text += "plugin " + file.string() + " is refused: " + reason;
    }
    return make_error(kernel_error::plugin, std::move(text));
}

void check_ids(const char* const* list, std::string_view verb, std::vector<std::string>& wrong) {
    std::set<std::string> seen;
    for (const char* id : abi_list(list)) {
        const std::string text = id;
        const auto slash = text.rfind('/');
        const bool revised = slash != std::string::npos && slash != 0 && slash + 1 < text.size() &&
                             text.find_first_not_of("0123456789", slash + 1) == std::string::npos;
        if (!revised)
            wrong.push_back("it " + std::string(verb) + " '" + text +
                            "', which is no service id such as plexus.store/1");
        if (!seen.insert(text).second) wrong.push_back("it " + std::string(verb) + " " + text + " twice");
    }
}

void check_commands(const plexus_descriptor& descriptor, std::vector<std::string>& wrong) {
    if (descriptor.command_count == 0) return;
    const auto provided = abi_list(descriptor.provides);
    if (std::find(provided.begin(), provided.end(), std::string_view(PLEXUS_COMMAND_ID)) == provided.end())
        wrong.emplace_back("it lists commands but does not provide " PLEXUS_COMMAND_ID);
    for (std::uint32_t i = 0; i < descriptor.command_count; ++i) {
        const plexus_command_info& command = descriptor.commands[i];
        if (command.name == nullptr || *command.name == '\0') {
            wrong.emplace_back("a command has no name");
            continue;
        }
        if (command.argument_least > command.argument_most)
            wrong.push_back("the command '" + std::string(command.name) +
                            "' takes fewer arguments at most than at least");
        for (std::uint32_t k = 0; k < command.option_count; ++k)
            if (const std::string fault = check_key(command.options[k]); !fault.empty())
                wrong.push_back("in the command '" + std::string(command.name) + "' " + fault);
    }
}

} // namespace

const char* guarding_capability(std::string_view id) {
    for (const std::string_view outbound :
         {PLEXUS_RESOLVER_ID, "plexus.transport/1", "plexus.carrier/1", "plexus.network/0"})
        if (id == outbound) return PLEXUS_CAP_NET_OUTBOUND;
    if (id == "plexus.listener/1") return PLEXUS_CAP_NET_LISTEN;
    if (id == PLEXUS_OPERATOR_ID) return PLEXUS_CAP_OPERATE;
    return nullptr;
}

std::vector<std::string> check_descriptor(const plexus_descriptor& descriptor) {
    std::vector<std::string> wrong;
    if (!PLEXUS_HAS(&descriptor, abi_least_minor)) {
        wrong.push_back("its descriptor of " + std::to_string(descriptor.size) +
                        " bytes holds no ABI version");
        return wrong;
    }
    if (descriptor.abi_major != PLEXUS_ABI_MAJOR) {
        wrong.push_back("it was built for ABI " + version_text(descriptor.abi_major, descriptor.abi_minor) +
                        ", this program has ABI " + version_text(PLEXUS_ABI_MAJOR, PLEXUS_ABI_MINOR) +
                        ": the major numbers must be equal");
        return wrong; // nothing further means what we think
    }
    if (descriptor.abi_least_minor > PLEXUS_ABI_MINOR)
        wrong.push_back("it needs at least ABI " +
                        version_text(descriptor.abi_major, descriptor.abi_least_minor) +
                        ", this program has ABI " + version_text(PLEXUS_ABI_MAJOR, PLEXUS_ABI_MINOR));
    if (!PLEXUS_HAS(&descriptor, create)) {
        wrong.push_back("its descriptor of " + std::to_string(descriptor.size) + " bytes is too short");
        return wrong;
    }
    if (descriptor.id == nullptr || *descriptor.id == '\0') wrong.emplace_back("it has no id");
    if (descriptor.version == nullptr || *descriptor.version == '\0') wrong.emplace_back("it has no version");
    if (descriptor.create == nullptr) wrong.emplace_back("it has no create function");
    for (const char* capability : abi_list(descriptor.capabilities))
        if (const auto& known = known_capabilities();
            std::find(known.begin(), known.end(), capability) == known.end())
            wrong.push_back("it asks for the unknown capability '" + std::string(capability) + "'" +
                            did_you_mean(capability, known));
    check_ids(descriptor.provides, "provides", wrong);
    check_ids(descriptor.requires_, "requires", wrong);
    check_ids(descriptor.uses, "uses", wrong);
    for (const char* id : abi_list(descriptor.provides))
        if (is_host_service(id))
            wrong.push_back("it provides " + std::string(id) + ", which is the kernel's own");
    const auto declared = abi_list(descriptor.capabilities);
    for (const char* id : abi_list(descriptor.requires_)) {
        const char* guard = guarding_capability(id);
        if (guard != nullptr &&
            std::find(declared.begin(), declared.end(), std::string_view(guard)) == declared.end())
            wrong.push_back("it requires " + std::string(id) + " without declaring the capability " + guard);
    }
    std::set<std::string> keys;
    for (std::uint32_t i = 0; i < descriptor.key_count; ++i) {
        const plexus_key& key = descriptor.keys[i];
        if (const std::string fault = check_key(key); !fault.empty()) {
            wrong.push_back(fault);
            continue;
        }
        const std::string name = key.name;
        if (!keys.insert(name).second) wrong.push_back("the key '" + name + "' is declared twice");
        const std::string first = name.substr(0, name.find('.'));
        if (first == "library" || first == "services")
            wrong.push_back("the key '" + name + "' is reserved for the kernel");
    }
    check_commands(descriptor, wrong);
    return wrong;
}

result<plugin_library> open_library(const std::filesystem::path& file) {
    std::error_code missing;
    const std::filesystem::path real = std::filesystem::canonical(file, missing);
    if (missing) return refusal(file, {"cannot read the file: " + missing.message()});
    std::vector<std::string> reasons;
    if (auto reason = check_trust(real, "file"); !reason.empty()) reasons.push_back(std::move(reason));
    if (auto reason = check_trust(real.parent_path(), "folder"); !reason.empty())
        reasons.push_back(std::move(reason));
    if (!reasons.empty()) return refusal(file, reasons);

    std::error_code failure;
    boost::dll::shared_library library;
    library.load(real, failure, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
    if (failure) {
        const char* detail = dlerror();
        return refusal(file,
                       {"cannot load it: " + (detail != nullptr ? std::string(detail) : failure.message())});
    }
    // From here on the library stays mapped, also after this object is gone.
    dlopen(real.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD | RTLD_NODELETE);

    link_map* map = nullptr;
    if (dlinfo(library.native(), RTLD_DI_LINKMAP, &map) == 0 && map != nullptr)
        for (std::string& reason : forbidden_links(*map)) reasons.push_back(std::move(reason));
    if (!library.has(PLEXUS_PLUGIN_ENTRY)) {
        reasons.emplace_back("it has no symbol " PLEXUS_PLUGIN_ENTRY ", so it is no plugin");
        return refusal(file, reasons);
    }
    const auto entry = &library.get<const plexus_descriptor*()>(PLEXUS_PLUGIN_ENTRY);
    const plexus_descriptor* descriptor = entry();
    if (descriptor == nullptr) {
        reasons.emplace_back("its " PLEXUS_PLUGIN_ENTRY " answers null");
        return refusal(file, reasons);
    }
    for (std::string& reason : check_descriptor(*descriptor)) reasons.push_back(std::move(reason));
    if (!reasons.empty()) return refusal(file, reasons);
    return plugin_library{real.stem().string(), real, descriptor};
}

std::filesystem::path default_plugin_folder() {
    const std::filesystem::path program = boost::dll::program_location();
    return (program.parent_path() / "../lib/plexus/plugins").lexically_normal();
}

plugin_catalog::plugin_catalog(std::vector<std::filesystem::path> folders,
                               std::vector<const plexus_descriptor*> built_in)
    : folders_(std::move(folders)), built_in_(std::move(built_in)) {
    if (folders_.empty()) folders_.push_back(default_plugin_folder());
}

std::vector<std::string> plugin_catalog::names() const {
    std::set<std::string> found;
    for (const plexus_descriptor* own : built_in_) found.insert(own->id);
    for (const auto& folder : folders_) {
        std::error_code failure;
        for (const auto& entry : std::filesystem::directory_iterator(folder, failure))
            if (entry.path().extension() == suffix) found.insert(entry.path().stem().string());
    }
    return {found.begin(), found.end()};
}

std::filesystem::path plugin_catalog::find(const std::string& name) const {
    for (const auto& folder : folders_) {
        std::filesystem::path file = folder / (name + std::string(suffix));
        std::error_code failure;
        if (std::filesystem::exists(file, failure)) return file;
    }
    return {};
}

result<plugin_library> plugin_catalog::open(const std::string& name) const {
    for (const plexus_descriptor* own : built_in_) {
        if (name != own->id) continue;
        if (const auto wrong = check_descriptor(*own); !wrong.empty()) return refusal(name, wrong);
        return plugin_library{name, {}, own};
    }
    const std::filesystem::path file = find(name);
    if (file.empty() || name.find('/') != std::string::npos) {
        std::string where;
        for (const auto& folder : folders_) where += (where.empty() ? "" : ", ") + folder.string();
        return make_error(kernel_error::plugin,
                          "there is no plugin '" + name + "' in " + where + did_you_mean(name, names()));
    }
    return open_library(file);
}

} // namespace plexus::kernel
