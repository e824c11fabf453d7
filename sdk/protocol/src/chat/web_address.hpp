// Tells web links, domain names and mail addresses in text, for markdown.
#pragma once

#include <string_view>

namespace plexus::chat {

/// An http or https link whose host has a dot.
bool is_web_link(std::string_view text);
/// "simplex.chat", "www.example.com": two or three parts of letters.
bool is_domain(std::string_view text);
bool is_mail_address(std::string_view text);

} // namespace plexus::chat
