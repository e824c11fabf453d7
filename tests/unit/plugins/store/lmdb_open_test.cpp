// Opening a store of store-lmdb: who holds it, permissions, and files that are damaged.
#include "lmdb_support.hpp"

#include <gmock/gmock.h>

#include <array>
#include <fstream>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace plexus {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class lmdb_open : public ::testing::Test {
  protected:
    std::filesystem::path store() const { return scratch_.path() / "store"; }
    std::filesystem::path file() const { return store() / "data.mdb"; }
    std::string error(const std::string& more = {}) const {
        return test::open_error(test::lmdb_target(more), scratch_.path());
    }

    void make_store(int rows, std::size_t size) {
        const auto target = test::lmdb_target();
        validate::store_bench bench(target, scratch_.path());
        bench.open();
        for (const char* name : {"one", "two"}) {
            write_batch batch;
            for (int i = 0; i < rows; ++i)
                batch.put(bench.table(name), to_bytes("key-" + std::to_string(i)), bytes(size, 'v'));
            ASSERT_EQ(bench.commit(batch), PLEXUS_OK);
        }
        bench.close();
    }
    std::string content() const {
        std::ifstream in(file(), std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    void replace(const std::string& with) const {
        std::ofstream out(file(), std::ios::binary | std::ios::trunc);
        out << with;
    }

    test::scratch_folder scratch_;
};

TEST_F(lmdb_open, makes_its_folder_for_the_owner_alone) {
    const auto deep = test::lmdb_target();
    std::filesystem::create_directory(scratch_.path() / "x");
    ASSERT_THAT(test::open_error(deep, scratch_.path() / "x" / "y" / "z"), IsEmpty());
    const auto made = scratch_.path() / "x" / "y" / "z" / "store";
    struct stat about {};
    ASSERT_EQ(::stat(made.c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777, 0700U);
    ASSERT_EQ(::stat((made / "data.mdb").c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777, 0600U);
}

TEST_F(lmdb_open, names_the_holder_to_a_second_opener) {
    // Before there are threads: ThreadSanitizer knows none in what was forked behind them.
    std::array<int, 2> turn{};
    ASSERT_EQ(::pipe(turn.data()), 0);
    const pid_t other = ::fork();
    if (other == 0) {
        char go = 0;
        ::_exit(::read(turn[0], &go, 1) == 1 && error().find("held by process") != std::string::npos ? 0 : 1);
    }
    const auto target = test::lmdb_target();
    validate::store_bench first(target, scratch_.path());
    first.open();
    EXPECT_THAT(error(),
                AllOf(HasSubstr(store().string()), HasSubstr("held by process " + std::to_string(::getpid())),
                      HasSubstr("plexus-validate, store")));
    EXPECT_EQ(::write(turn[1], "g", 1), 1);
    int status = -1;
    EXPECT_EQ(::waitpid(other, &status, 0), other);
    EXPECT_EQ(status, 0) << "another process is kept out as well";
    ::close(turn[0]);
    ::close(turn[1]);
    first.put(first.table("t"), "k", "v");
    first.close();
    EXPECT_THAT(error(), IsEmpty()) << "the lock goes with its holder";
}

TEST_F(lmdb_open, says_that_the_path_is_a_file) {
    std::ofstream(store()) << "text";
    EXPECT_THAT(error(), AllOf(HasSubstr(store().string()), HasSubstr("is not a folder")));
}

TEST_F(lmdb_open, says_that_the_path_is_missing) {
    const validate::store_target target{"store-lmdb", {PLEXUS_PLUGINS}, "", "", false};
    EXPECT_THAT(test::open_error(target, scratch_.path()), HasSubstr("path is missing"));
}

TEST_F(lmdb_open, says_who_may_write) {
    make_store(1, 10);
    ASSERT_EQ(::chmod(scratch_.path().c_str(), 0755), 0);
    // Where that user can read it, which the build may not be.
    auto plugin = test::lmdb_target();
    const auto plugins = scratch_.path() / "plugins";
    std::filesystem::create_directory(plugins);
    std::filesystem::copy(PLEXUS_PLUGINS "/store-lmdb.so", plugins);
    plugin.plugin_folders = {plugins};
    const auto as_other_user = [&](const std::filesystem::path& target) {
        return test::in_child([&] {
            if (::geteuid() == 0 &&
                (::setgroups(0, nullptr) != 0 || ::setgid(65534) != 0 || ::setuid(65534) != 0))
                return 2;
            const std::string text = test::open_error(plugin, scratch_.path());
            return text.find(target.string()) != std::string::npos &&
                           text.find("cannot be") != std::string::npos
                       ? 0
                       : 1;
        });
    };
    ASSERT_EQ(::chmod(store().c_str(), 0555), 0);
    ASSERT_EQ(::chmod((store() / "owner").c_str(), 0444), 0);
    EXPECT_EQ(as_other_user(store()), 0) << "a folder of another";
    ASSERT_EQ(::chmod(store().c_str(), 0777), 0);
    ASSERT_EQ(::chmod((store() / "owner").c_str(), 0666), 0);
    ASSERT_EQ(::chmod(file().c_str(), ::geteuid() == 0 ? 0600 : 0000), 0);
    EXPECT_EQ(as_other_user(file()), 0) << "a file of another";
    ASSERT_EQ(::chmod(file().c_str(), 0600), 0);
}

TEST_F(lmdb_open, refuses_what_is_no_store) {
    make_store(100, 100);
    const std::string good = content();
    const std::pair<const char*, std::string> cases[] = {
        {"empty", ""},
        {"one byte", "x"},
        {"text", std::string(100000, 'x')},
        {"zeros", std::string(100000, '\0')},
        {"the first head is gone", std::string(4096, '\0') + good.substr(4096)},
        {"the second head is gone", good.substr(0, 4096) + std::string(4096, '\0') + good.substr(8192)},
        {"half", good.substr(0, good.size() / 2)},
        {"all but the last page", good.substr(0, good.size() - 4096)},
    };
    for (const auto& [name, damaged] : cases) {
        replace(damaged);
        EXPECT_THAT(error(), AllOf(HasSubstr(file().string()), HasSubstr("damaged"), HasSubstr("backup")))
            << name;
        EXPECT_TRUE(content() == damaged) << name << ": the file was changed";
    }
    replace(good);
    EXPECT_THAT(error(), IsEmpty());
}

/// Whatever page is overwritten, the store says so or goes on; it never ends the process.
TEST_F(lmdb_open, survives_garbage_in_any_page) {
    make_store(150, 700);
    const std::string good = content();
    int refused = 0;
    const auto pages = good.size() / 4096;
    ASSERT_GT(pages, 30U);
    for (std::size_t page = 2; page < pages; ++page) {
        std::string damaged = good;
        for (std::size_t i = 0; i < 4096; ++i)
            damaged[page * 4096 + i] = static_cast<char>((i * 37 + page) >> 3);
        replace(damaged);
        const int code = test::in_child([this] {
            const auto target = test::lmdb_target("check = \"full\"\n");
            validate::store_bench bench(target, scratch_.path());
            try {
                bench.open();
            } catch (const validate::broken_contract& failed) {
                return std::string_view(failed.what()).find("damaged") == std::string_view::npos ? 1 : 10;
            }
            bench.rows(bench.table("one"));
            bench.rows(bench.table("two"));
            return 0;
        });
        EXPECT_THAT(code, AnyOf(0, 10)) << "page " << page;
        refused += code == 10 ? 1 : 0;
    }
    EXPECT_GT(refused, 20) << "most pages are in use";
}

/// A single wrong byte in the head of a page, in its pointers or in a key.
TEST_F(lmdb_open, survives_flipped_bytes) {
    make_store(60, 40);
    const std::string good = content();
    const auto pages = good.size() / 4096;
    for (std::size_t page = 2; page < pages; ++page) {
        const int code = test::in_child([&] {
            for (std::size_t at = 0; at < 64; at += 3) {
                std::string damaged = good;
                damaged[page * 4096 + at] = static_cast<char>(damaged[page * 4096 + at] ^ 0x5a);
                replace(damaged);
                const auto target = test::lmdb_target("check = \"full\"\n");
                validate::store_bench bench(target, scratch_.path());
                try {
                    bench.open();
                    bench.rows(bench.table("one"));
                    bench.close();
                } catch (const validate::broken_contract&) {
                }
            }
            return 0;
        });
        EXPECT_EQ(code, 0) << "page " << page;
    }
}

} // namespace
} // namespace plexus
