// Plugins as files: where they are, whether they may be loaded, and what they say of themselves. Used by the
// kernel, by plexusd and by the validator.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "plexus/abi/plugin.h"
#include "plexus/kernel/export.hpp"
#include "plexus/result.hpp"

namespace plexus::kernel {

struct plugin_library {
    std::string name;           ///< the file's, without ".so"
    std::filesystem::path file; ///< empty: built in
    const plexus_descriptor* descriptor = nullptr;
};

/// Loads a plugin, to stay until the end of the process, and checks its file, ABI and descriptor. The error
/// has a line for each reason to refuse it.
PLEXUS_KERNEL_API result<plugin_library> open_library(const std::filesystem::path& file);

/// What is wrong with a descriptor, a line each; empty: nothing.
PLEXUS_KERNEL_API std::vector<std::string> check_descriptor(const plexus_descriptor& descriptor);

/// ../lib/plexus/plugins beside the running program.
PLEXUS_KERNEL_API std::filesystem::path default_plugin_folder();

/// The plugins in some folders, by name; the first folder that has a name wins.
class PLEXUS_KERNEL_API plugin_catalog {
  public:
    plugin_catalog(std::vector<std::filesystem::path> folders,
                   std::vector<const plexus_descriptor*> built_in);

    /// Sorted. Nothing is loaded.
    std::vector<std::string> names() const;
    std::filesystem::path find(const std::string& name) const; ///< empty: not there
    result<plugin_library> open(const std::string& name) const;
    const std::vector<std::filesystem::path>& folders() const noexcept { return folders_; }

  private:
    std::vector<std::filesystem::path> folders_;
    std::vector<const plexus_descriptor*> built_in_;
};

/// Everything a plugin says of itself, for people: services, capabilities, keys, commands.
PLEXUS_KERNEL_API std::string describe(const plugin_library& library);

/// The capability that guards a service, or null: its user must declare it.
PLEXUS_KERNEL_API const char* guarding_capability(std::string_view service_id);

} // namespace plexus::kernel
