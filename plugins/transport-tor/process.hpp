// The tor process that we own: its start, its output line by line, its end. Knows nothing of what tor does.
// Used by the supervisor, on one shard.
#pragma once

#include "plexus/loop.hpp"
#include "plexus/net/descriptor.hpp"
#include "plexus/secret.hpp"

#include <string>
#include <vector>

namespace plexus::transport_tor {

using net::descriptor;

/// The executable file that a name means: as it is if there is a '/' in it, otherwise looked for in PATH and
/// in the places where distributions put tor. May touch the disk.
result<std::string> find_program(const std::string& name);

struct launch {
    std::string program; ///< a path
    std::vector<std::string> arguments;
    std::string folder; ///< the working folder
    std::string input;  ///< its standard input, at most most_input bytes
    int lifeline = -1;  ///< a descriptor of ours that it gets under the number lifeline_number
};
constexpr std::size_t most_input = 60'000; ///< what a pipe takes at once
constexpr int lifeline_number = 3;

class process {
  public:
    struct handler {
        std::function<void(std::string_view line)> said;
        /// The last call: how it ended, "exit code 1" or "signal 9".
        std::function<void(const std::string& how)> ended;
    };

    /// In a session of its own, so that keys at our terminal do not reach it.
    static result<std::unique_ptr<process>> start(loop_ref loop, const launch& what, handler to);
    process(const process&) = delete;
    process& operator=(const process&) = delete;
    /// Kills what still runs.
    ~process();

    int id() const noexcept { return id_; }
    /// Asks it to end; after `patience` it is killed. `ended` follows.
    void end(std::chrono::nanoseconds patience);

  private:
    process(loop_ref loop, handler to, int id, descriptor watched, descriptor output);
    void read_output();
    void cut_lines(bool last);
    void check_end();

    handler handler_;
    int id_;
    bool alive_ = true;
    descriptor end_; ///< readable when the process has ended
    descriptor output_;
    std::string begun_; ///< of a line
    timer patience_;
    std::optional<watch> end_watch_;
    std::optional<watch> output_watch_;
};

} // namespace plexus::transport_tor
