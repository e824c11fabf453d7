#include "server_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

namespace plexus::bench {
namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto start_most = 10min;
constexpr auto stop_most = 5min;

bool accepts(const boost::asio::ip::tcp::endpoint& where) {
    const int descriptor = ::socket(where.data()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool connected = ::connect(descriptor, where.data(), static_cast<socklen_t>(where.size())) == 0;
    ::close(descriptor);
    return connected;
}

double since(clock::time_point begin) { return std::chrono::duration<double>(clock::now() - begin).count(); }

} // namespace

server_process::server_process(std::vector<std::string> command, std::string log_file)
    : command_(std::move(command)), log_file_(std::move(log_file)) {}

server_process::~server_process() { kill(); }

bool server_process::has_ended() {
    if (pid_ < 0) return true;
    if (waitpid(pid_, nullptr, WNOHANG) == 0) return false;
    pid_ = -1;
    return true;
}

result<double> server_process::start(target& to) {
    if (accepts(to.endpoint))
        return failed("something listens on port " + std::to_string(to.endpoint.port()) +
                      " already: stop it, this workload starts the server itself");
    std::vector<char*> words;
    for (auto& word : command_) words.push_back(word.data());
    words.push_back(nullptr);
    const auto begin = clock::now();
    pid_ = fork();
    if (pid_ == 0) {
        setpgid(0, 0);
        const int log = open(log_file_.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
        const int nothing = open("/dev/null", O_RDONLY);
        dup2(nothing, 0);
        dup2(log, 1);
        dup2(log, 2);
        execvp(words[0], words.data());
        _exit(127);
    }
    if (pid_ < 0) return failed("no process can be made");
    while (!accepts(to.endpoint)) {
        if (has_ended())
            return failed("'" + command_.front() +
                          "' ended before it listened; --server-log keeps what it says");
        if (clock::now() - begin > start_most)
            return failed("'" + command_.front() + "' does not listen on port " +
                          std::to_string(to.endpoint.port()) + "; --server-log keeps what it says");
        std::this_thread::sleep_for(500us);
    }
    const double took = since(begin);
    const auto listener = find_listener(to.endpoint.port());
    to.pid = listener ? *listener : pid_;
    return took;
}

result<double> server_process::stop() {
    const auto begin = clock::now();
    ::kill(-pid_, SIGINT);
    while (!has_ended()) {
        if (clock::now() - begin > stop_most)
            return failed("'" + command_.front() + "' does not end at SIGINT");
        std::this_thread::sleep_for(500us);
    }
    return since(begin);
}

void server_process::kill() {
    if (pid_ < 0) return;
    ::kill(-pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
}

} // namespace plexus::bench
