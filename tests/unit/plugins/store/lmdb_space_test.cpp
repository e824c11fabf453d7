// store-lmdb and room: a disk that fills up, and a map that grows while others read.
#include "lmdb_support.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <thread>

namespace plexus {
namespace {

/// Fills the disk, makes room, and goes on. 0: all as promised; else the number of the broken expectation.
int fill_and_recover(const std::filesystem::path& folder, const std::function<void()>& make_room) {
    const auto target = test::lmdb_target();
    validate::store_bench bench(target, folder);
    bench.open();
    plexus_table* t = bench.table("t");
    int taken = 0;
    std::int32_t code = PLEXUS_OK;
    for (; taken < 1000 && code == PLEXUS_OK; ++taken) {
        write_batch batch;
        batch.put(t, to_bytes("key-" + std::to_string(taken)), bytes(10000, 'v'));
        batch.put(t, to_bytes("last"), to_bytes(std::to_string(taken)));
        code = bench.commit(batch);
    }
    --taken;
    if (code != PLEXUS_E_FULL) return 10;
    if (taken < 10) return 11;
    const auto whole = [&](int rows) {
        for (int i = 0; i < rows; ++i)
            if (bench.get(t, "key-" + std::to_string(i)) != std::string(10000, 'v')) return false;
        return !bench.get(t, "key-" + std::to_string(rows)) &&
               bench.get(t, "last") == std::to_string(rows - 1);
    };
    if (!whole(taken)) return 12;
    write_batch again;
    again.put(t, to_bytes("key-" + std::to_string(taken)), bytes(10000, 'v'));
    again.put(t, to_bytes("last"), to_bytes(std::to_string(taken)));
    if (bench.commit(again) != PLEXUS_E_FULL) return 13;
    make_room();
    if (bench.commit(again) != PLEXUS_OK) return 14;
    if (!whole(taken + 1)) return 15;
    bench.close();
    bench.open();
    t = bench.table("t");
    return whole(taken + 1) ? 0 : 16;
}

TEST(lmdb_space, a_file_that_may_not_grow) {
    const test::scratch_folder scratch;
    const int code = test::in_child([&] {
        ::signal(SIGXFSZ, SIG_IGN);
        rlimit limit{};
        ::getrlimit(RLIMIT_FSIZE, &limit);
        const rlim_t most = limit.rlim_max;
        limit.rlim_cur = 2'000'000; // in the middle of a page, so that the last write is a short one
        ::setrlimit(RLIMIT_FSIZE, &limit);
        return fill_and_recover(scratch.path(), [&] {
            const rlimit raised{most, most};
            ::setrlimit(RLIMIT_FSIZE, &raised);
        });
    });
    EXPECT_EQ(code, 0);
}

TEST(lmdb_space, a_disk_that_is_full) {
    const test::scratch_folder scratch;
    if (::mount("tmpfs", scratch.path().c_str(), "tmpfs", 0, "size=8m") != 0)
        GTEST_SKIP() << "mounting is not allowed here";
    {
        std::ofstream ballast(scratch.path() / "ballast");
        ballast << std::string(5'500'000, 'x');
    }
    const int code = test::in_child([&] {
        return fill_and_recover(scratch.path(), [&] { std::filesystem::remove(scratch.path() / "ballast"); });
    });
    ::umount2(scratch.path().c_str(), MNT_DETACH);
    EXPECT_EQ(code, 0);
}

TEST(lmdb_space, no_room_for_a_new_store) {
    const test::scratch_folder scratch;
    if (::mount("tmpfs", scratch.path().c_str(), "tmpfs", 0, "size=64k") != 0)
        GTEST_SKIP() << "mounting is not allowed here";
    {
        std::ofstream ballast(scratch.path() / "ballast");
        ballast << std::string(1'000'000, 'x');
    }
    const std::string text = test::open_error(test::lmdb_target(), scratch.path());
    ::umount2(scratch.path().c_str(), MNT_DETACH);
    EXPECT_THAT(text, ::testing::HasSubstr("no room"));
}

TEST(lmdb_space, the_map_grows_while_others_read) {
    const test::scratch_folder scratch;
    const auto target = test::lmdb_target("durability = \"unsafe-power\"\nmap-size = \"1GiB\"\n");
    validate::store_bench bench(target, scratch.path());
    bench.open();
    plexus_table* t = bench.table("t");
    bench.put(t, "key", "value");
    std::atomic<bool> over{false};
    std::atomic<int> wrong{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 3; ++i)
        readers.emplace_back([&] {
            while (!over) {
                if (bench.get(t, "key") != "value") ++wrong;
                if (bench.rows(t, "key", "l") != "key=value") ++wrong;
            }
        });
    constexpr std::size_t large = 8U << 20U;
    for (int i = 0; i < 12; ++i) bench.put(t, "large-" + std::to_string(i), std::string(large, 'v'));
    over = true;
    for (auto& one : readers) one.join();
    EXPECT_EQ(wrong, 0);
    for (int i = 0; i < 12; ++i)
        EXPECT_EQ(bench.get(t, "large-" + std::to_string(i)).value_or("").size(), large);
    const std::string metrics = bench.running().metrics();
    EXPECT_THAT(metrics, ::testing::HasSubstr("store_map_bytes{instance=\"store\"} 134217728"));
    bench.close();
}

} // namespace
} // namespace plexus
