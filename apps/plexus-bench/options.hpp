// The command line of plexus-bench: a workload, the server's address, and how much of what.
#pragma once

#include "load.hpp"

namespace plexus::bench {

enum class workload : unsigned char { throughput, latency, idle, subscribe, restart, crash, soak, attack };

const char* name_of(workload what) noexcept;

struct options {
    workload what = workload::throughput;
    target_options server;
    std::optional<target_options> other; ///< of --vs
    std::size_t connections = 0;
    std::size_t queues = 0;
    std::uint32_t window = 0;
    std::size_t size = 0; ///< bytes of a message's body; 0: the largest
    crypto::key_type authorization = crypto::key_type::ed25519;
    std::chrono::seconds time{0};
    std::chrono::seconds interval{10};
    std::size_t messages = 0;
    unsigned rounds = 1;
    unsigned churn = 0;                   ///< queues and connections replaced in an interval, percent
    unsigned rate = 0;                    ///< messages a second at the most; 0: no limit
    std::string attack;                   ///< one kind; empty: all, one after the other
    std::string csv;                      ///< a file; empty: none
    std::vector<std::string> command;     ///< starts the server
    std::string server_log = "/dev/null"; ///< what it says
    bool keep = false;                    ///< leave the queues in the server
    bool baseline = true;
    bool json = false;
    bool help = false;
    bool version = false;

    /// As they are in force, for the head of a report.
    std::vector<std::pair<std::string, std::string>> shown() const;
};

/// Errors say what is wrong with the command line.
result<options> parse_options(const std::vector<std::string>& words);
/// Of the whole program, or of one workload if `words` name one.
std::string usage(const std::vector<std::string>& words);

} // namespace plexus::bench
