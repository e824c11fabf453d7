#include "store_suite.hpp"

namespace plexus::validate {
namespace {

using bench = store_bench;

constexpr std::size_t block = 16384;

/// Puts blocks until the store says FULL; how many it took.
int fill(store_bench& b, plexus_table* t, const std::string& prefix) {
    for (int i = 0; i < 4096; ++i) {
        write_batch batch;
        batch.put(t, to_bytes(prefix + std::to_string(i)), bytes(block, 'v'));
        const std::int32_t code = b.commit(batch);
        if (code == PLEXUS_E_FULL) return i;
        bench::expect_equal(code, PLEXUS_OK, "a commit is OK or FULL");
    }
    throw broken_contract("a store of 16 MiB at the most took 64 MiB");
}

int count(store_bench& b, plexus_table* t) {
    const std::string all = b.rows(t);
    int rows = all.empty() ? 0 : 1;
    for (const char c : all) rows += c == ' ' ? 1 : 0;
    return rows;
}

void full_loses_nothing(store_bench& b) {
    plexus_table* t = b.table("t");
    b.put(t, "a", "kept");
    const int taken = fill(b, t, "block-");
    bench::expect(taken > 0, "a store of at least 1 MiB takes a block of 16 KiB");
    bench::expect_equal(count(b, t), taken + 1, "FULL loses nothing that was committed");
    write_batch both;
    both.put(t, to_bytes("b"), to_bytes("small"));
    for (int i = 0; i < 40; ++i) both.put(t, to_bytes("large-" + std::to_string(i)), bytes(block, 'v'));
    bench::expect_equal(b.commit(both), PLEXUS_E_FULL, "a batch that does not fit fails with FULL");
    bench::expect(!b.get(t, "b"), "and leaves nothing");
    bench::expect_text(b.get(t, "a").value_or("none"), "kept", "reads go on");
}

void full_recovers(store_bench& b) {
    plexus_table* t = b.table("t");
    for (int round = 0; round < 3; ++round) {
        const std::string prefix = "round-" + std::to_string(round) + "-";
        const int taken = fill(b, t, prefix);
        bench::expect(taken > 0, "after a deletion there is room again");
        write_batch half;
        half.erase_range(t, to_bytes(prefix), to_bytes("round-" + std::to_string(round + 1)));
        bench::expect_equal(b.commit(half), PLEXUS_OK, "a full store deletes");
        b.put(t, "small", "after round " + std::to_string(round));
    }
    bench::expect_text(b.rows(t), "small=after round 2", "a store that was full works");
}

void failure_fails_what_is_queued(store_bench& b) {
    plexus_table* t = b.table("t");
    fill(b, t, "block-");
    constexpr int batches = 30;
    struct state {
        store_bench& bench;
        plexus_table* t;
        write_batch large = {};
        std::vector<write_batch> small = std::vector<write_batch>(batches);
        write_batch retry = {};
        std::vector<std::int32_t> statuses = {};
        bool said_why = false;
        std::int32_t retried = -1;
        std::atomic<bool> over{false};

        void commit(const write_batch& batch, void (*done)(void*, std::int32_t, const plexus_error*)) {
            const auto& writes = batch.writes();
            bench.store().commit(bench.self(), writes.data(), static_cast<std::uint32_t>(writes.size()),
                                 {done, this});
        }
    } all{b, t};
    for (int i = 0; i < 300; ++i) all.large.put(t, to_bytes("large-" + std::to_string(i)), bytes(block, 'v'));
    for (int i = 0; i < batches; ++i)
        all.small[static_cast<std::size_t>(i)].erase(t, to_bytes("block-" + std::to_string(i)));
    all.retry.erase(t, to_bytes("block-0"));
    const int before = count(b, t);

    b.on(1, [&] {
        all.commit(all.large, [](void* context, std::int32_t status, const plexus_error* why) {
            auto& mine = *static_cast<state*>(context);
            mine.statuses.push_back(status);
            mine.said_why = why != nullptr && why->message.size != 0;
            // Whoever knows of the failure is not behind it.
            mine.commit(mine.retry, [](void* same, std::int32_t later, const plexus_error*) {
                auto& known = *static_cast<state*>(same);
                known.retried = later;
                known.bench.tell(known.over);
            });
        });
        for (const auto& batch : all.small)
            all.commit(batch, [](void* context, std::int32_t status, const plexus_error*) {
                static_cast<state*>(context)->statuses.push_back(status);
            });
    });
    b.wait([&] { return all.over.load(); });
    bench::expect_equal(static_cast<std::int64_t>(all.statuses.size()), batches + 1, "every batch completes");
    bench::expect(all.said_why, "the failure comes with a sentence");
    for (const std::int32_t status : all.statuses)
        bench::expect_equal(status, PLEXUS_E_FULL,
                            "after a failure every batch already queued behind it fails");
    bench::expect_equal(all.retried, PLEXUS_OK, "a batch made after the failure was told does not");
    bench::expect_equal(count(b, t), before - 1, "a batch that failed left nothing");
}

void full_survives_a_restart(store_bench& b) {
    plexus_table* t = b.table("t");
    const int taken = fill(b, t, "block-");
    b.close();
    b.open(true);
    t = b.table("t");
    bench::expect_equal(count(b, t), taken, "a full store opens again with all it had");
    write_batch all;
    all.erase_range(t, {}, {});
    bench::expect_equal(b.commit(all), PLEXUS_OK, "and deletes");
    b.put(t, "k", "v");
}

constexpr store_case cases[] = {
    {"full_loses_nothing", "Applies all writes or none.", full_loses_nothing, true},
    {"full_recovers", "no room on the disk or in the map", full_recovers, true},
    {"failure_fails_what_is_queued",
     "after any other failure (FULL, IO, CORRUPT) every batch already queued behind it fails as well",
     failure_fails_what_is_queued, true},
    {"full_survives_a_restart", "Applies all writes or none.", full_survives_a_restart, true, true},
};

} // namespace

std::span<const store_case> failure_cases() { return cases; }

} // namespace plexus::validate
