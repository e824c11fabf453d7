// store-lmdb and power cuts: every write to the files of a store and every sync of them is recorded, and the
// files are made again as a disk may show them after a cut behind each of these: with all writes, with those
// only that were synced, and with a part of the sectors of the others.
#include "journaled_store.hpp"
#include "lmdb_support.hpp"
#include "verify.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <dlfcn.h>
#include <fcntl.h>
#include <fstream>
#include <mutex>
#include <random>
#include <sys/stat.h>
#include <sys/uio.h>
#include <thread>

namespace plexus {
namespace {

namespace fs = std::filesystem;

struct operation {
    enum class kind { write, sync, truncate } what;
    std::uint64_t at = 0; ///< of truncate: the size; of sync: how many operations came before it was begun
    bytes data;
    std::string file = {};
    bool synced = false; ///< by itself, as with O_DSYNC
};

/// What happens to the files of one folder.
class recorder {
  public:
    void begin(const fs::path& folder) {
        const std::lock_guard hold(mutex_);
        watched_ = folder.string() + "/";
        operations_.clear();
    }
    std::vector<operation> end() {
        const std::lock_guard hold(mutex_);
        watched_.clear();
        return std::move(operations_);
    }
    std::size_t count() {
        const std::lock_guard hold(mutex_);
        return operations_.size();
    }
    std::size_t syncs_of(std::string_view prefix) {
        const std::lock_guard hold(mutex_);
        return static_cast<std::size_t>(
            std::count_if(operations_.begin(), operations_.end(), [&](const operation& one) {
                return one.what == operation::kind::sync && one.file.starts_with(prefix);
            }));
    }

