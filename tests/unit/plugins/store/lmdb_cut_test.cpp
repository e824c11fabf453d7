// store-lmdb and power cuts: every write to the data file and every sync of it is recorded, and the file is
// made again as a disk may show it after a cut behind each of them: with all writes, with those only that
// were synced, and with a part of the sectors of the others.
#include "lmdb_support.hpp"
#include "verify.hpp"

#include <gtest/gtest.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <fstream>
#include <lmdb.h>
#include <mutex>
#include <random>
#include <sys/stat.h>
#include <sys/uio.h>

namespace plexus {
namespace {

struct operation {
    enum class kind { write, sync, truncate } what;
    std::uint64_t at = 0; ///< of truncate: the size
    bytes data;
    bool synced = false; ///< by itself, as with O_DSYNC
};

/// What happens to one file.
class recorder {
  public:
    void begin(const std::filesystem::path& file) {
        const std::lock_guard hold(mutex_);
        struct stat about {};
        ASSERT_EQ(::stat(file.c_str(), &about), 0);
        watched_ = about.st_ino;
        operations_.clear();
    }
    std::vector<operation> end() {
        const std::lock_guard hold(mutex_);
        watched_ = 0;
        return std::move(operations_);
    }
    std::size_t count() {
        const std::lock_guard hold(mutex_);
        return operations_.size();
    }

    void note(int file, operation what) {
        const std::lock_guard hold(mutex_);
        struct stat about {};
        if (watched_ == 0 || ::fstat(file, &about) != 0 || about.st_ino != watched_) return;
        what.synced = (::fcntl(file, F_GETFL) & O_DSYNC) != 0;
        operations_.push_back(std::move(what));
    }
    void wrote(int file, const void* data, ssize_t size, off_t at) {
        if (size <= 0) return;
        const auto* first = static_cast<const std::uint8_t*>(data);
        note(file, {operation::kind::write, static_cast<std::uint64_t>(at), bytes(first, first + size)});
    }

