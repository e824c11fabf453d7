// store-lmdb when its process is killed in the middle of writing.
#include "lmdb_support.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <signal.h>

namespace plexus {
namespace {

/// One shard's endless writer: batch n sets two keys of its own and the shard's count, and its completion
/// sends (shard, n) through the pipe.
class endless_writer {
  public:
    endless_writer(validate::store_bench& bench, plexus_table* table, std::uint32_t shard, int pipe)
        : bench_(bench), table_(table), shard_(shard), pipe_(pipe) {}

    void commit() {
        ++number_;
        const std::string prefix = std::to_string(shard_) + "-" + std::to_string(number_);
        batch_ = write_batch();
        batch_.put(table_, to_bytes(prefix + "-a"), to_bytes(std::to_string(number_)));
        batch_.put(table_, to_bytes(prefix + "-large"), bytes(number_ % 5 * 3000, 'v'));
        batch_.put(table_, to_bytes("last-" + std::to_string(shard_)), to_bytes(std::to_string(number_)));
        batch_.put(table_, to_bytes(prefix + "-z"), to_bytes(std::to_string(number_)));
        const plexus_completion done{[](void* context, std::int32_t status, const plexus_error*) {
                                         if (status != PLEXUS_OK) ::_exit(98);
                                         static_cast<endless_writer*>(context)->completed();
                                     },
                                     this};
        const auto& writes = batch_.writes();
        bench_.store().commit(bench_.self(), writes.data(), static_cast<std::uint32_t>(writes.size()), done);
    }

  private:
    void completed() {
        const std::uint32_t told[2] = {shard_, number_};
        if (::write(pipe_, told, sizeof told) != sizeof told) ::_exit(97);
        commit();
    }
    validate::store_bench& bench_;
    plexus_table* table_;
    std::uint32_t shard_;
    int pipe_;
    std::uint32_t number_ = 0;
    write_batch batch_;
};

int write_until_killed(const validate::store_target& target, const std::filesystem::path& folder, int pipe) {
    validate::store_bench bench(target, folder);
    bench.open();
    plexus_table* table = bench.table("a.table.with.a.long.name");
    std::deque<endless_writer> writers;
    for (std::uint32_t shard = 0; shard < validate::store_bench::shards; ++shard)
        writers.emplace_back(bench, table, shard, pipe);
    for (std::uint32_t shard = 0; shard < validate::store_bench::shards; ++shard)
        bench.post(shard, [&one = writers[shard]] { one.commit(); });
    for (;;) ::pause();
}

class lmdb_crash : public ::testing::TestWithParam<const char*> {};

TEST_P(lmdb_crash, keeps_every_completed_batch_and_no_part_of_another) {
    const auto target = test::lmdb_target("durability = \"" + std::string(GetParam()) + "\"\n");
    std::mt19937 random(11);
    for (int round = 0; round < 12; ++round) {
        const test::scratch_folder scratch;
        int ends[2];
        ASSERT_EQ(::pipe(ends), 0);
        const pid_t child = ::fork();
        if (child == 0) {
            ::close(ends[0]);
            try {
                write_until_killed(target, scratch.path(), ends[1]);
            } catch (...) {
            }
            ::_exit(99);
        }
        ::close(ends[1]);
        std::uint32_t completed[validate::store_bench::shards] = {};
        std::uint32_t told[2];
        const auto kill_after = random() % 120 + 1;
        std::uint32_t seen = 0;
        while (::read(ends[0], told, sizeof told) == sizeof told) {
            completed[told[0]] = told[1];
            if (++seen == kill_after)
                ::kill(child, SIGKILL); // what is in the pipe by then was completed, too
        }
        ::close(ends[0]);
        int status = 0;
        ::waitpid(child, &status, 0);
        ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself: " << WEXITSTATUS(status);

        validate::store_bench bench(target, scratch.path());
        bench.open();
        plexus_table* table = bench.table("a.table.with.a.long.name");
        for (std::uint32_t shard = 0; shard < validate::store_bench::shards; ++shard) {
            const std::string name = std::to_string(shard);
            const auto last = std::stoul(bench.get(table, "last-" + name).value_or("0"));
            ASSERT_GE(last, completed[shard]) << "a completed batch is gone";
            for (std::uint32_t n = 1; n <= last + 3; ++n) {
                const std::string prefix = name + "-" + std::to_string(n);
                const bool whole = n <= last;
                ASSERT_EQ(bench.get(table, prefix + "-a").has_value(), whole) << prefix;
                ASSERT_EQ(bench.get(table, prefix + "-z").has_value(), whole) << prefix;
                const auto large = bench.get(table, prefix + "-large");
                ASSERT_EQ(large.has_value(), whole) << prefix;
                if (whole) {
                    ASSERT_EQ(*large, std::string(n % 5 * 3000, 'v')) << prefix;
                }
            }
        }
        bench.put(table, "after", "goes on");
        bench.close();
    }
}

INSTANTIATE_TEST_SUITE_P(durability, lmdb_crash, ::testing::Values("os", "sync", "unsafe-power"),
                         [](const auto& given) {
                             std::string name = given.param;
                             for (char& c : name) c = c == '-' ? '_' : c;
                             return name;
                         });

} // namespace
} // namespace plexus
