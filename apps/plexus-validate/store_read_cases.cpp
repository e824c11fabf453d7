#include "store_suite.hpp"

#include <thread>

namespace plexus::validate {
namespace {

using bench = store_bench;

void tables_are_separate(store_bench& b) {
    plexus_table* one = b.table("one");
    plexus_table* two = b.table("two");
    b.put(one, "k", "1");
    b.put(two, "k", "2");
    bench::expect_text(b.get(one, "k").value_or("none"), "1", "a table has keys of its own");
    bench::expect_text(b.get(two, "k").value_or("none"), "2", "a table has keys of its own");
    bench::expect(b.table("one") == one, "the same name gives the same table");
}

void tables_have_a_limit(store_bench& b) {
    for (int i = 0; i < PLEXUS_STORE_TABLES_MOST; ++i) {
        const std::string name = "table-" + std::to_string(i);
        b.put(b.table(name.c_str()), "k", name);
    }
    plexus_table* out = nullptr;
    plexus_error* failure = nullptr;
    const std::int32_t code = b.store().table(b.self(), "one-too-many", &out, &failure);
    bench::expect_equal(code, PLEXUS_E_LIMIT,
                        "a table beyond PLEXUS_STORE_TABLES_MOST is refused with LIMIT");
    bench::expect(out == nullptr, "on failure the outputs are untouched");
    bench::expect(failure != nullptr && failure->message.size != 0, "the refusal comes with a sentence");
    failure->release(failure);
    bench::expect_text(b.get(b.table("table-7"), "k").value_or("none"), "table-7", "the others go on");
}

void keys_are_ordered(store_bench& b) {
    plexus_table* t = b.table("t");
    for (const char* key : {"b", "a", "ba", "aa", "c", "B", "~"}) b.put(t, key, "1");
    bench::expect_text(b.rows(t), "B=1 a=1 aa=1 b=1 ba=1 c=1 ~=1",
                       "keys are ordered by their bytes, a prefix first");
}

void keys_are_bytes(store_bench& b) {
    plexus_table* t = b.table("t");
    const std::string zero(1, '\0');
    const std::string zeros(3, '\0');
    const std::string high("\xff\xff", 2);
    b.put(t, high, "high");
    b.put(t, zeros, "three");
    b.put(t, zero, "one");
    b.put(t, "m", std::string("\0\xff\0", 3));
    bench::expect_text(
        b.rows(t), zero + "=one " + zeros + "=three m=" + std::string("\0\xff\0", 3) + " " + high + "=high",
        "keys and values are any bytes");
}

void ranges(store_bench& b) {
    plexus_table* t = b.table("t");
    for (const char* key : {"a", "b", "c", "d", "e"}) b.put(t, key, "1");
    bench::expect_text(b.rows(t, "b", "d"), "b=1 c=1", "a scan visits from <= k < to");
    bench::expect_text(b.rows(t, "bb", "dd"), "c=1 d=1", "the ends need not exist");
    bench::expect_text(b.rows(t, "c"), "c=1 d=1 e=1", "an empty `to` is the end of the table");
    bench::expect_text(b.rows(t, "", "c"), "a=1 b=1", "an empty `from` is its beginning");
    bench::expect_text(b.rows(t, "d", "b"), "", "a range that ends before it begins has no rows");
    bench::expect_text(b.rows(t, "c", "c"), "", "an empty range has no rows");
    bench::expect_text(b.rows(t, "f"), "", "a range behind the last key has no rows");
    bench::expect_text(b.rows(b.table("empty")), "", "an empty table has no rows");
}

void reverse_ranges(store_bench& b) {
    plexus_table* t = b.table("t");
    for (const char* key : {"a", "b", "c", "d", "e"}) b.put(t, key, "1");
    constexpr std::uint32_t back = PLEXUS_SCAN_REVERSE;
    bench::expect_text(b.rows(t, "", "", back), "e=1 d=1 c=1 b=1 a=1", "a reverse scan goes down");
    bench::expect_text(b.rows(t, "b", "d", back), "c=1 b=1", "it visits the same keys, `to` excluded");
    bench::expect_text(b.rows(t, "bb", "dd", back), "d=1 c=1", "the ends need not exist");
    bench::expect_text(b.rows(t, "c", "zz", back), "e=1 d=1 c=1", "`to` may lie behind the last key");
    bench::expect_text(b.rows(t, "", "a", back), "", "nothing lies before the first key");
    bench::expect_text(b.rows(t, "d", "b", back), "", "a range that ends before it begins has no rows");
    bench::expect_text(b.rows(t, "", "", back, 2), "e=1 d=1", "the limit counts from above");
    bench::expect_text(b.rows(b.table("empty"), "", "", back), "", "an empty table has no rows");
}

void limits(store_bench& b) {
    plexus_table* t = b.table("t");
    for (const char* key : {"a", "b", "c"}) b.put(t, key, "1");
    bench::expect_text(b.rows(t, "", "", 0, 2), "a=1 b=1", "a scan gives `limit` rows at the most");
    bench::expect_text(b.rows(t, "", "", 0, 3), "a=1 b=1 c=1", "a limit of all rows gives all");
    bench::expect_text(b.rows(t, "", "", 0, 0), "a=1 b=1 c=1", "a limit of 0 is none");
}

void scans_stop(store_bench& b) {
    plexus_table* t = b.table("t");
    for (const char* key : {"a", "b", "c"}) b.put(t, key, "1");
    const plexus_scan range{sizeof(plexus_scan), 0, t, {}, {}, 0};
    int visited = 0;
    const std::int32_t code = b.store().try_scan(
        b.self(), &range,
        [](void* context, plexus_view, plexus_view) -> std::uint32_t {
            return ++*static_cast<int*>(context) < 2 ? 1 : 0;
        },
        &visited);
    if (code == PLEXUS_E_WOULD_BLOCK) return;
    bench::expect_equal(code, PLEXUS_OK, "a scan that was stopped says OK");
    bench::expect_equal(visited, 2, "rows are visited until `row` answers 0");
}

void missing_keys(store_bench& b) {
    plexus_table* t = b.table("t");
    b.put(t, "there", "");
    int calls = 0;
    const auto count = [](void* context, plexus_view) { ++*static_cast<int*>(context); };
    std::int32_t code = b.store().try_get(b.self(), t, to_abi(std::string_view("not there")), count, &calls);
    if (code == PLEXUS_E_WOULD_BLOCK) return;
    bench::expect_equal(code, PLEXUS_E_NOT_FOUND, "a key that is not there is NOT_FOUND");
    bench::expect_equal(calls, 0, "`found` does not run then");
    code = b.store().try_get(b.self(), t, to_abi(std::string_view("there")), count, &calls);
    bench::expect_equal(code, PLEXUS_OK, "an empty value is a value");
    bench::expect_equal(calls, 1, "`found` runs once, before try_get returns");
}

void reads_from_any_thread(store_bench& b) {
    plexus_table* t = b.table("t");
    b.put(t, "k", "v");
    std::string from_thread;
    std::thread([&] { from_thread = b.get(t, "k").value_or("none") + b.rows(t); }).join();
    bench::expect_text(from_thread, "vk=v", "try_get and try_scan may be called on any thread");
    std::string from_shards;
    for (std::uint32_t shard = 0; shard < store_bench::shards; ++shard)
        b.on(shard, [&] { from_shards += b.get(t, "k").value_or("none"); });
    bench::expect_text(from_shards, "vvv", "and on every shard");
}

void reads_within_reads(store_bench& b) {
    plexus_table* t = b.table("t");
    for (const char* key : {"a", "b", "c"}) b.put(t, key, key);
    struct {
        store_bench& bench;
        plexus_table* t;
        std::string seen;
    } walk{b, t, {}};
    const plexus_scan range{sizeof(plexus_scan), 0, t, {}, {}, 0};
    const std::int32_t code = b.store().try_scan(
        b.self(), &range,
        [](void* context, plexus_view key, plexus_view) -> std::uint32_t {
            auto& mine = *static_cast<decltype(walk)*>(context);
            mine.seen += mine.bench.get(mine.t, text_of(key)).value_or("none");
            mine.seen += "(" + mine.bench.rows(mine.t, text_of(key)) + ")";
            return 1;
        },
        &walk);
    if (code == PLEXUS_E_WOULD_BLOCK) return;
    bench::expect_text(walk.seen, "a(a=a b=b c=c)b(b=b c=c)c(c=c)", "a callback of a read may read");
}

/// Two keys are always written together; a snapshot that shows them differ shows a part of a batch.
void snapshots_are_whole(store_bench& b) {
    plexus_table* t = b.table("t");
    constexpr int rounds = 400;
    b.put(t, "a", "0");
    b.put(t, "z", "0");
    struct state {
        store_bench& bench;
        plexus_table* t;
        std::atomic<int> done{0};
        std::vector<write_batch> batches;
    } all{b, t, {}, {}};
    for (int i = 1; i <= rounds; ++i) {
        auto& batch = all.batches.emplace_back();
        batch.put(t, to_bytes("a"), to_bytes(std::to_string(i)));
        for (int j = 0; j < 8; ++j) batch.put(t, to_bytes("m" + std::to_string(j)), bytes(500));
        batch.put(t, to_bytes("z"), to_bytes(std::to_string(i)));
    }
    std::atomic<bool> torn{false};
    std::atomic<bool> failed{false};
    std::atomic<bool> back{false};
    std::thread reader([&] {
        long last = 0;
        while (all.done.load() < rounds) {
            struct pair {
                long a = -1;
                long z = -2;
            } seen;
            const plexus_scan range{sizeof(plexus_scan), 0, t, {}, {}, 0};
            const auto code = b.store().try_scan(
                b.self(), &range,
                [](void* context, plexus_view key, plexus_view value) -> std::uint32_t {
                    auto& mine = *static_cast<pair*>(context);
                    if (text_of(key) == "a") mine.a = std::stol(std::string(text_of(value)));
                    if (text_of(key) == "z") mine.z = std::stol(std::string(text_of(value)));
                    return 1;
                },
                &seen);
            if (code != PLEXUS_OK && code != PLEXUS_E_WOULD_BLOCK) failed = true;
            if (code == PLEXUS_OK && seen.a != seen.z) torn = true;
            if (code != PLEXUS_OK) continue;
            if (seen.a < last) back = true;
            last = seen.a;
        }
    });
    b.on(1, [&] {
        for (auto& batch : all.batches) {
            const plexus_completion done{[](void* context, std::int32_t, const plexus_error*) {
                                             auto& mine = *static_cast<state*>(context);
                                             auto& bench_of_it = mine.bench; // gone once all are done
                                             ++mine.done;
                                             bench_of_it.wake();
                                         },
                                         &all};
            const auto& writes = batch.writes();
            b.store().commit(b.self(), writes.data(), static_cast<std::uint32_t>(writes.size()), done);
        }
    });
    b.wait([&] { return all.done.load() == rounds; });
    reader.join();
    bench::expect(!failed, "a scan says OK while batches are applied");
    bench::expect(!torn, "a scan visits rows of one snapshot, and a snapshot never shows a part of a batch");
    bench::expect(!back, "a later snapshot is not older");
}

void later_gets(store_bench& b) {
    plexus_table* t = b.table("t");
    b.put(t, "k", "value");
    struct answer {
        store_bench& bench;
        std::atomic<bool> over{false};
        bool inside = true;
        bool was_inside = false;
        std::int32_t status = -1;
        std::int32_t shard = -1;
        std::string value = {};
    };
    for (const char* key : {"k", "none"}) {
        for (std::uint32_t shard = 0; shard < store_bench::shards; ++shard) {
            answer mine{b};
            std::int32_t code = -1;
            b.on(shard, [&] {
                std::string lent = key;
                const plexus_view_completion done{
                    [](void* context, std::int32_t status, const plexus_error*, plexus_view value) {
                        auto& a = *static_cast<answer*>(context);
                        a.was_inside = a.inside;
                        a.status = status;
                        a.shard = a.bench.running().backend().current_shard();
                        a.value = text_of(value);
                        a.bench.tell(a.over);
                    },
                    &mine};
                code = b.store().get(b.self(), t, to_abi(lent), done);
                lent.assign(lent.size(), '?');
                mine.inside = false;
            });
            bench::expect_equal(code, PLEXUS_OK, "get begins on a shard");
            b.wait([&] { return mine.over.load(); });
            bench::expect(!mine.was_inside, "a completion never comes inside the starting call");
            bench::expect_equal(mine.shard, shard, "a completion comes on the shard of the call");
            const bool there = std::string_view(key) == "k";
            bench::expect_equal(mine.status, there ? PLEXUS_OK : PLEXUS_E_NOT_FOUND,
                                "get answers what try_get does, and its key is lent until the call returns");
            if (there) bench::expect_text(mine.value, "value", "get gives the value");
        }
    }
}

void later_scans(store_bench& b) {
    plexus_table* t = b.table("t");
    for (const char* key : {"a", "b", "c", "d"}) b.put(t, key, "1");
    struct answer {
        store_bench& bench;
        std::atomic<bool> over{false};
        bool inside = true;
        bool was_inside = false;
        std::int32_t status = -1;
        std::int32_t shard = -1;
        std::string rows = {};
    } mine{b};
    std::int32_t code = -1;
    b.on(1, [&] {
        std::string from = "b";
        std::string to = "zz";
        const plexus_scan range{sizeof(plexus_scan), PLEXUS_SCAN_REVERSE, t, to_abi(from), to_abi(to), 2};
        const auto done = [](void* context, std::int32_t status, const plexus_error*, const plexus_row* rows,
                             std::uint64_t count) {
            auto& a = *static_cast<answer*>(context);
            a.was_inside = a.inside;
            a.status = status;
            a.shard = a.bench.running().backend().current_shard();
            for (std::uint64_t i = 0; i < count; ++i) a.rows += text_of(rows[i].key);
            a.bench.tell(a.over);
        };
        code = b.store().scan(b.self(), &range, done, &mine);
        from = "?";
        to = "??";
        mine.inside = false;
    });
    bench::expect_equal(code, PLEXUS_OK, "scan begins on a shard");
    b.wait([&] { return mine.over.load(); });
    bench::expect(!mine.was_inside, "a completion never comes inside the starting call");
    bench::expect_equal(mine.shard, 1, "a completion comes on the shard of the call");
    bench::expect_equal(mine.status, PLEXUS_OK, "scan says OK");
    bench::expect_text(mine.rows, "dc",
                       "scan gives the rows of try_scan, its ends lent until the call returns");
}

void wrong_reads(store_bench& b) {
    plexus_table* t = b.table("t");
    const auto ignore = [](void*, plexus_view) {};
    const std::string long_key(PLEXUS_STORE_KEY_MOST + 1, 'k');
    bench::expect_equal(b.store().try_get(b.self(), t, {}, ignore, nullptr), PLEXUS_E_INVALID,
                        "a key has at least 1 byte");
    bench::expect_equal(b.store().try_get(b.self(), t, to_abi(long_key), ignore, nullptr), PLEXUS_E_INVALID,
                        "a key has at most PLEXUS_STORE_KEY_MOST bytes");
    bench::expect_equal(b.store().try_get(b.self(), nullptr, to_abi(std::string_view("k")), ignore, nullptr),
                        PLEXUS_E_INVALID, "a table is not null");
}

constexpr store_case cases[] = {
    {"tables_are_separate", "Opens a table, made when it is new.", tables_are_separate},
    {"tables_have_a_limit", "PLEXUS_STORE_TABLES_MOST", tables_have_a_limit},
    {"keys_are_ordered", "named tables of ordered byte keys", keys_are_ordered},
    {"keys_are_bytes", "named tables of ordered byte keys", keys_are_bytes},
    {"ranges", "Keys with from <= k < to, in order or in reverse; an empty `to` is the end of the table.",
     ranges},
    {"reverse_ranges", "Keys with from <= k < to, in order or in reverse.", reverse_ranges},
    {"limits", "rows at the most; 0: no limit", limits},
    {"scans_stop", "Visits rows of one snapshot until `row` answers 0.", scans_stop},
    {"missing_keys", "OK: `found` ran, with a value lent until it returns. NOT_FOUND.", missing_keys},
    {"reads_from_any_thread", "[any-thread]", reads_from_any_thread},
    {"reads_within_reads", "Reads the last committed value.", reads_within_reads},
    {"snapshots_are_whole", "Visits rows of one snapshot.", snapshots_are_whole},
    {"later_gets", "The same, later. `key` is lent until the call returns.", later_gets},
    {"later_scans", "The same on a worker, for long scans; rows are lent until `done` returns.", later_scans},
    {"wrong_reads", "bytes of a key, at least 1", wrong_reads},
};

} // namespace

std::span<const store_case> read_cases() { return cases; }

} // namespace plexus::validate
