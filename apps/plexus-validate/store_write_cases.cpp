#include "store_suite.hpp"

#include <deque>
#include <map>
#include <random>

namespace plexus::validate {
namespace {

using bench = store_bench;

void puts(store_bench& b) {
    plexus_table* t = b.table("t");
    b.put(t, "k", "one");
    bench::expect_text(b.get(t, "k").value_or("none"), "one", "a put sets the value of a key");
    b.put(t, "k", "two, and longer");
    bench::expect_text(b.get(t, "k").value_or("none"), "two, and longer", "a second put replaces it");
    b.put(t, "k", "");
    bench::expect_text(b.get(t, "k").value_or("none"), "", "a value may be empty");
    write_batch twice;
    twice.put(t, to_bytes("k"), to_bytes("first"));
    twice.put(t, to_bytes("k"), to_bytes("last"));
    bench::expect_equal(b.commit(twice), PLEXUS_OK, "a batch may write a key twice");
    bench::expect_text(b.get(t, "k").value_or("none"), "last", "the writes of a batch are in order");
}

void sizes(store_bench& b) {
    plexus_table* t = b.table("t");
    const std::string longest(PLEXUS_STORE_KEY_MOST, 'k');
    b.put(t, longest, "v");
    bench::expect_text(b.get(t, longest).value_or("none"), "v", "a key of PLEXUS_STORE_KEY_MOST bytes works");
    std::string large(PLEXUS_STORE_VALUE_MOST, 'v');
    for (std::size_t i = 0; i < large.size(); i += 4096) large[i] = static_cast<char>(i >> 12);
    b.put(t, "large", large);
    bench::expect(b.get(t, "large") == large, "a value of PLEXUS_STORE_VALUE_MOST bytes works");

    const auto refused = [&](bytes key, bytes value, const char* sentence) {
        write_batch batch;
        batch.put(t, to_bytes("beside"), to_bytes("x"));
        batch.put(t, std::move(key), std::move(value));
        bench::expect_equal(b.commit(batch), PLEXUS_E_INVALID, sentence);
    };
    refused({}, to_bytes("v"), "a key has at least 1 byte");
    refused(bytes(PLEXUS_STORE_KEY_MOST + 1, 'k'), to_bytes("v"), "a key has at most 480 bytes");
    refused(to_bytes("k"), bytes(PLEXUS_STORE_VALUE_MOST + 1), "a value has at most 16777216 bytes");
    bench::expect(!b.get(t, "beside"), "a batch that is refused leaves nothing");
}

void inserts(store_bench& b) {
    plexus_table* t = b.table("t");
    write_batch fresh;
    fresh.insert(t, to_bytes("k"), to_bytes("one"));
    bench::expect_equal(b.commit(fresh), PLEXUS_OK, "an insert of a new key is a put");
    bench::expect_equal(b.commit(fresh), PLEXUS_E_EXISTS,
                        "an insert of a key that is there fails with EXISTS");

    write_batch among;
    among.put(t, to_bytes("a"), to_bytes("x"));
    among.erase(t, to_bytes("k"));
    among.put(t, to_bytes("k"), to_bytes("two"));
    among.insert(t, to_bytes("k"), to_bytes("three"));
    among.put(t, to_bytes("z"), to_bytes("x"));
    bench::expect_equal(b.commit(among), PLEXUS_E_EXISTS, "a key that the batch itself put is there");
    bench::expect_text(b.rows(t), "k=one", "EXISTS leaves nothing of its batch, before it nor behind");

    write_batch replaced;
    replaced.erase(t, to_bytes("k"));
    replaced.insert(t, to_bytes("k"), to_bytes("four"));
    bench::expect_equal(b.commit(replaced), PLEXUS_OK, "a key that the batch itself removed is not there");
    write_batch ranged;
    ranged.erase_range(t, to_bytes("a"), to_bytes("l"));
    ranged.insert(t, to_bytes("k"), to_bytes("five"));
    bench::expect_equal(b.commit(ranged), PLEXUS_OK, "nor one in a range that it removed");
    write_batch outside;
    outside.put(t, to_bytes("a"), to_bytes("x"));
    outside.erase_range(t, to_bytes("b"), to_bytes("k"));
    outside.insert(t, to_bytes("k"), to_bytes("six"));
    bench::expect_equal(b.commit(outside), PLEXUS_E_EXISTS, "the end of a removed range is still there");
    bench::expect_text(b.rows(t), "k=five", "the writes took effect in order");

    plexus_table* other = b.table("other");
    write_batch elsewhere;
    elsewhere.put(other, to_bytes("n"), to_bytes("x"));
    elsewhere.insert(t, to_bytes("n"), to_bytes("y"));
    bench::expect_equal(b.commit(elsewhere), PLEXUS_OK, "a key of another table is another key");
    write_batch two;
    two.insert(other, to_bytes("p"), to_bytes("x"));
    two.insert(t, to_bytes("n"), to_bytes("y"));
    bench::expect_equal(b.commit(two), PLEXUS_E_EXISTS, "a batch over tables fails as a whole");
    bench::expect_text(b.rows(other), "n=x", "in every table");
}

void deletes(store_bench& b) {
    plexus_table* t = b.table("t");
    b.put(t, "k", "v");
    write_batch batch;
    batch.erase(t, to_bytes("k"));
    bench::expect_equal(b.commit(batch), PLEXUS_OK, "a delete removes a key");
    bench::expect(!b.get(t, "k"), "a delete removes a key");
    bench::expect_equal(b.commit(batch), PLEXUS_OK, "it does nothing if the key is not there");
}

void range_deletes(store_bench& b) {
    plexus_table* t = b.table("t");
    plexus_table* other = b.table("other");
    b.put(other, "c", "1");
    const auto after = [&](const char* from, const char* to) {
        write_batch batch;
        for (const char* key : {"a", "b", "c", "d", "e"}) batch.put(t, to_bytes(key), to_bytes("1"));
        batch.erase_range(t, to_bytes(from), to_bytes(to));
        bench::expect_equal(b.commit(batch), PLEXUS_OK, "a range is removed");
        return b.rows(t);
    };
    bench::expect_text(after("b", "d"), "a=1 d=1 e=1", "DELETE_RANGE removes key <= k < value");
    bench::expect_text(after("bb", "dd"), "a=1 b=1 e=1", "the ends need not exist");
    bench::expect_text(after("c", ""), "a=1 b=1", "an empty end is the end of the table");
    bench::expect_text(after("", "c"), "c=1 d=1 e=1", "an empty begin is the beginning");
    bench::expect_text(after("d", "b"), "a=1 b=1 c=1 d=1 e=1", "a range that ends before it begins is empty");
    bench::expect_text(after("x", ""), "a=1 b=1 c=1 d=1 e=1", "a range behind the last key is empty");
    bench::expect_text(after("", ""), "", "both empty: the whole table");
    bench::expect_text(b.rows(other), "c=1", "other tables are untouched");

    write_batch many;
    for (int i = 0; i < 5000; ++i)
        many.put(t, to_bytes("key-" + std::to_string(10000 + i)),
                 bytes(static_cast<std::size_t>(i % 300), 'v'));
    many.put(t, to_bytes("key-9"), to_bytes("1"));
    bench::expect_equal(b.commit(many), PLEXUS_OK, "a batch may be large");
    write_batch most;
    most.erase_range(t, to_bytes("key-10001"), to_bytes("key-14999"));
    bench::expect_equal(b.commit(most), PLEXUS_OK, "a long range is removed");
    bench::expect_text(b.rows(t), "key-10000= key-14999=" + std::string(4999 % 300, 'v') + " key-9=1",
                       "a long range is removed to its ends");
}

struct completion_log {
    explicit completion_log(store_bench& on) : bench(on) {}

