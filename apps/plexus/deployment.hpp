// The configuration that the messenger runs with: which plugins, and where their data are.
#pragma once

#include "options.hpp"

namespace plexus::messenger_app {

/// The text as a string of TOML.
std::string toml_text(const std::string& text);

/// TOML for the kernel.
std::string deployment(const options& given);

} // namespace plexus::messenger_app