  private:
    std::mutex mutex_;
    ino_t watched_ = 0;
    std::vector<operation> operations_;
};
recorder& recorded() {
    static recorder one;
    return one;
}

template <typename Function>
Function real(Function, const char* name) {
    return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

} // namespace
} // namespace plexus

// These stand before those of libc also for liblmdb, since the program exports them.
extern "C" {
#define SHOWN __attribute__((visibility("default")))
SHOWN ssize_t pwrite(int file, const void* data, size_t size, off_t at) {
    static const auto call = plexus::real(&::pwrite, "pwrite");
    const ssize_t done = call(file, data, size, at);
    plexus::recorded().wrote(file, data, done, at);
    return done;
}
SHOWN ssize_t write(int file, const void* data, size_t size) {
    static const auto call = plexus::real(&::write, "write");
    const off_t at = ::lseek(file, 0, SEEK_CUR);
    const ssize_t done = call(file, data, size);
    if (at >= 0) plexus::recorded().wrote(file, data, done, at);
    return done;
}
SHOWN ssize_t writev(int file, const struct iovec* parts, int count) {
    static const auto call = plexus::real(&::writev, "writev");
    off_t at = ::lseek(file, 0, SEEK_CUR);
    ssize_t left = call(file, parts, count);
    const ssize_t done = left;
    for (int i = 0; at >= 0 && i < count && left > 0; ++i) {
        const auto size = std::min(left, static_cast<ssize_t>(parts[i].iov_len));
        plexus::recorded().wrote(file, parts[i].iov_base, size, at);
        at += size;
        left -= size;
    }
    return done;
}
SHOWN int fdatasync(int file) {
    static const auto call = plexus::real(&::fdatasync, "fdatasync");
    const int done = call(file);
    plexus::recorded().note(file, {plexus::operation::kind::sync, 0, {}});
    return done;
}
SHOWN int fsync(int file) {
    static const auto call = plexus::real(&::fsync, "fsync");
    const int done = call(file);
    plexus::recorded().note(file, {plexus::operation::kind::sync, 0, {}});
    return done;
}
SHOWN int ftruncate(int file, off_t size) noexcept {
    static const auto call = plexus::real(&::ftruncate, "ftruncate");
    const int done = call(file, size);
    plexus::recorded().note(file, {plexus::operation::kind::truncate, static_cast<std::uint64_t>(size), {}});
    return done;
}
}

namespace plexus {
namespace {

std::string content_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

enum class cut { died, lost, torn };

/// The file after the first `count` operations and a cut.
std::string image(std::string file, const std::vector<operation>& all, std::size_t count, cut how,
                  std::mt19937& random) {
    std::size_t synced = 0; // everything before it
    for (std::size_t i = 0; i < count; ++i)
        if (all[i].what == operation::kind::sync) synced = i;
    constexpr std::size_t sector = 512;
    for (std::size_t i = 0; i < count; ++i) {
        const auto& one = all[i];
        const bool safe = how == cut::died || i < synced || one.synced;
        if (one.what == operation::kind::truncate && safe) file.resize(one.at);
        if (one.what != operation::kind::write || (!safe && how == cut::lost)) continue;
        for (std::size_t at = 0; at < one.data.size(); at += sector) {
            if (!safe && random() % 2 == 0) continue;
            const auto part = as_text(bytes_view(one.data)).substr(at, sector);
            if (file.size() < one.at + at + part.size()) file.resize(one.at + at + part.size());
            file.replace(one.at + at, part.size(), part);
        }
    }
    return file;
}

/// The rows of the table "t" in a file, by LMDB itself.
std::map<std::string, std::string> rows_of(const std::filesystem::path& folder) {
    std::map<std::string, std::string> out;
    MDB_env* env = nullptr;
    mdb_env_create(&env);
    mdb_env_set_maxdbs(env, 8);
    const int opened = mdb_env_open(env, folder.c_str(), MDB_RDONLY | MDB_NOLOCK, 0600);
    EXPECT_EQ(opened, 0) << mdb_strerror(opened);
    MDB_txn* txn = nullptr;
    MDB_dbi table = 0;
    MDB_cursor* cursor = nullptr;
    if (opened == 0 && mdb_txn_begin(env, nullptr, MDB_RDONLY, &txn) == 0) {
        if (mdb_dbi_open(txn, "t", 0, &table) == 0 && mdb_cursor_open(txn, table, &cursor) == 0) {
            MDB_val key{};
            MDB_val value{};
            while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0)
                out.emplace(std::string(static_cast<char*>(key.mv_data), key.mv_size),
                            std::string(static_cast<char*>(value.mv_data), value.mv_size));
            mdb_cursor_close(cursor);
        }
        mdb_txn_abort(txn);
    }
    mdb_env_close(env);
    return out;
}

class lmdb_cut : public ::testing::TestWithParam<const char*> {};

TEST_P(lmdb_cut, a_cut_behind_every_write_leaves_what_was_promised) {
    const std::string mode = GetParam();
    const test::scratch_folder scratch;
    const auto target = test::lmdb_target("durability = \"" + mode + "\"\n");
    constexpr std::size_t commits = 24;

    // What the store holds after each commit, and how many operations there were when it was complete.
    std::vector<std::map<std::string, std::string>> states;
    std::vector<std::size_t> complete;
    const auto file = scratch.path() / "store/data.mdb";
    std::string before;
    {
        validate::store_bench bench(target, scratch.path());
        bench.open();
        plexus_table* t = bench.table("t");
        bench.put(t, "0", "begun");
        bench.close();
        bench.open();
        t = bench.table("t");
        before = content_of(file);
        states.push_back({{"0", "begun"}});
        recorded().begin(file);
        for (std::size_t n = 1; n <= commits; ++n) {
            auto next = states.back();
            write_batch batch;
            const auto put = [&](const std::string& key, const std::string& value) {
                batch.put(t, to_bytes(key), to_bytes(value));
                next[key] = value;
            };
            put("last", std::to_string(n));
            put("small-" + std::to_string(n % 5), std::string(n * 30, 'a'));
            put("large-" + std::to_string(n % 3), std::string(n % 4 * 5'000, 'b'));
            if (n % 4 == 0) {
                batch.erase(t, to_bytes("large-" + std::to_string((n + 1) % 3)));
                next.erase("large-" + std::to_string((n + 1) % 3));
            }
            ASSERT_EQ(bench.commit(batch), PLEXUS_OK);
            complete.push_back(recorded().count());
            states.push_back(std::move(next));
        }
        const auto all = recorded().end();
        bench.close();
        ASSERT_GT(all.size(), commits * 2) << "the writes of LMDB were not seen";

        std::mt19937 random(3);
        const auto again = scratch.path() / "cut";
        std::filesystem::create_directory(again);
        for (std::size_t count = 0; count <= all.size(); ++count) {
            const auto done = static_cast<std::size_t>(
                std::count_if(complete.begin(), complete.end(), [&](std::size_t at) { return at <= count; }));
            for (const cut how : {cut::died, cut::lost, cut::torn, cut::torn}) {
                SCOPED_TRACE(mode + ", " + std::to_string(count) + " operations, cut " +
                             std::to_string(static_cast<int>(how)));
                std::ofstream(again / "data.mdb", std::ios::binary) << image(before, all, count, how, random);
                const auto sound = store_lmdb::verify_file(again / "data.mdb", 0);
                ASSERT_TRUE(sound) << sound.error().message();
                const auto rows = rows_of(again);
                const auto found = std::find(states.begin(), states.end(), rows);
                ASSERT_NE(found, states.end()) << "a state that never was";
                const auto kept = static_cast<std::size_t>(found - states.begin());
                const std::size_t may_miss = mode == "os" && how != cut::died ? 1 : 0;
                ASSERT_GE(kept + may_miss, done) << "a completed commit is gone";
                ASSERT_LE(kept, done + 1);
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(durability, lmdb_cut, ::testing::Values("os", "sync"),
                         [](const auto& given) { return std::string(given.param); });

} // namespace
} // namespace plexus
