#include "process.hpp"

#include "plexus/smp/address.hpp"
#include "tls_peer.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace plexus::bench {
namespace {

bool accepts(std::uint16_t port) {
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool connected =
        connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    close(descriptor);
    return connected;
}

std::string output_of(const std::string& command) {
    FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
    std::string out;
    char part[512];
    while (std::fgets(part, sizeof part, pipe) != nullptr) out += part;
    if (pclose(pipe) != 0) throw std::runtime_error("failed: " + command);
    return out;
}

} // namespace

double cpu_seconds(pid_t pid) {
    double total = 0;
    for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
        std::ifstream in(thread.path() / "schedstat");
        double nanoseconds = 0;
        if (in >> nanoseconds) total += nanoseconds;
    }
    return total / 1e9;
}

std::size_t resident_bytes(pid_t pid) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/statm");
    std::size_t size = 0;
    std::size_t resident = 0;
    in >> size >> resident;
    return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

std::string machine() {
    std::ifstream in("/proc/cpuinfo");
    std::string line;
    std::string name = "unknown processor";
    while (std::getline(in, line))
        if (line.starts_with("model name")) name = line.substr(line.find(':') + 2);
    return std::to_string(std::thread::hardware_concurrency()) + " x " + name;
}

server_process::server_process(const std::string& plexusd) {
    char name[] = "/tmp/plexus-bench-XXXXXX";
    if (mkdtemp(name) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = std::string(name) + "/server";
    const auto [listening, port] = listen_on_loopback();
    close(listening);
    const std::string said =
        output_of(plexusd + " init " + folder_ + " --host 127.0.0.1 --port " + std::to_string(port));
    std::istringstream lines(said);
    for (std::string line; std::getline(lines, line);) address_ = line;
    const auto begin = std::chrono::steady_clock::now();
    pid_ = fork();
    if (pid_ == 0) {
        const int log = open((folder_ + "/../log").c_str(), O_CREAT | O_WRONLY, 0600);
        dup2(log, 2);
        dup2(log, 1);
        execl(plexusd.c_str(), plexusd.c_str(), "start", folder_.c_str(), nullptr);
        _exit(127);
    }
    for (int tries = 0; !accepts(port); ++tries) {
        if (tries > 10'000) throw std::runtime_error("the server does not come up");
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    start_seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

server_process::~server_process() {
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
    std::error_code ignored;
    std::filesystem::remove_all(std::filesystem::path(folder_).parent_path(), ignored);
}

} // namespace plexus::bench
