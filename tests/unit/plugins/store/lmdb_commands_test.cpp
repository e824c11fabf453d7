// What people do with stores: backup, also of one in use; compact; verify; repair.
#include "lmdb_support.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <thread>

namespace plexus {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

struct outcome {
    int code;
    std::string output; ///< and errors
};
outcome plexusd(const std::string& words, const fs::path& scratch) {
    const auto out = scratch / "output";
    const auto line = std::string(PLEXUSD_PATH) + " " + words + " > " + out.string() + " 2>&1";
    const int status = std::system(line.c_str());
    std::ifstream in(out);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1,
            std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>())};
}

/// A deployment with a store alone, and a file beside it.
class lmdb_commands : public ::testing::Test {
  protected:
    lmdb_commands() {
        fs::create_directory(folder_);
        std::ofstream(folder_ / "plexus.toml") << "[plugin.store-lmdb]\npath = \"store\"\n";
        std::ofstream(folder_ / "server.key") << "secret";
        fs::permissions(folder_ / "server.key", fs::perms::owner_read | fs::perms::owner_write);
    }
    /// Row n of table `t`; some need pages of their own.
    static std::string key(int n) { return "key-" + std::to_string(100'000 + n); }
    static std::string value(int n) {
        return std::string(static_cast<std::size_t>(n % 50 == 0 ? 9'000 : 40), 'v');
    }
    static void fill(validate::store_bench& bench, int from, int to) {
        plexus_table* t = bench.table("t");
        for (int n = from; n < to;) {
            write_batch batch;
            for (int end = std::min(to, n + 500); n < end; ++n)
                batch.put(t, to_bytes(key(n)), to_bytes(value(n)));
            ASSERT_EQ(bench.commit(batch), PLEXUS_OK);
        }
    }
    void fill_new(int rows) {
        validate::store_bench bench(target_, folder_);
        bench.open();
        fill(bench, 0, rows);
        bench.put(bench.table("other"), "a", "b");
        bench.close();
    }
    /// How many of the first rows are there as they were.
    int rows_in(const fs::path& folder, int most) const {
        validate::store_bench bench(target_, folder);
        bench.open();
        plexus_table* t = bench.table("t");
        int out = 0;
        for (int n = 0; n < most; ++n) out += bench.get(t, key(n)) == value(n) ? 1 : 0;
        bench.close();
        return out;
    }
    /// Overwrites the beginning of a page, if it is a leaf with rows of `t`.
    bool damage(std::uint64_t page) const {
        std::fstream file(folder_ / "store/data.mdb", std::ios::in | std::ios::out | std::ios::binary);
        std::string content(4'096, '\0');
        file.seekg(static_cast<std::streamoff>(page * 4'096));
        file.read(content.data(), 4'096);
        constexpr char is_leaf = 2;
        if (content[10] != is_leaf || content.find("key-1") == std::string::npos) return false;
        file.seekp(static_cast<std::streamoff>(page * 4'096));
        file << std::string(200, '\x55');
        return true;
    }

    test::scratch_folder scratch_;
    fs::path folder_ = scratch_.path() / "deployment";
    validate::store_target target_ = test::lmdb_target();
    std::string here_ = scratch_.path().string() + "/";
};

TEST_F(lmdb_commands, a_backup_of_a_store_in_use_is_one_moment_of_it) {
    validate::store_bench bench(target_, folder_);
    bench.open();
    fill(bench, 0, 2'000);
    plexus_table* t = bench.table("t");
    // Each commit moves a pair together, as fast as it goes, while the backup runs.
    std::atomic<bool> over{false};
    outcome made{};
    std::thread command([&] {
        made = plexusd("backup " + here_ + "deployment " + here_ + "backup", scratch_.path());
        over = true;
        bench.wake();
    });
    int last = 0;
    while (!over) {
        write_batch batch;
        batch.put(t, to_bytes("left"), to_bytes(std::to_string(++last)));
        batch.put(t, to_bytes("right"), to_bytes(std::to_string(last)));
        batch.put(t, to_bytes("mid-" + std::to_string(last % 100)), bytes(3'000, 'm'));
        ASSERT_EQ(bench.commit(batch), PLEXUS_OK);
    }
    command.join();
    bench.close();
    EXPECT_EQ(made.code, 0) << made.output;
    EXPECT_THAT(made.output, HasSubstr(" rows, "));
    EXPECT_EQ(rows_in(scratch_.path() / "backup", 2'000), 2'000);
    EXPECT_EQ(fs::status(scratch_.path() / "backup/server.key").permissions(),
              fs::perms::owner_read | fs::perms::owner_write);
    EXPECT_FALSE(fs::exists(scratch_.path() / "backup.part"));
    {
        validate::store_bench copy(target_, scratch_.path() / "backup");
        copy.open();
        plexus_table* in = copy.table("t");
        EXPECT_EQ(copy.get(in, "left"), copy.get(in, "right"));
        copy.close();
    }
    EXPECT_EQ(plexusd("verify " + here_ + "backup", scratch_.path()).code, 0);
    const auto again = plexusd("backup " + here_ + "deployment " + here_ + "backup", scratch_.path());
    EXPECT_EQ(again.code, 1);
    EXPECT_THAT(again.output, HasSubstr("is there already"));
}

TEST_F(lmdb_commands, compaction_gives_space_back_and_keeps_every_row) {
    fill_new(20'000);
    {
        validate::store_bench bench(target_, folder_);
        bench.open();
        write_batch batch;
        batch.erase_range(bench.table("t"), to_bytes(key(1'000)), to_bytes(key(20'000)));
        ASSERT_EQ(bench.commit(batch), PLEXUS_OK);
        const auto held = plexusd("compact " + here_ + "deployment", scratch_.path());
        EXPECT_EQ(held.code, 1);
        EXPECT_THAT(held.output, HasSubstr("is held by"));
        bench.close();
    }
    const auto before = fs::file_size(folder_ / "store/data.mdb");
    const auto done = plexusd("compact " + here_ + "deployment", scratch_.path());
    EXPECT_EQ(done.code, 0) << done.output;
    EXPECT_LT(fs::file_size(folder_ / "store/data.mdb"), before / 4);
    EXPECT_EQ(rows_in(folder_, 1'001), 1'000);
    EXPECT_FALSE(fs::exists(folder_ / "store/compact"));
}

TEST_F(lmdb_commands, damage_is_found_and_what_can_be_read_is_saved) {
    constexpr int rows = 5'000;
    fill_new(rows);
    EXPECT_EQ(plexusd("verify " + here_ + "deployment", scratch_.path()).code, 0);
    const auto untouched = plexusd("repair " + here_ + "deployment", scratch_.path());
    EXPECT_EQ(untouched.code, 0);
    EXPECT_THAT(untouched.output, HasSubstr("sound, nothing is changed"));
    std::uint64_t page = 40; // leaves that are free do no harm
    while (!damage(page) || plexusd("verify " + here_ + "deployment", scratch_.path()).code == 0)
        ASSERT_LT(++page, 200U);
    const auto found = plexusd("verify " + here_ + "deployment", scratch_.path());
    EXPECT_EQ(found.code, 1);
    EXPECT_THAT(found.output, HasSubstr("page " + std::to_string(page)));
    EXPECT_EQ(plexusd("compact " + here_ + "deployment", scratch_.path()).code, 1);
    EXPECT_EQ(plexusd("backup " + here_ + "deployment " + here_ + "backup", scratch_.path()).code, 1);

    const auto saved = plexusd("repair " + here_ + "deployment", scratch_.path());
    EXPECT_EQ(saved.code, 3) << saved.output;
    EXPECT_THAT(saved.output, HasSubstr(" rows were saved; "));
    EXPECT_TRUE(fs::exists(folder_ / "store/data.mdb.damaged-1"));
    EXPECT_EQ(plexusd("verify " + here_ + "deployment", scratch_.path()).code, 0);
    const int left = rows_in(folder_, rows);
    EXPECT_LT(left, rows);
    EXPECT_GT(left, rows / 2);
}

/// What is in the journal of a killed process belongs to the store, whatever is done to it next.
TEST_F(lmdb_commands, a_killed_process_leaves_a_journal_that_counts) {
    fill_new(2'000);
    const auto fill_and_die = [&](int from, int to) {
        const int code = test::in_child([&] {
            validate::store_bench bench(target_, folder_);
            bench.open();
            fill(bench, from, to);
            ::_exit(0);
            return 1;
        });
        ASSERT_EQ(code, 0);
        const auto files = fs::directory_iterator(folder_ / "store");
        ASSERT_TRUE(std::any_of(begin(files), end(files), [](const fs::directory_entry& one) {
            return one.path().filename().string().starts_with("journal-");
        }));
    };
    fill_and_die(2'000, 2'500);
    const auto copied = plexusd("backup " + here_ + "deployment " + here_ + "backup", scratch_.path());
    ASSERT_EQ(copied.code, 0) << copied.output;
    EXPECT_EQ(rows_in(scratch_.path() / "backup", 2'500), 2'500);
    const auto compacted = plexusd("compact " + here_ + "deployment", scratch_.path());
    ASSERT_EQ(compacted.code, 0) << compacted.output;
    EXPECT_EQ(rows_in(folder_, 2'500), 2'500);

    fill_and_die(2'500, 3'000);
    std::uint64_t page = 10;
    while (!damage(page) || plexusd("verify " + here_ + "deployment", scratch_.path()).code == 0)
        ASSERT_LT(++page, 200U);
    const auto saved = plexusd("repair " + here_ + "deployment", scratch_.path());
    ASSERT_EQ(saved.code, 3) << saved.output;
    validate::store_bench bench(target_, folder_);
    bench.open();
    plexus_table* t = bench.table("t");
    for (int n = 2'500; n < 3'000; ++n) ASSERT_EQ(bench.get(t, key(n)), value(n)) << n;
    bench.close();
}

TEST_F(lmdb_commands, mistakes_are_named) {
    EXPECT_THAT(plexusd("verify " + here_ + "nowhere", scratch_.path()).output, HasSubstr("cannot read"));
    const auto unused = plexusd("verify " + here_ + "deployment", scratch_.path());
    EXPECT_EQ(unused.code, 1);
    EXPECT_THAT(unused.output, HasSubstr("data.mdb is not there"));
    EXPECT_FALSE(fs::exists(folder_ / "store"));
    EXPECT_EQ(plexusd("backup " + here_ + "deployment", scratch_.path()).code, 2);
}

} // namespace
} // namespace plexus
