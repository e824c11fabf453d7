// plexus-bench: puts load on SMP servers, ours and others, and says what it costs them.
#include "workloads.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace plexus::bench {
namespace {

int fail(const std::string& message, int code) {
    std::fprintf(stderr, "plexus-bench: %s\n", message.c_str());
    return code;
}

/// Thousands of connections need a descriptor each.
void raise_limits() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

result<figures> run_once(target& to, const options& with) {
    switch (with.what) {
    case workload::throughput: return run_throughput(to, with);
    case workload::latency: return run_latency(to, with);
    case workload::idle: return run_idle(to, with);
    case workload::subscribe: return run_subscribe(to, with);
    case workload::restart: return run_restart(to, with);
    case workload::crash: return run_crash(to, with);
    case workload::soak: return run_soak(to, with);
    case workload::attack: return run_attack(to, with);
    }
    return failed("no such workload");
}

bool loses(const figures& of) { return value_of(of, lost_key) != 0 || value_of(of, doubled_key) != 0; }

result<int> run(const options& with) {
    std::vector<target> targets;
    PLEXUS_TRY(auto first, make_target(with.server));
    targets.push_back(std::move(first));
    if (with.other) {
        PLEXUS_TRY(auto second, make_target(*with.other));
        targets.push_back(std::move(second));
    }
    std::vector<std::vector<figures>> found(targets.size());
    bool lost = false;
    // These two take their rounds themselves: the server's state goes from one to the next.
    const bool own_rounds = with.what == workload::restart || with.what == workload::crash;
    for (unsigned round = 0; round < (own_rounds ? 1 : with.rounds); ++round)
        for (std::size_t i = 0; i < targets.size(); ++i) {
            PLEXUS_TRY(auto one, run_once(targets[i], with));
            lost = lost || loses(one);
            found[i].push_back(std::move(one));
        }
    report out;
    out.workload = name_of(with.what);
    out.machine = machine();
    out.options = with.shown();
    for (std::size_t i = 0; i < targets.size(); ++i)
        out.servers.push_back({smp::to_public_text(targets[i].address), median_of(found[i])});
    const bool colours = isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
    std::fputs(with.json ? to_json(out).c_str() : to_table(out, colours).c_str(), stdout);
    return lost ? fail("messages were lost or doubled", 1) : 0;
}

} // namespace
} // namespace plexus::bench

int main(int argc, char** argv) {
    using namespace plexus::bench;
    const std::vector<std::string> words(argv + 1, argv + argc);
    try {
        const auto given = parse_options(words);
        if (!given) return fail(given.error().message(), 2);
        if (given->help) {
            std::fputs(usage(words).c_str(), stdout);
            return 0;
        }
        if (given->version) {
            std::puts("plexus-bench " PLEXUS_VERSION);
            return 0;
        }
        std::signal(SIGPIPE, SIG_IGN);
        raise_limits();
        const auto done = run(*given);
        return done ? *done : fail(done.error().message(), 1);
    } catch (const std::exception& failure) {
        return fail(failure.what(), 1);
    }
}
