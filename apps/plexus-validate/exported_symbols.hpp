// What a shared library shows to the dynamic linker. Used by plexus-validate.
#pragma once

#include "plexus/result.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace plexus::validate {

/// Names of the defined symbols in .dynsym, sorted; an error if the file is no 64-bit ELF library.
result<std::vector<std::string>> exported_symbols(const std::filesystem::path& file);

} // namespace plexus::validate
