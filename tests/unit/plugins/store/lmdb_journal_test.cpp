// The journal in front of LMDB against a plain map: whatever part of the rows LMDB has taken over, readers
// see the same, also after the files were opened again as a killed process leaves them.
#include "journal_files.hpp"
#include "journaled_store.hpp"
#include "scratch_folder.hpp"

#include "plexus/store.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <thread>

namespace plexus {
namespace {

namespace fs = std::filesystem;
using rows = std::map<std::string, std::string>;
using store_provider::batch;

std::uint64_t clock_ns() {
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}
constexpr plexus_clock steady{{sizeof(plexus_clock), 0, nullptr},
                              [](void*) { return clock_ns(); },
                              [](void*) { return static_cast<std::int64_t>(clock_ns()); }};
constexpr plexus_random chance{{sizeof(plexus_random), 0, nullptr}, [](void*, plexus_span out) {
                                   static std::random_device source;
                                   for (std::uint64_t i = 0; i < out.size; ++i)
                                       out.data[i] = static_cast<std::uint8_t>(source());
                               }};

/// A store with a thread that keeps it.
class running_store {
  public:
    running_store(const fs::path& folder, store_lmdb::durability promise, std::uint64_t map_most) {
        store_lmdb::settings with;
        with.path = folder;
        with.promise = promise;
        with.map_most = map_most;
        auto opened = store_lmdb::journaled_store::open(with, loop_ref(), &steady, &chance);
        if (!opened) throw std::runtime_error(opened.error().message());
        store_ = std::move(*opened);
        table_ = *store_->below().open_table("a.table.with.a.long.name");
        keeper_ = std::thread([this] { store_->keep(); });
    }
    running_store(const running_store&) = delete;
    running_store& operator=(const running_store&) = delete;
    ~running_store() {
        store_->end();
        keeper_.join();
    }

    store_lmdb::journaled_store* operator->() const { return store_.get(); }
    plexus_table* table() const { return table_; }

    /// The statuses, or that of the failure for those behind it.
    std::vector<std::int32_t> commit(std::span<const write_batch> batches, bool now = false) {
        std::vector<batch> all(batches.size());
        std::vector<batch*> group;
        for (std::size_t i = 0; i < batches.size(); ++i) {
            all[i].writes = batches[i].writes().data();
            all[i].count = static_cast<std::uint32_t>(batches[i].writes().size());
            group.push_back(&all[i]);
        }
        std::optional<store_provider::outcome> out;
        if (now) out = store_->apply_now(group);
        if (!out) out = store_->apply(group);
        std::vector<std::int32_t> statuses;
        for (std::size_t i = 0; i < all.size(); ++i)
            statuses.push_back(i < out->applied ? all[i].status : out->failure->code());
        return statuses;
    }
    std::int32_t commit(const write_batch& one, bool now = false) { return commit({&one, 1}, now)[0]; }

    std::optional<std::string> get(const std::string& key) const {
        std::optional<std::string> out;
        const auto code = store_->try_get(
            table_, to_abi(std::string_view(key)),
            [](void* to, plexus_view value) {
                static_cast<std::optional<std::string>*>(to)->emplace(text_of(value));
            },
            &out);
        EXPECT_TRUE(code == PLEXUS_OK || code == PLEXUS_E_NOT_FOUND);
        EXPECT_EQ(code == PLEXUS_OK, out.has_value());
        return out;
    }
    using row_list = std::vector<std::pair<std::string, std::string>>;
    row_list scan(const std::string& from = {}, const std::string& to = {}, bool reverse = false,
                  std::uint64_t limit = 0) const {
        const plexus_scan range{sizeof(plexus_scan),
                                reverse ? std::uint32_t(PLEXUS_SCAN_REVERSE) : 0U,
                                table_,
                                to_abi(std::string_view(from)),
                                to_abi(std::string_view(to)),
                                limit};
        row_list out;
        const auto code = store_->try_scan(
            range,
            [](void* list, plexus_view key, plexus_view value) -> std::uint32_t {
                static_cast<row_list*>(list)->emplace_back(text_of(key), text_of(value));
                return 1;
            },
            &out);
        EXPECT_EQ(code, PLEXUS_OK);
        return out;
    }

