#include "process.hpp"

#include "plexus/abi.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace plexus::transport_tor {
namespace {

constexpr std::size_t most_line = 4'096;
constexpr const char* other_places = "/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin:/opt/homebrew/bin";

std::string system_message(int number) { return std::generic_category().message(number); }

bool is_program(const std::string& path) {
    struct stat what {};
    return ::stat(path.c_str(), &what) == 0 && S_ISREG(what.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

struct pipe_ends {
    descriptor read;
    descriptor write;
};
result<pipe_ends> make_pipe() {
    std::array<int, 2> made{};
    if (::pipe2(made.data(), O_CLOEXEC) != 0)
        return make_error(status::io, "no pipe can be made: " + system_message(errno), true);
    return pipe_ends{descriptor(made[0]), descriptor(made[1])};
}

/// What posix_spawn is told, freed at its end.
struct spawn_plan {
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};
    spawn_plan() {
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawnattr_init(&attributes);
    }
    spawn_plan(const spawn_plan&) = delete;
    spawn_plan& operator=(const spawn_plan&) = delete;
    ~spawn_plan() {
        ::posix_spawn_file_actions_destroy(&actions);
        ::posix_spawnattr_destroy(&attributes);
    }
};

/// Every signal as a fresh program expects it.
void plan_signals(spawn_plan& plan) {
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&plan.attributes, &none);
    ::posix_spawnattr_setsigdefault(&plan.attributes, &all);
    ::posix_spawnattr_setflags(&plan.attributes,
                               POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
}

std::string how_it_ended(int state) {
    if (WIFEXITED(state)) return "exit code " + std::to_string(WEXITSTATUS(state));
    return "signal " + std::to_string(WTERMSIG(state));
}

} // namespace

result<std::string> find_program(const std::string& name) {
    if (name.find('/') != std::string::npos) {
        if (is_program(name)) return name;
        return make_error(status::not_found, name + " is no program that can be run");
    }
    const char* path = std::getenv("PATH");
    std::string places = std::string(path != nullptr ? path : "") + ":" + other_places;
    for (std::size_t at = 0; at < places.size();) {
        const auto end = std::min(places.find(':', at), places.size());
        const auto file = places.substr(at, end - at) + "/" + name;
        if (end > at && is_program(file)) return file;
        at = end + 1;
    }
    return make_error(status::not_found, "there is no program " + name +
                                             ": install it (Debian: apt-get install tor), or name it with "
                                             "program = \"/path/to/tor\"");
}

result<std::unique_ptr<process>> process::start(loop_ref loop, const launch& what, handler to) {
    if (what.input.size() > most_input)
        return make_error(status::limit, "the torrc has " + std::to_string(what.input.size()) +
                                             " bytes, and at most " + std::to_string(most_input) +
                                             " are taken");
    PLEXUS_TRY(auto input, make_pipe());
    PLEXUS_TRY(auto output, make_pipe());
    if (::write(input.write.get(), what.input.data(), what.input.size()) !=
        static_cast<ssize_t>(what.input.size()))
        return make_error(status::io, "the torrc does not fit a pipe", true);

    std::vector<std::string> words{what.program};
    words.insert(words.end(), what.arguments.begin(), what.arguments.end());
    std::vector<char*> raw;
    raw.reserve(words.size() + 1);
    for (auto& word : words) raw.push_back(word.data());
    raw.push_back(nullptr);

    spawn_plan plan;
    plan_signals(plan);
    ::posix_spawn_file_actions_addchdir_np(&plan.actions, what.folder.c_str());
    ::posix_spawn_file_actions_adddup2(&plan.actions, input.read.get(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&plan.actions, output.write.get(), STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&plan.actions, output.write.get(), STDERR_FILENO);
    if (what.lifeline >= 0) ::posix_spawn_file_actions_adddup2(&plan.actions, what.lifeline, lifeline_number);

    pid_t id = 0;
    const int failed =
        ::posix_spawn(&id, what.program.c_str(), &plan.actions, &plan.attributes, raw.data(), environ);
    if (failed != 0)
        return make_error(status::io, what.program + " cannot be started: " + system_message(failed), true);
    descriptor watched(static_cast<int>(::syscall(SYS_pidfd_open, id, 0)));
    if (!watched) {
        const int number = errno;
        ::kill(id, SIGKILL);
        ::waitpid(id, nullptr, 0);
        return make_error(status::unsupported, "the end of " + what.program +
                                                   " cannot be watched: " + system_message(number) +
                                                   " (Linux 5.3 or newer is needed)");
    }
    ::fcntl(output.read.get(), F_SETFL, O_NONBLOCK);
    return std::unique_ptr<process>(
        new process(loop, std::move(to), id, std::move(watched), std::move(output.read)));
}

process::process(loop_ref loop, handler to, int id, descriptor watched, descriptor output)
    : handler_(std::move(to)), id_(id), end_(std::move(watched)), output_(std::move(output)),
      patience_(loop, [this] {
          if (alive_) ::kill(id_, SIGKILL);
      }) {
    end_watch_.emplace(loop, end_.get(), [this](std::uint32_t) { check_end(); });
    end_watch_->interest(PLEXUS_READABLE);
    output_watch_.emplace(loop, output_.get(), [this](std::uint32_t) { read_output(); });
    output_watch_->interest(PLEXUS_READABLE);
}

process::~process() {
    if (!alive_) return;
    ::kill(id_, SIGKILL);
    ::waitpid(id_, nullptr, 0);
}

void process::read_output() {
    std::array<char, 4096> buffer{};
    const auto got = ::read(output_.get(), buffer.data(), buffer.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        output_watch_->interest(0); // a program that it started may hold the other end still
        return;
    }
    begun_.append(buffer.data(), static_cast<std::size_t>(got));
    cut_lines(false);
}

void process::cut_lines(bool last) {
    std::size_t at = 0;
    for (auto end = begun_.find('\n'); end != std::string::npos; end = begun_.find('\n', at)) {
        handler_.said(std::string_view(begun_).substr(at, std::min(end - at, most_line)));
        at = end + 1;
    }
    begun_.erase(0, at);
    if ((last && !begun_.empty()) || begun_.size() > most_line) {
        handler_.said(std::string_view(begun_).substr(0, most_line));
        begun_.clear();
    }
}

void process::check_end() {
    int state = 0;
    if (!alive_ || ::waitpid(id_, &state, WNOHANG) != id_) return;
    alive_ = false;
    end_watch_->interest(0);
    patience_.disarm();
    // What it said last stands in the pipe.
    for (std::size_t before = 1; before != 0;) {
        std::array<char, 4096> buffer{};
        const auto got = ::read(output_.get(), buffer.data(), buffer.size());
        before = got > 0 ? static_cast<std::size_t>(got) : 0;
        begun_.append(buffer.data(), before);
        cut_lines(false);
    }
    cut_lines(true);
    const auto ended = handler_.ended; // outlives this
    ended(how_it_ended(state));
}

void process::end(std::chrono::nanoseconds patience) {
    if (!alive_) return;
    ::kill(id_, SIGTERM);
    patience_.arm(patience);
}

} // namespace plexus::transport_tor
