// A link as a QR code for the terminal, two modules to a character.
#pragma once

#include <string>
#include <string_view>

namespace plexus::ui_terminal {

/// Lines of half blocks, light on dark as phones read it with dark terminals too; empty if the text is too
/// long.
std::string qr_code(std::string_view text);

} // namespace plexus::ui_terminal