  private:
    std::unique_ptr<store_lmdb::journaled_store> store_;
    plexus_table* table_ = nullptr;
    std::thread keeper_;
};

running_store::row_list in_order(const rows& of, const std::string& from, const std::string& to, bool reverse,
                                 std::uint64_t limit) {
    running_store::row_list out;
    for (const auto& [key, value] : of)
        if (key >= from && (to.empty() || key < to)) out.emplace_back(key, value);
    if (reverse) std::reverse(out.begin(), out.end());
    if (limit != 0 && out.size() > limit) out.resize(limit);
    return out;
}

class lmdb_journal : public ::testing::TestWithParam<const char*> {
  protected:
    store_lmdb::durability promise() const {
        return std::string_view(GetParam()) == "os" ? store_lmdb::durability::os
                                                    : store_lmdb::durability::sync;
    }
    fs::path folder() const { return scratch_.path() / "store"; }
    /// The files as they are now, as if the process were gone.
    fs::path left_behind() {
        const auto out = scratch_.path() / ("left-" + std::to_string(++copies_));
        fs::create_directory(out);
        for (const auto& one : fs::directory_iterator(folder()))
            if (one.path().filename() == "data.mdb" || one.path().filename().string().starts_with("journal-"))
                fs::copy_file(one.path(), out / one.path().filename());
        return out;
    }
    std::string key() { return "key-" + std::to_string(random_() % 150); }

    /// A batch, and what it does to the rows: nothing, if it inserts what is there.
    write_batch random_batch(plexus_table* t, const rows& before, rows& after, bool& refused) {
        write_batch out;
        after = before;
        refused = false;
        for (auto writes = random_() % 4 + 1; writes > 0; --writes) {
            const auto name = key();
            const std::string value(random_() % 3 == 0 ? random_() % 9'000 : random_() % 200,
                                    static_cast<char>('a' + random_() % 26));
            switch (random_() % 12) {
            case 0:
            case 1:
            case 2:
                out.erase(t, to_bytes(name));
                after.erase(name);
                break;
            case 3: {
                const auto end = random_() % 8 == 0 ? std::string() : name + "5";
                out.erase_range(t, to_bytes(name), to_bytes(end));
                after.erase(after.lower_bound(name), end.empty() ? after.end() : after.lower_bound(end));
                break;
            }
            case 4:
                out.insert(t, to_bytes(name), to_bytes(value));
                refused |= after.contains(name);
                after[name] = value;
                break;
            default:
                out.put(t, to_bytes(name), to_bytes(value));
                after[name] = value;
                break;
            }
        }
        if (refused) after = before;
        return out;
    }
    void compare(const running_store& store, const rows& expected) {
        for (int i = 0; i < 4; ++i) {
            const auto name = key();
            const auto found = expected.find(name);
            ASSERT_EQ(store.get(name), found == expected.end() ? std::nullopt : std::optional(found->second))
                << name;
        }
        const auto from = random_() % 2 == 0 ? std::string() : key();
        const auto to = random_() % 2 == 0 ? std::string() : key();
        const bool reverse = random_() % 2 == 0;
        const std::uint64_t limit = random_() % 3 == 0 ? random_() % 20 : 0;
        ASSERT_EQ(store.scan(from, to, reverse, limit), in_order(expected, from, to, reverse, limit))
            << from << " to " << to << (reverse ? ", reverse, " : ", ") << limit;
    }

