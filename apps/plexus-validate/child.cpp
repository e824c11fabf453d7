#include "child.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace plexus::validate {
namespace {

struct pipe_ends {
    int read = -1;
    int write = -1;
};

pipe_ends make_pipe() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe(ends.data()) != 0) throw std::runtime_error("no pipe: " + std::string(std::strerror(errno)));
    return {ends[0], ends[1]};
}

[[noreturn]] void be_child(const std::function<finding()>& check, int answer, int output) {
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    finding found;
    try {
        found = check();
    } catch (const std::exception& thrown) {
        found = {verdict::failed, std::string("an exception came out of the plugin: ") + thrown.what()};
    } catch (...) {
        found = {verdict::failed, "an exception came out of the plugin"};
    }
    const std::string text = std::to_string(static_cast<int>(found.outcome)) + found.text;
    for (std::size_t at = 0; at < text.size();) {
        const ssize_t written = ::write(answer, text.data() + at, text.size() - at);
        if (written <= 0) break;
        at += static_cast<std::size_t>(written);
    }
    // No destructors: threads of the plugin may still run.
    ::_exit(0);
}

/// Reads both until they end or the time is over; false: it is over.
bool read_all(int answer, int output, std::string& answer_text, std::string& output_text,
              std::chrono::seconds limit) {
    constexpr std::size_t output_most = 4096;
    const auto deadline = std::chrono::steady_clock::now() + limit;
    std::array<pollfd, 2> ends{pollfd{answer, POLLIN, 0}, pollfd{output, POLLIN, 0}};
    while (ends[0].fd >= 0) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0 || ::poll(ends.data(), ends.size(), static_cast<int>(left.count())) == 0)
            return false;
        for (auto& end : ends) {
            if (end.revents == 0) continue;
            std::array<char, 4096> part{};
            const ssize_t size = ::read(end.fd, part.data(), part.size());
            std::string& text = end.fd == answer ? answer_text : output_text;
            if (size <= 0)
                end.fd = -1;
            else if (end.fd == answer || text.size() < output_most)
                text.append(part.data(), static_cast<std::size_t>(size));
        }
    }
    return true;
}

} // namespace

finding run_in_child(const std::function<finding()>& check, std::chrono::seconds limit) {
    const pipe_ends answer = make_pipe();
    const pipe_ends output = make_pipe();
    const pid_t child = ::fork();
    if (child < 0) throw std::runtime_error("no process: " + std::string(std::strerror(errno)));
    if (child == 0) {
        ::close(answer.read);
        ::close(output.read);
        be_child(check, answer.write, output.write);
    }
    ::close(answer.write);
    ::close(output.write);
    std::string told;
    std::string printed;
    const bool in_time = read_all(answer.read, output.read, told, printed, limit);
    if (!in_time) ::kill(child, SIGKILL);
    ::close(answer.read);
    ::close(output.read);
    int status = 0;
    ::waitpid(child, &status, 0);

    finding found{verdict::failed, {}};
    if (!in_time)
        found.text = "it did not end within " + std::to_string(limit.count()) + " s";
    else if (WIFSIGNALED(status))
        found.text = "it ended by signal " + std::to_string(WTERMSIG(status)) + " (" +
                     ::strsignal(WTERMSIG(status)) + ")";
    else if (told.empty())
        found.text = "it ended the process with code " + std::to_string(WEXITSTATUS(status));
    else
        found = {static_cast<verdict>(told.front() - '0'), told.substr(1)};
    if (found.outcome == verdict::failed && !printed.empty()) found.text += "\n" + printed;
    return found;
}

} // namespace plexus::validate