    store_bench& bench;
    std::atomic<int> count{0};
    struct entry {
        int number;
        std::int32_t status;
        std::int32_t shard;
        bool inside;
    };
    std::vector<entry> entries = {};
    bool inside = false;
    struct one {
        completion_log* log;
        int number;
    };
    std::deque<one> handles = {};

    plexus_completion next(int number) {
        handles.push_back({this, number});
        return {[](void* context, std::int32_t status, const plexus_error*) {
                    const auto& mine = *static_cast<one*>(context);
                    auto& log = *mine.log;
                    const auto shard = log.bench.running().backend().current_shard();
                    log.entries.push_back({mine.number, status, shard, log.inside});
                    auto& bench_of_it = log.bench; // the log may be gone once it has counted
                    ++log.count;
                    bench_of_it.wake();
                },
                &handles.back()};
    }
};

void completions_in_order(store_bench& b) {
    plexus_table* t = b.table("t");
    constexpr int rounds = 500;
    std::deque<completion_log> logs;
    std::vector<std::vector<write_batch>> batches(store_bench::shards);
    for (std::uint32_t shard = 0; shard < store_bench::shards; ++shard) {
        logs.emplace_back(b);
        for (int i = 0; i < rounds; ++i) {
            auto& batch = batches[shard].emplace_back();
            batch.put(t, to_bytes("shard-" + std::to_string(shard)), to_bytes(std::to_string(i)));
            if (i % 7 == 3) batch.insert(t, to_bytes("there"), to_bytes("x"));
        }
    }
    b.put(t, "there", "x");
    for (std::uint32_t shard = 0; shard < store_bench::shards; ++shard) {
        b.post(shard, [&b, &log = logs[shard], &list = batches[shard]] {
            log.inside = true;
            for (int i = 0; i < rounds; ++i) {
                const auto& writes = list[static_cast<std::size_t>(i)].writes();
                b.store().commit(b.self(), writes.data(), static_cast<std::uint32_t>(writes.size()),
                                 log.next(i));
            }
            log.inside = false;
        });
    }
    b.wait([&] {
        for (const auto& log : logs)
            if (log.count < rounds) return false;
        return true;
    });
    for (std::uint32_t shard = 0; shard < store_bench::shards; ++shard) {
        const auto& log = logs[shard];
        bench::expect_equal(log.count, rounds, "a completion comes exactly once");
        for (int i = 0; i < rounds; ++i) {
            const auto& entry = log.entries[static_cast<std::size_t>(i)];
            bench::expect_equal(entry.number, i,
                                "batches of one shard are completed in the order of the calls");
            bench::expect_equal(entry.status, i % 7 == 3 ? PLEXUS_E_EXISTS : PLEXUS_OK,
                                "EXISTS fails one batch");
            bench::expect_equal(entry.shard, shard, "a completion comes on the shard of the call");
            bench::expect(!entry.inside, "a completion never comes inside the starting call");
        }
        bench::expect_text(b.get(t, "shard-" + std::to_string(shard)).value_or("none"),
                           std::to_string(rounds - 1), "batches of one shard are applied in order");
    }
}

void completed_is_visible(store_bench& b) {
    plexus_table* t = b.table("t");
    constexpr int rounds = 200;
    struct state {
        store_bench& bench;
        plexus_table* t;
        int round = 0;
        int misses = 0;
        std::atomic<bool> over{false};
        write_batch batch = {};

        void commit() {
            batch = write_batch();
            batch.put(t, to_bytes("k"), to_bytes(std::to_string(round)));
            const auto& writes = batch.writes();
            const plexus_completion done{[](void* context, std::int32_t, const plexus_error*) {
                                             static_cast<state*>(context)->completed();
                                         },
                                         this};
            bench.store().commit(bench.self(), writes.data(), static_cast<std::uint32_t>(writes.size()),
                                 done);
        }
        void completed() {
            if (bench.get(t, "k") != std::to_string(round)) ++misses;
            if (++round < rounds) {
                commit(); // a completion may commit
            } else {
                bench.tell(over);
            }
        }
    } all{b, t};
    b.on(2, [&] { all.commit(); });
    b.wait([&] { return all.over.load(); });
    bench::expect_equal(all.misses, 0, "a read after the completion sees the batch");
}

void buffers_are_lent_until_completion(store_bench& b) {
    plexus_table* t = b.table("t");
    std::string key = "key";
    std::string value(20000, 'v');
    plexus_write writes[] = {{PLEXUS_WRITE_PUT, 0, t, to_abi(key), to_abi(value)}};
    std::atomic<bool> over{false};
    struct state {
        store_bench& bench;
        std::string& key;
        std::string& value;
        plexus_write* writes;
        std::atomic<bool>& over;
    } all{b, key, value, writes, over};
    b.on(0, [&] {
        const plexus_completion done{[](void* context, std::int32_t, const plexus_error*) {
                                         auto& mine = *static_cast<state*>(context);
                                         mine.key.assign(3, '?');
                                         mine.value.assign(mine.value.size(), '?');
                                         mine.writes[0] = {};
                                         mine.bench.tell(mine.over);
                                     },
                                     &all};
        b.store().commit(b.self(), writes, 1, done);
    });
    b.wait([&] { return over.load(); });
    bench::expect_text(b.rows(t), "key=" + std::string(20000, 'v'), "what the completion gives back is free");
}

void empty_batches(store_bench& b) {
    bench::expect_equal(b.commit(write_batch()), PLEXUS_OK, "a batch without writes completes");
}

void wrong_writes(store_bench& b) {
    plexus_table* t = b.table("t");
    int foreign = 0;
    const auto refused = [&](std::uint32_t kind, plexus_table* table, const char* sentence) {
        const plexus_write writes[] = {
            {PLEXUS_WRITE_PUT, 0, t, to_abi(std::string_view("beside")), {}},
            {kind, 0, table, to_abi(std::string_view("k")), to_abi(std::string_view("v"))}};
        std::int32_t code = PLEXUS_OK;
        bool called = false;
        const plexus_completion done{
            [](void* context, std::int32_t, const plexus_error*) { *static_cast<bool*>(context) = true; },
            &called};
        b.on(0, [&] { code = b.store().commit(b.self(), writes, 2, done); });
        bench::expect_equal(code, PLEXUS_E_INVALID, sentence);
        b.put(t, "later", "x");
        bench::expect(!called, "a non-zero return means that no completion comes");
    };
    refused(0, t, "0 is no kind of write");
    refused(99, t, "99 is no kind of write");
    refused(PLEXUS_WRITE_PUT, nullptr, "a table is not null");
    refused(PLEXUS_WRITE_PUT, reinterpret_cast<plexus_table*>(&foreign), "a table is one of this store");
    bench::expect(!b.get(t, "beside"), "a batch that is refused leaves nothing");
}

/// Random batches against a map, shard by shard on keys of their own.
void a_model_agrees(store_bench& b) {
    plexus_table* t = b.table("t");
    std::mt19937 random(7);
    std::map<std::string, std::string> model;
    const auto number = [&](std::uint32_t below) { return static_cast<std::uint32_t>(random() % below); };
    for (int round = 0; round < 300; ++round) {
        const std::uint32_t shard = number(store_bench::shards);
        const std::string prefix(1, static_cast<char>('a' + static_cast<char>(shard)));
        write_batch batch;
        auto after = model;
        bool exists = false;
        for (std::uint32_t i = 0; i < 1 + number(6); ++i) {
            const std::string key = prefix + std::to_string(number(40));
            const std::string value(number(3000), static_cast<char>('a' + number(26)));
            switch (number(6)) {
            case 0:
                batch.insert(t, to_bytes(key), to_bytes(value));
                exists |= after.contains(key);
                after[key] = value;
                break;
            case 1:
                batch.erase(t, to_bytes(key));
                after.erase(key);
                break;
            case 2: {
                const std::string to = prefix + std::to_string(number(40));
                batch.erase_range(t, to_bytes(key), to_bytes(to));
                if (key < to) after.erase(after.lower_bound(key), after.lower_bound(to));
                break;
            }
            default: batch.put(t, to_bytes(key), to_bytes(value)); after[key] = value;
            }
        }
        bench::expect_equal(b.commit(batch, shard), exists ? PLEXUS_E_EXISTS : PLEXUS_OK,
                            "a batch fails if and only if an insert meets a key");
        if (!exists) model = std::move(after);
    }
    std::string wanted;
    for (const auto& [key, value] : model) wanted += (wanted.empty() ? "" : " ") + key + "=" + value;
    bench::expect_text(b.rows(t), wanted, "the store holds what a map would");
    std::string reversed;
    for (auto row = model.rbegin(); row != model.rend(); ++row)
        reversed += (reversed.empty() ? "" : " ") + row->first + "=" + row->second;
    bench::expect_text(b.rows(t, "", "", PLEXUS_SCAN_REVERSE), reversed, "in reverse as well");
}

/// Stop meets batches that are queued, being applied, and applied but not completed.
void stop_drains(store_bench& b) {
    constexpr int rounds = 20;
    constexpr int batches = 60;
    for (int round = 0; round < rounds; ++round) {
        plexus_table* t = b.table("t");
        b.put(t, "there", "x");
        std::deque<completion_log> logs;
        std::vector<std::vector<write_batch>> all(store_bench::shards);
        for (std::uint32_t shard = 0; shard < store_bench::shards; ++shard) {
            logs.emplace_back(b);
            for (int i = 0; i < batches; ++i) {
                auto& batch = all[shard].emplace_back();
                batch.put(t, to_bytes(std::to_string(shard) + "-" + std::to_string(i)), bytes(1000, 'v'));
                if (i % 9 == 4) batch.insert(t, to_bytes("there"), to_bytes("y"));
            }
            b.on(shard, [&b, &log = logs[shard], &list = all[shard]] {
                for (int i = 0; i < batches; ++i) {
                    const auto& writes = list[static_cast<std::size_t>(i)].writes();
                    b.store().commit(b.self(), writes.data(), static_cast<std::uint32_t>(writes.size()),
                                     log.next(i));
                }
            });
        }
        b.close();
        for (const auto& log : logs) {
            bench::expect_equal(log.count, batches, "stop waits for every commit under way");
            for (const auto& entry : log.entries)
                bench::expect(entry.status == PLEXUS_OK || entry.status == PLEXUS_E_EXISTS ||
                                  entry.status == PLEXUS_E_STOPPING,
                              "a commit under way at stop ends as it would have, or with STOPPING");
        }
        b.open();
    }
}

void committed_data_is_kept(store_bench& b) {
    plexus_table* t = b.table("t");
    for (int i = 0; i < 50; ++i) b.put(t, "key-" + std::to_string(i), std::string(1000, 'v'));
    b.table("other");
    b.put(b.table("third"), "k", "v");
    const std::string before = b.rows(t);
    b.close();
    b.open();
    bench::expect_text(b.rows(b.table("t")), before, "what was committed is there after a restart");
    bench::expect_text(b.rows(b.table("third")), "k=v", "in every table");
    bench::expect_text(b.rows(b.table("other")), "", "an empty table is empty still");
}

constexpr store_case cases[] = {
    {"puts", "sets the value of a key", puts},
    {"sizes", "PLEXUS_STORE_KEY_MOST, PLEXUS_STORE_VALUE_MOST", sizes},
    {"inserts", "the same, but the batch fails with EXISTS if the key is there", inserts},
    {"deletes", "removes a key; nothing if it is not there", deletes},
    {"range_deletes", "removes key <= k < value (value is the end; empty: to the end of the table)",
     range_deletes},
    {"completions_in_order", "Batches of one shard are applied and completed in the order of the calls.",
     completions_in_order},
    {"completed_is_visible", "Reads the last committed value.", completed_is_visible},
    {"buffers_are_lent_until_completion", "Keys, values and the array are lent until the completion.",
     buffers_are_lent_until_completion},
    {"empty_batches", "Applies all writes or none.", empty_batches},
    {"wrong_writes", "A non-zero return from the starting call means that none will come.", wrong_writes},
    {"a_model_agrees", "Applies all writes or none.", a_model_agrees},
    {"stop_drains", "Drains: the completion comes when no operation of the instance is left.", stop_drains},
    {"committed_data_is_kept", "completed when they are as safe as the configured durability says",
     committed_data_is_kept, false, true},
};

} // namespace

std::span<const store_case> write_cases() { return cases; }

} // namespace plexus::validate