    test::scratch_folder scratch_;
    std::mt19937 random_{17};
    int copies_ = 0;
};

TEST_P(lmdb_journal, shows_the_same_rows_wherever_they_are) {
    rows expected;
    const int rounds = promise() == store_lmdb::durability::os ? 300 : 60; // each waits for the disk
    for (int opening = 0; opening < 3; ++opening) {
        running_store store(folder(), promise(), 2U << 20U); // segments of 256 KiB
        for (int round = 0; round < rounds; ++round) {
            std::vector<write_batch> group;
            std::vector<std::int32_t> statuses;
            for (auto batches = random_() % 4 + 1; batches > 0; --batches) {
                rows after;
                bool refused = false;
                group.push_back(random_batch(store.table(), expected, after, refused));
                statuses.push_back(refused ? PLEXUS_E_EXISTS : PLEXUS_OK);
                expected = std::move(after);
            }
            ASSERT_EQ(store.commit(group, round % 3 != 0), statuses);
            compare(store, expected);
            if (HasFatalFailure()) return;
            if (round % 60 != 59) continue;
            const auto left = left_behind();
            const running_store again(left, promise(), 2U << 20U);
            ASSERT_EQ(again.scan(), in_order(expected, {}, {}, false, 0)) << "after the process's death";
        }
    }
    EXPECT_FALSE(fs::exists(folder() / "journal-1")) << "a store that was closed needs no journal";
}

TEST_P(lmdb_journal, a_scan_keeps_its_moment_while_others_write) {
    running_store store(folder(), promise(), 16U << 20U); // segments of 2 MiB
    for (int i = 0; i < 40; ++i) {
        write_batch one;
        one.put(store.table(), to_bytes("key-" + std::to_string(100 + i)), bytes(5'000, 'a'));
        ASSERT_EQ(store.commit(one), PLEXUS_OK);
    }
    struct {
        running_store& store;
        int visited = 0;
        int whole = 0;
    } seen{store};
    const plexus_scan range{sizeof(plexus_scan), 0, store.table(), {}, {}, 0};
    store->try_scan(
        range,
        [](void* context, plexus_view, plexus_view value) -> std::uint32_t {
            auto& mine = *static_cast<decltype(seen)*>(context);
            mine.whole += text_of(value) == std::string(5'000, 'a') ? 1 : 0;
            if (++mine.visited != 1) return 1;
            for (int i = 0; i < 700; ++i) { // through several segments
                write_batch one;
                one.put(mine.store.table(), to_bytes("key-" + std::to_string(100 + i % 50)),
                        bytes(9'000, 'b'));
                EXPECT_EQ(mine.store.commit(one), PLEXUS_OK);
            }
            return 1;
        },
        &seen);
    EXPECT_EQ(seen.visited, 40);
    EXPECT_EQ(seen.whole, 40);
    EXPECT_EQ(store.get("key-100"), std::string(9'000, 'b'));
}

TEST_P(lmdb_journal, what_does_not_fit_is_kept_until_there_is_room) {
    constexpr std::uint64_t map = 1U << 20U;
    int taken = 0;
    const auto name = [](int i) { return "key-" + std::to_string(1'000 + i); };
    fs::path left;
    {
        running_store store(folder(), promise(), map);
        for (;; ++taken) {
            write_batch one;
            one.put(store.table(), to_bytes(name(taken)), bytes(10'000, 'v'));
            const auto code = store.commit(one, true);
            if (code == PLEXUS_E_FULL) break;
            ASSERT_EQ(code, PLEXUS_OK);
            ASSERT_LT(taken, 1'000);
        }
        left = left_behind();
    }
    for (const auto& each : {folder(), left}) { // closed, and killed
        running_store store(each, promise(), map);
        for (int i = 0; i < taken; ++i) ASSERT_EQ(store.get(name(i)), std::string(10'000, 'v')) << i;
        write_batch more;
        more.put(store.table(), to_bytes("more"), bytes(10'000, 'v'));
        ASSERT_EQ(store.commit(more), PLEXUS_E_FULL);
        for (int i = 0; i < taken / 2; ++i) {
            write_batch one;
            one.erase(store.table(), to_bytes(name(i)));
            ASSERT_EQ(store.commit(one, true), PLEXUS_OK) << "a full store deletes";
        }
        ASSERT_EQ(store.commit(more), PLEXUS_OK);
        ASSERT_EQ(store.scan().size(), static_cast<std::size_t>(taken - taken / 2 + 1));
    }
}

TEST_P(lmdb_journal, a_batch_too_large_for_the_journal_goes_to_lmdb) {
    running_store store(folder(), promise(), 1U << 30U);
    write_batch small;
    small.put(store.table(), to_bytes("a"), to_bytes("1"));
    ASSERT_EQ(store.commit(small, true), PLEXUS_OK);
    write_batch large;
    large.put(store.table(), to_bytes("a"), bytes(9U << 20U, 'v'));
    ASSERT_EQ(store.commit(large, true), PLEXUS_OK);
    EXPECT_EQ(store.get("a").value_or("").size(), 9U << 20U);
    small = write_batch();
    small.put(store.table(), to_bytes("a"), to_bytes("2"));
    ASSERT_EQ(store.commit(small, true), PLEXUS_OK);
    EXPECT_EQ(store.get("a"), "2");
    const running_store again(left_behind(), promise(), 1U << 30U);
    EXPECT_EQ(again.get("a"), "2");
}

TEST_P(lmdb_journal, what_is_behind_a_gap_is_left_out_and_counted) {
    const auto put_one = [](running_store& store) {
        write_batch one;
        one.put(store.table(), to_bytes("a"), to_bytes("1"));
        ASSERT_EQ(store.commit(one), PLEXUS_OK);
    };
    {
        running_store store(folder(), promise(), 2U << 20U);
        put_one(store);
    }
    fs::path before;
    fs::path after;
    {
        running_store store(folder(), promise(), 2U << 20U); // segments of 256 KiB
        put_one(store);
        before = left_behind();
        for (int i = 0; i < 200; ++i) {
            write_batch one;
            one.put(store.table(), to_bytes("b"), bytes(5'000, 'b'));
            ASSERT_EQ(store.commit(one), PLEXUS_OK);
        }
        after = left_behind();
    }
    // Of the later journal the newest segment, over a store that never saw what came between.
    const auto old = store_lmdb::find_segments(before).value();
    for (const auto& one : old) one.file->remove();
    const auto newest = store_lmdb::find_segments(after).value().back().file->path();
    fs::copy_file(newest, before / newest.filename());
    {
        const running_store torn(before, promise(), 2U << 20U);
        EXPECT_GT(torn->left_out(), 0U);
        EXPECT_FALSE(torn.get("b"));
    }
    EXPECT_EQ(running_store(before, promise(), 2U << 20U)->left_out(), 0U) << "once";
    EXPECT_EQ(running_store(after, promise(), 2U << 20U)->left_out(), 0U);
}

TEST_P(lmdb_journal, many_rows_take_several_transactions) {
    rows expected;
    const auto name = [](int i) { return "key-" + std::to_string(10'000 + i); };
    for (int opening = 0; opening < 3; ++opening) {
        running_store store(folder(), promise(), 64U << 20U);
        write_batch one;
        one.erase_range(store.table(), to_bytes(name(opening * 700)), to_bytes(name(opening * 700 + 1'500)));
        expected.erase(expected.lower_bound(name(opening * 700)),
                       expected.lower_bound(name(opening * 700 + 1'500)));
        for (int i = 0; i < 1'200; ++i) {
            const auto key = name(opening * 700 + i);
            const auto value = std::to_string(opening * i);
            if (i % 5 == 0) {
                one.erase(store.table(), to_bytes(key));
                expected.erase(key);
            } else {
                one.put(store.table(), to_bytes(key), to_bytes(value));
                expected[key] = value;
            }
        }
        ASSERT_EQ(store.commit(one), PLEXUS_OK);
        ASSERT_EQ(store.scan(), in_order(expected, {}, {}, false, 0));
    }
    const running_store store(folder(), promise(), 64U << 20U);
    ASSERT_EQ(store.scan(), in_order(expected, {}, {}, false, 0)) << "after it was moved to LMDB";
}

INSTANTIATE_TEST_SUITE_P(durability, lmdb_journal, ::testing::Values("os", "sync"),
                         [](const auto& given) { return std::string(given.param); });

} // namespace
} // namespace plexus
