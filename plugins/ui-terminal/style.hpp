// Colours, where they are wanted.
#pragma once

#include <string>
#include <string_view>

namespace plexus::ui_terminal {

class style {
  public:
    style() = default;
    explicit style(bool coloured) : coloured_(coloured) {}

    bool coloured() const noexcept { return coloured_; }
    std::string name(std::string_view text) const { return wrap("33", text); }
    std::string own_name(std::string_view text) const { return wrap("34", text); }
    std::string dim(std::string_view text) const { return wrap("2", text); }
    std::string good(std::string_view text) const { return wrap("32", text); }
    std::string bad(std::string_view text) const { return wrap("31", text); }
    std::string link(std::string_view text) const { return wrap("36", text); }
    /// `codes` of SGR, for example "1;31".
    std::string wrap(std::string_view codes, std::string_view text) const {
        if (!coloured_) return std::string(text);
        return "\x1b[" + std::string(codes) + "m" + std::string(text) + "\x1b[0m";
    }

  private:
    bool coloured_ = false;
};

} // namespace plexus::ui_terminal
