#include "process_stats.hpp"

#include "plexus/encoding/text.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <time.h>
#include <vector>

namespace plexus::bench {
namespace {

namespace fs = std::filesystem;

error no_process(const std::string& what) { return error("plexus.bench", 2, what); }

std::string folder_of(pid_t pid) { return "/proc/" + std::to_string(pid); }

error gone(pid_t pid) {
    return no_process("the process " + std::to_string(pid) + " is gone, or may not be looked at");
}

double seconds(const timespec& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::vector<pid_t> all_processes() {
    std::vector<pid_t> out;
    std::error_code failure;
    for (const auto& entry : fs::directory_iterator("/proc", failure)) {
        const auto number = encoding::parse_decimal(entry.path().filename().string(), 1U << 30);
        if (number) out.push_back(static_cast<pid_t>(*number));
    }
    return out;
}

/// The name of the program as it was called; interpreters and loaders are named in front of it.
bool is_called(pid_t pid, std::string_view name) {
    std::string word;
    std::ifstream(folder_of(pid) + "/comm") >> word;
    if (word == name) return true;
    std::ifstream command(folder_of(pid) + "/cmdline");
    while (std::getline(command, word, '\0') &&
           (word.starts_with('/') || word.starts_with('.') || word == name))
        if (fs::path(word).filename() == name) return true;
    return false;
}

/// The inodes of the sockets that listen on a port.
std::vector<std::string> listening_sockets(std::uint16_t port) {
    std::vector<std::string> out;
    for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
        std::ifstream in(table);
        std::string line;
        std::getline(in, line);
        while (std::getline(in, line)) {
            std::istringstream fields(line);
            std::string number, local, remote, state, queues, timer, retransmits, user, timeout, inode;
            fields >> number >> local >> remote >> state >> queues >> timer >> retransmits >> user >>
                timeout >> inode;
            const auto colon = local.rfind(':');
            if (state == "0A" && colon != std::string::npos &&
                std::stoul(local.substr(colon + 1), nullptr, 16) == port)
                out.push_back("socket:[" + inode + "]");
        }
    }
    return out;
}

bool holds(pid_t pid, const std::vector<std::string>& sockets) {
    std::error_code failure;
    for (fs::directory_iterator entry(folder_of(pid) + "/fd", failure), end; !failure && entry != end;
         entry.increment(failure)) {
        std::error_code unreadable;
        const auto target = fs::read_symlink(entry->path(), unreadable).string();
        for (const auto& socket : sockets)
            if (target == socket) return true;
    }
    return false;
}

} // namespace

result<double> cpu_of(pid_t pid) {
    clockid_t clock{};
    timespec used{};
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) return gone(pid);
    return seconds(used);
}

result<memory_use> memory_of(pid_t pid) {
    std::ifstream in(folder_of(pid) + "/status");
    memory_use out;
    bool found = false;
    for (std::string line; std::getline(in, line);) {
        std::istringstream fields(line);
        std::string name;
        std::uint64_t kibibytes = 0;
        fields >> name >> kibibytes;
        if (name == "RssAnon:") out.anonymous = kibibytes * 1024, found = true;
        if (name == "RssFile:") out.file = kibibytes * 1024;
    }
    if (!found) return gone(pid);
    return out;
}

result<pid_t> find_process(std::string_view pid_or_name) {
    if (const auto number = encoding::parse_decimal(pid_or_name, 1U << 30)) {
        const auto pid = static_cast<pid_t>(*number);
        if (!fs::exists(folder_of(pid))) return no_process("there is no process " + std::string(pid_or_name));
        return pid;
    }
    std::vector<pid_t> found;
    for (const auto pid : all_processes())
        if (pid != getpid() && is_called(pid, pid_or_name)) found.push_back(pid);
    if (found.size() == 1) return found.front();
    if (found.empty()) return no_process("no process is called '" + std::string(pid_or_name) + "'");
    std::string list;
    for (const auto pid : found) list += " " + std::to_string(pid);
    return no_process("several processes are called '" + std::string(pid_or_name) + "':" + list +
                      "; give the number of one");
}

result<pid_t> find_listener(std::uint16_t port) {
    const auto sockets = listening_sockets(port);
    for (const auto pid : all_processes())
        if (!sockets.empty() && holds(pid, sockets)) return pid;
    return no_process("the process that listens on port " + std::to_string(port) +
                      " cannot be found; --pid says which it is");
}

double thread_cpu() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return seconds(now);
}

std::string machine() {
    std::ifstream in("/proc/cpuinfo");
    std::string name = "unknown processor";
    for (std::string line; std::getline(in, line);)
        if (line.starts_with("model name")) name = line.substr(line.find(':') + 2);
    return std::to_string(std::thread::hardware_concurrency()) + " x " + name;
}

} // namespace plexus::bench
