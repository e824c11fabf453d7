// The files of the site as texts. Used by pages.cpp.
#pragma once

#include <string_view>

namespace plexus::smp_web {

extern const std::string_view link_page;
extern const std::string_view link_script;
extern const std::string_view qr_script;
extern const std::string_view style_sheet;

} // namespace plexus::smp_web
