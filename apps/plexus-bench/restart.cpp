// The workload `restart`: how long a server with many queues takes to start, and what they cost it then.
#include "server_process.hpp"
#include "statistics.hpp"
#include "workloads.hpp"

namespace plexus::bench {
namespace {

/// Queues that are asked for after a start, to see that they are there.
constexpr std::size_t samples = 100;

} // namespace

result<figures> run_restart(target& to, const options& with) {
    server_process server(with.command, with.server_log);
    PLEXUS_TRY(const double empty_start, server.start(to));
    const auto empty = to.memory();
    load on(to, {with.authorization, false});
    PLEXUS_CHECK(on.open_connections(1));
    PLEXUS_CHECK(on.create_queues(with.queues, false, 0, 1));
    on.close_connections();
    std::vector<load_queue> sample;
    for (std::size_t i = 0; i < std::min(samples, with.queues); ++i)
        sample.push_back(on.queues()[i * with.queues / std::min(samples, with.queues)]);
    on.queues() = std::move(sample);
    std::vector<double> stops;
    std::vector<double> starts;
    std::vector<double> answers;
    std::vector<double> memory;
    std::vector<double> file;
    for (unsigned round = 0; round < with.rounds; ++round) {
        on.shown().show("start", round, with.rounds);
        PLEXUS_TRY(const double stopped, server.stop());
        const auto begin = std::chrono::steady_clock::now();
        PLEXUS_TRY(const double started, server.start(to));
        const auto used = to.memory();
        PLEXUS_CHECK(on.open_connections(1));
        PLEXUS_CHECK(on.subscribe_queues());
        answers.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
        on.close_connections();
        stops.push_back(stopped);
        starts.push_back(started);
        memory.push_back(static_cast<double>(used.anonymous));
        file.push_back(static_cast<double>(used.file));
    }
    PLEXUS_CHECK(server.stop());
    const double anonymous = median(memory);
    return figures{
        {"start_seconds", "start to listening", unit::seconds, median(starts)},
        {"answer_seconds", "start to the first subscriptions", unit::seconds, median(answers)},
        {"stop_seconds", "stop", unit::seconds, median(stops)},
        {"empty_start_seconds", "start before there were these queues", unit::seconds, empty_start},
        {"anonymous_bytes", "RssAnon when it listens", unit::bytes, anonymous},
        {"file_bytes", "RssFile when it listens", unit::bytes, median(file)},
        {"empty_anonymous_bytes", "RssAnon before there were these queues", unit::bytes,
         static_cast<double>(empty.anonymous)},
        {"queue_anonymous_bytes", "RssAnon a queue restored", unit::bytes,
         (anonymous - static_cast<double>(empty.anonymous)) / static_cast<double>(with.queues)},
    };
}

} // namespace plexus::bench
