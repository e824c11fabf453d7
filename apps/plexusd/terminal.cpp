#include "terminal.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace plexus::plexusd {
namespace {

bool colours() {
    const char* refused = std::getenv("NO_COLOR");
    const char* terminal = std::getenv("TERM");
    return (refused == nullptr || *refused == '\0') && terminal != nullptr &&
           std::string_view(terminal) != "dumb" && isatty(STDERR_FILENO) == 1;
}

} // namespace

void print_error(std::string_view text) {
    std::string line = colours() ? "\x1b[31mplexusd:\x1b[0m " : "plexusd: ";
    line += text;
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stderr);
}

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

int usage_error(std::string_view text) {
    print_error(text);
    print_error("see plexusd --help");
    return exit_usage;
}

} // namespace plexus::plexusd