    void note(int file, operation what) {
        const std::lock_guard hold(mutex_);
        if (watched_.empty()) return;
        std::array<char, 4'096> path{};
        const std::string link = "/proc/self/fd/" + std::to_string(file);
        const ssize_t size = ::readlink(link.c_str(), path.data(), path.size());
        const std::string_view name(path.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
        if (!name.starts_with(watched_) || name.find('/', watched_.size()) != std::string_view::npos) return;
        what.file = name.substr(watched_.size());
        what.synced = (::fcntl(file, F_GETFL) & O_DSYNC) != 0;
        operations_.push_back(std::move(what));
    }
    void wrote(int file, const void* data, ssize_t size, off_t at) {
        if (size <= 0) return;
        const auto* first = static_cast<const std::uint8_t*>(data);
        note(file, {operation::kind::write, static_cast<std::uint64_t>(at), bytes(first, first + size)});
    }
    void wrote(int file, const struct iovec* parts, int count, ssize_t left, off_t at) {
        for (int i = 0; at >= 0 && i < count && left > 0; ++i) {
            const auto size = std::min(left, static_cast<ssize_t>(parts[i].iov_len));
            wrote(file, parts[i].iov_base, size, at);
            at += size;
            left -= size;
        }
    }

  private:
    std::mutex mutex_;
    std::string watched_;
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
    const off_t at = ::lseek(file, 0, SEEK_CUR);
    const ssize_t done = call(file, parts, count);
    plexus::recorded().wrote(file, parts, count, done, at);
    return done;
}
SHOWN ssize_t pwritev(int file, const struct iovec* parts, int count, off_t at) {
    static const auto call = plexus::real(&::pwritev, "pwritev");
    const ssize_t done = call(file, parts, count, at);
    plexus::recorded().wrote(file, parts, count, done, at);
    return done;
}
SHOWN int fdatasync(int file) {
    static const auto call = plexus::real(&::fdatasync, "fdatasync");
    const auto before = plexus::recorded().count(); // what comes meanwhile may be on the disk, or not
    const int done = call(file);
    plexus::recorded().note(file, {plexus::operation::kind::sync, before, {}});
    return done;
}
SHOWN int fsync(int file) {
    static const auto call = plexus::real(&::fsync, "fsync");
    const auto before = plexus::recorded().count();
    const int done = call(file);
    plexus::recorded().note(file, {plexus::operation::kind::sync, before, {}});
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

using files = std::map<std::string, std::string>;

files files_of(const fs::path& folder) {
    files out;
    for (const auto& one : fs::directory_iterator(folder)) {
        const auto name = one.path().filename().string();
        if (name != "data.mdb" && !name.starts_with("journal-")) continue;
        std::ifstream in(one.path(), std::ios::binary);
        out[name] = {std::istreambuf_iterator<char>(in), {}};
    }
    return out;
}

enum class cut { died, lost, torn };

/// The files after the first `count` operations and a cut.
files image(files out, const std::vector<operation>& all, std::size_t count, cut how, std::mt19937& random) {
    std::map<std::string, std::size_t> synced; // of each file, everything before it
    for (std::size_t i = 0; i < count; ++i)
        if (all[i].what == operation::kind::sync)
            synced[all[i].file] = std::max<std::size_t>(synced[all[i].file], all[i].at);
    constexpr std::size_t sector = 512;
    for (std::size_t i = 0; i < count; ++i) {
        const auto& one = all[i];
        const bool safe = how == cut::died || i < synced[one.file] || one.synced;
        std::string& file = out[one.file];
        if (one.what == operation::kind::truncate && safe) file.resize(one.at);
        if (one.what != operation::kind::write || (!safe && how == cut::lost)) continue;
        for (std::size_t at = 0; at < one.data.size();) {
            const std::size_t size = std::min(one.data.size() - at, sector - (one.at + at) % sector);
            const auto part = as_text(bytes_view(one.data)).substr(at, size);
            at += size;
            if (!safe && random() % 2 == 0) continue;
            const std::size_t to = one.at + at - size;
            if (file.size() < to + size) file.resize(to + size);
            file.replace(to, size, part);
        }
    }
    return out;
}

using rows = std::map<std::string, std::string>;

/// The rows of the table "t" after the store in a folder was opened.
rows rows_of(const fs::path& folder, const std::string& mode) {
    static constexpr plexus_clock clock{{sizeof(plexus_clock), 0, nullptr},
                                        [](void*) -> std::uint64_t { return 0; },
                                        [](void*) -> std::int64_t { return 0; }};
    static constexpr plexus_random chance{{sizeof(plexus_random), 0, nullptr}, [](void*, plexus_span out) {
                                              static std::mt19937 source(5);
                                              for (std::uint64_t i = 0; i < out.size; ++i)
                                                  out.data[i] = static_cast<std::uint8_t>(source());
                                          }};
    store_lmdb::settings with;
    with.path = folder;
    with.map_most = std::uint64_t(1) << 30;
    with.promise = mode == "os" ? store_lmdb::durability::os : store_lmdb::durability::sync;
    rows out;
    auto opened = store_lmdb::journaled_store::open(with, loop_ref(), &clock, &chance);
    EXPECT_TRUE(opened) << opened.error().message();
    if (!opened) return out;
    auto table = (*opened)->below().open_table("t");
    EXPECT_TRUE(table);
    const plexus_scan all{sizeof(plexus_scan), 0, *table, {}, {}, 0};
    (*opened)->try_scan(
        all,
        [](void* to, plexus_view key, plexus_view value) -> std::uint32_t {
            static_cast<rows*>(to)->emplace(text_of(key), text_of(value));
            return 1;
        },
        &out);
    return out;
}

/// In memory if that can be: thousands of files are written.
class images_folder {
  public:
    images_folder() {
        std::string path =
            ::access("/dev/shm", W_OK) == 0 ? "/dev/shm/plexus-cut-XXXXXX" : "/tmp/plexus-cut-XXXXXX";
        if (::mkdtemp(path.data()) != nullptr) path_ = path;
    }
    images_folder(const images_folder&) = delete;
    images_folder& operator=(const images_folder&) = delete;
    ~images_folder() { fs::remove_all(path_); }
    /// A store with these files alone.
    fs::path make(const files& content) const {
        const auto folder = path_ / "store";
        fs::remove_all(folder);
        fs::create_directory(folder);
        for (const auto& [name, text] : content) std::ofstream(folder / name, std::ios::binary) << text;
        return folder;
    }

  private:
    fs::path path_;
};

struct history {
    files before;
    std::vector<operation> all;
    std::vector<rows> states;          ///< what the store holds after each commit, from none on
    std::vector<std::size_t> complete; ///< how many operations there were when it was complete
};

/// Many commits, in a journal that LMDB takes over several times meanwhile.
history record(const std::string& mode) {
    constexpr std::size_t commits = 48;
    const test::scratch_folder scratch;
    const auto target = test::lmdb_target("map-size = \"2MiB\"\ndurability = \"" + mode + "\"\n");
    const auto folder = scratch.path() / "store";
    history out;
    validate::store_bench bench(target, scratch.path());
    bench.open();
    plexus_table* t = bench.table("t");
    bench.put(t, "0", "begun");
    bench.close();
    bench.open();
    t = bench.table("t");
    out.before = files_of(folder);
    out.states.push_back({{"0", "begun"}});
    recorded().begin(folder);
    for (std::size_t n = 1; n <= commits; ++n) {
        auto next = out.states.back();
        write_batch batch;
        const auto put = [&](const std::string& key, const std::string& value) {
            batch.put(t, to_bytes(key), to_bytes(value));
            next[key] = value;
        };
        put("last", std::to_string(n));
        put("small-" + std::to_string(n % 5), std::string(n * 30, static_cast<char>('a' + n % 26)));
        put("large-" + std::to_string(n % 3), std::string(n % 4 * 16'000, static_cast<char>('a' + n % 26)));
        if (n % 4 == 0) {
            batch.erase(t, to_bytes("large-" + std::to_string((n + 1) % 3)));
            next.erase("large-" + std::to_string((n + 1) % 3));
        }
        if (n % 10 == 0) {
            batch.erase_range(t, to_bytes("small-1"), to_bytes("small-3"));
            next.erase("small-1");
            next.erase("small-2");
        }
        EXPECT_EQ(bench.commit(batch), PLEXUS_OK);
        out.complete.push_back(recorded().count());
        out.states.push_back(std::move(next));
        if (n % 16 != 0 || mode == "sync") continue;
        // Until what was written is on the disk, as it is a little later by itself.
        const auto seen = recorded().syncs_of("journal-");
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
        while (recorded().syncs_of("journal-") == seen && std::chrono::steady_clock::now() < deadline)
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    out.all = recorded().end();
    bench.close();
    return out;
}

/// How many commits a disk has to keep at the cut, by the last sync of the segment that they were written to.
std::size_t safe_commits(const history& of, std::size_t count) {
    std::size_t out = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const auto& one = of.all[i];
        if (one.what != operation::kind::sync || !one.file.starts_with("journal-")) continue;
        for (std::size_t n = out; n < of.complete.size() && of.complete[n] <= one.at; ++n) {
            std::size_t last = of.complete[n];
            while (last > 0 && (of.all[last - 1].what != operation::kind::write ||
                                !of.all[last - 1].file.starts_with("journal-")))
                --last;
            if (last > 0 && of.all[last - 1].file == one.file) out = n + 1;
        }
    }
    return out;
}

class lmdb_cut : public ::testing::TestWithParam<const char*> {};

TEST_P(lmdb_cut, a_cut_behind_every_write_leaves_what_was_promised) {
    const std::string mode = GetParam();
    const auto past = record(mode);
    const auto in_lmdb = std::count_if(past.all.begin(), past.all.end(), [](const operation& one) {
        return one.what == operation::kind::sync && one.file == "data.mdb";
    });
    ASSERT_GE(in_lmdb, 1) << "LMDB took nothing from the journal";
    ASSERT_GT(safe_commits(past, past.all.size()), 0U);

    std::mt19937 random(3);
    const images_folder images;
    for (std::size_t count = 0; count <= past.all.size(); ++count) {
        const auto done = static_cast<std::size_t>(std::count_if(
            past.complete.begin(), past.complete.end(), [&](std::size_t at) { return at <= count; }));
        for (const cut how : {cut::died, cut::lost, cut::torn}) {
            SCOPED_TRACE(mode + ", " + std::to_string(count) + " operations, cut " +
                         std::to_string(static_cast<int>(how)));
            const auto folder = images.make(image(past.before, past.all, count, how, random));
            const auto sound = store_lmdb::verify_file(folder / "data.mdb", 0);
            ASSERT_TRUE(sound) << sound.error().message();
            const auto kept_rows = rows_of(folder, mode);
            const auto found = std::find(past.states.begin(), past.states.end(), kept_rows);
            ASSERT_NE(found, past.states.end()) << "a state that never was";
            const auto kept = static_cast<std::size_t>(found - past.states.begin());
            const bool may_miss = mode == "os" && how != cut::died;
            ASSERT_GE(kept, may_miss ? safe_commits(past, count) : done) << "a completed commit is gone";
            ASSERT_LE(kept, done + 1);
        }
    }
}

/// What a first cut left half done is not carried on by a second one.
TEST_P(lmdb_cut, a_second_cut_finds_what_the_first_has_left) {
    const std::string mode = GetParam();
    const auto past = record(mode);
    std::mt19937 random(7);
    const images_folder images;
    for (std::size_t count = 3; count <= past.all.size(); count += 7) {
        SCOPED_TRACE(mode + ", " + std::to_string(count) + " operations");
        const auto folder = images.make(image(past.before, past.all, count, cut::torn, random));
        const auto stale = files_of(folder);
        const auto first = rows_of(folder, mode);
        auto again = files_of(folder);
        for (const auto& [name, text] : stale)
            again.try_emplace(name, text); // the removal was not on the disk
        ASSERT_EQ(rows_of(images.make(again), mode), first);
    }
}

INSTANTIATE_TEST_SUITE_P(durability, lmdb_cut, ::testing::Values("os", "sync"),
                         [](const auto& given) { return std::string(given.param); });

} // namespace
} // namespace plexus
