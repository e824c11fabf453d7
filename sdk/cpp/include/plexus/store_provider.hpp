// Group commit for those who provide plexus.store/1: batches of all shards are applied together by one worker
// and completed on the shard that made them, in order. The engine only has to apply a group of batches.
#pragma once

#include "plexus/abi/store.h"
#include "plexus/loop.hpp"

#include <atomic>
#include <mutex>
#include <span>

namespace plexus::store_provider {

/// A commit under way. Its writes are lent by the caller until the completion.
struct batch {
    const plexus_write* writes = nullptr;
    std::uint32_t count = 0;
    std::uint32_t shard = 0;
    plexus_completion done{};
    std::uint64_t failures_seen = 0;
    std::int32_t status = PLEXUS_OK; ///< the engine sets OK or EXISTS
    batch* next = nullptr;

    std::span<const plexus_write> span() const noexcept { return {writes, count}; }
};

/// What became of a group: the first `applied` batches are committed, or have the status EXISTS and left no
/// trace; `failure` says why the next one failed.
struct outcome {
    std::size_t applied = 0;
    std::optional<error> failure;
};

/// A limit or a wrong argument in a commit, or PLEXUS_OK. Whether the table is one of the store's own is the
/// engine's to check.
inline std::int32_t check_write(const plexus_write& write) noexcept {
    const bool range = write.kind == PLEXUS_WRITE_DELETE_RANGE;
    if (write.kind < PLEXUS_WRITE_PUT || write.kind > PLEXUS_WRITE_DELETE_RANGE) return PLEXUS_E_INVALID;
    if (write.table == nullptr || write.key.size > PLEXUS_STORE_KEY_MOST) return PLEXUS_E_INVALID;
    if (!range && write.key.size == 0) return PLEXUS_E_INVALID;
    if (write.value.size > (range ? PLEXUS_STORE_KEY_MOST : PLEXUS_STORE_VALUE_MOST)) return PLEXUS_E_INVALID;
    return PLEXUS_OK;
}

/// Order of keys: bytes, then length.
inline int compare(bytes_view a, bytes_view b) noexcept {
    const std::size_t common = a.size() < b.size() ? a.size() : b.size();
    const int order = common == 0 ? 0 : std::memcmp(a.data(), b.data(), common);
    if (order != 0) return order;
    return a.size() < b.size() ? -1 : (a.size() > b.size() ? 1 : 0);
}

/// The keys from <= k < to; an empty `to` is the end of the table.
struct key_range {
    bytes_view from;
    bytes_view to;

    static key_range of(const plexus_scan& scan) noexcept { return {from_abi(scan.from), from_abi(scan.to)}; }
    /// What a write touches: the range of a DELETE_RANGE.
    static key_range of(const plexus_write& write) noexcept {
        return {from_abi(write.key), from_abi(write.value)};
    }
    bool ends_before(bytes_view key) const noexcept { return !to.empty() && compare(key, to) >= 0; }
    bool contains(bytes_view key) const noexcept { return compare(from, key) <= 0 && !ends_before(key); }
    bool empty() const noexcept { return ends_before(from); }
};

/// True if an INSERT of the batch meets a key that is there: put by an earlier write of the batch, or, where
/// no earlier write touched it, in the store, which `stored(write)` tells.
template <typename Stored>
bool meets_existing(std::span<const plexus_write> writes, Stored stored) {
    for (std::size_t i = 0; i < writes.size(); ++i) {
        if (writes[i].kind != PLEXUS_WRITE_INSERT) continue;
        const bytes_view key = from_abi(writes[i].key);
        std::optional<bool> there;
        for (std::size_t j = i; j-- > 0 && !there;) {
            const plexus_write& earlier = writes[j];
            if (earlier.table != writes[i].table) continue;
            if (earlier.kind == PLEXUS_WRITE_DELETE_RANGE) {
                if (key_range::of(earlier).contains(key)) there = false;
            } else if (equal(from_abi(earlier.key), key)) {
                there = earlier.kind != PLEXUS_WRITE_DELETE;
            }
        }
        if (there ? *there : stored(writes[i])) return true;
    }
    return false;
}

/// Counts what is under way, and tells when the last of it ended after close. [any-thread]
class drain_gate {
  public:
    explicit drain_gate(loop_ref loop) : loop_(loop) {}

    /// False after close.
    bool enter() noexcept {
        if ((state_.fetch_add(1) & closed) == 0) return true;
        leave();
        return false;
    }
    /// One more for somebody who is in already; not refused by close.
    void hold() noexcept { state_.fetch_add(1); }
    void leave() noexcept {
        if (state_.fetch_sub(1) == (closed | 1)) announce();
    }
    /// Lets nothing more in; `drained` is called on shard 0 when nothing is under way. Once.
    void close(std::function<void()> drained) {
        drained_ = std::move(drained);
        state_.fetch_add(1);
        state_.fetch_or(closed);
        leave();
    }

  private:
    static constexpr std::uint64_t closed = std::uint64_t(1) << 63;
    void announce() noexcept {
        // A late enter that is refused may come here again: only the first one finds the function.
        std::function<void()> told;
        const loop_ref loop = loop_;
        {
            const std::lock_guard hold(mutex_);
            told.swap(drained_);
        }
        if (told) loop.post(0, std::move(told));
    }
    loop_ref loop_;
    std::atomic<std::uint64_t> state_{0};
    std::mutex mutex_;
    std::function<void()> drained_;
};

/// The queue between the shards and the writer. `Engine` has `outcome apply(std::span<batch* const>)`, called
/// on the worker, which sets the status of every batch that it applied. It may have as well
///   bool applies_now() const                                             whether it ever can
///   std::optional<outcome> apply_now(std::span<batch* const>)            [any shard]
/// which commits without waiting for anything: then what a shard commits in one turn of its loop is a group
/// that is applied on the shard itself, without a worker. Nothing: it cannot now; the worker does it.
template <typename Engine>
class commit_queue {
  public:
    commit_queue(loop_ref loop, Engine& engine, drain_gate& gate, const char* worker_name)
        : loop_(loop), engine_(engine), gate_(gate), shards_(loop.shard_count()) {
        if (loop_.table()->worker_create(loop_.self(), worker_name, &worker_) != PLEXUS_OK)
            throw std::bad_alloc();
    }
    commit_queue(const commit_queue&) = delete;
    commit_queue& operator=(const commit_queue&) = delete;
    ~commit_queue() {
        loop_.table()->worker_destroy(loop_.self(), worker_);
        drop(first_);
        for (auto& one : shards_) {
            drop(one.free);
            for (const batch* each : one.gathered) delete each;
        }
    }

    /// The commit of plexus.store/1, its writes already checked. [shard]
    std::int32_t commit(const plexus_write* writes, std::uint32_t count, plexus_completion done) {
        const std::int32_t shard = loop_.current_shard();
        if (shard < 0) return PLEXUS_E_INVALID;
        if (!gate_.enter()) return PLEXUS_E_STOPPING;
        auto& home = shards_[static_cast<std::size_t>(shard)];
        batch* one = take(home);
        if (one == nullptr) {
            gate_.leave();
            return PLEXUS_E_MEMORY;
        }
        *one = batch{writes, count, static_cast<std::uint32_t>(shard), done, home.failures_seen};
        if (applies_now() ? gather(home, one) : queue(one)) return PLEXUS_OK;
        delete one;
        gate_.leave();
        return PLEXUS_E_STOPPING;
    }

  private:
    static constexpr std::size_t group_batches = 256;
    static constexpr std::size_t batches_at_once = 128; ///< by the shard itself
    static constexpr std::uint64_t group_bytes = std::uint64_t(64) << 20;

    /// Touched by its shard alone.
    struct alignas(64) shard_state {
        batch* free = nullptr;
        std::size_t free_count = 0;
        std::uint64_t failures_seen = 0;
        std::vector<batch*> gathered; ///< in this turn
        std::size_t with_writer = 0;  ///< of its batches: those behind them have to queue as well
    };
    /// Completions for one shard, in order.
    struct delivery {
        batch* first = nullptr;
        batch* last = nullptr;
    };

    bool applies_now() const {
        if constexpr (requires { engine_.applies_now(); }) return engine_.applies_now();
        return false;
    }
    /// Keeps a batch until the turn's other work is done. False if the host takes no more work.
    bool gather(shard_state& home, batch* one) {
        if (home.gathered.empty()) {
            gate_.hold();
            if (!loop_.post(one->shard, [this, &home] { apply_gathered(home); })) {
                gate_.leave();
                return false;
            }
        }
        home.gathered.push_back(one);
        return true;
    }
    /// In steps, so that the engine can say when it has enough. [shard]
    void apply_gathered(shard_state& home) {
        std::vector<batch*> group;
        group.swap(home.gathered);
        std::span<batch* const> rest(group);
        bool at_once = home.with_writer == 0;
        for (const batch* one : group) at_once = at_once && one->failures_seen == home.failures_seen;
        if constexpr (requires { engine_.apply_now(rest); }) {
            while (at_once && !rest.empty()) {
                const auto step = rest.first(std::min(rest.size(), batches_at_once));
                const std::optional<outcome> what = engine_.apply_now(step);
                if (!what) break;
                // After a failure none of the later ones is to be tried.
                const auto ended = what->failure ? rest : step;
                rest = rest.subspan(ended.size());
                batch* list = nullptr;
                for (std::size_t i = ended.size(); i-- > 0;) {
                    if (what->failure && i >= what->applied) ended[i]->status = status_of(*what->failure);
                    ended[i]->next = std::exchange(list, ended[i]);
                }
                complete(home, list, what->failure ? &*what->failure : nullptr);
            }
        }
        for (batch* one : rest) {
            one->next = nullptr;
            if (queue(one)) {
                ++home.with_writer;
                continue;
            }
            one->status = PLEXUS_E_STOPPING;
            const error stopping = make_error(status::stopping, "the store stops");
            complete(home, one, &stopping);
        }
        gate_.leave();
    }

    static batch* take(shard_state& home) noexcept {
        if (home.free == nullptr) return new (std::nothrow) batch;
        --home.free_count;
        return std::exchange(home.free, home.free->next);
    }
    /// A few are kept; what many at once needed goes back.
    static void give_back(shard_state& home, batch* one) noexcept {
        constexpr std::size_t most_kept = 256;
        if (home.free_count == most_kept) {
            delete one;
            return;
        }
        one->next = std::exchange(home.free, one);
        ++home.free_count;
    }
    static void drop(batch* list) noexcept {
        while (list != nullptr) delete std::exchange(list, list->next);
    }

    /// Appends, and wakes the writer if it sleeps. False if the host takes no more work.
    bool queue(batch* one) {
        const std::lock_guard hold(mutex_);
        if (!running_) {
            gate_.hold();
            const plexus_task work{[](void* self) { static_cast<commit_queue*>(self)->write(); }, this};
            running_ = loop_.table()->worker_submit(loop_.self(), worker_, work, plexus_task{}) == PLEXUS_OK;
            if (!running_) {
                gate_.leave();
                return false;
            }
        }
        (last_ == nullptr ? first_ : last_->next) = one;
        last_ = one;
        return true;
    }

    /// Groups until nothing is queued. A batch made before its shard heard of the last failure fails with it.
    /// [worker]
    void write() {
        while (next_group()) {
            for (std::size_t i = 0; i < group_.size();) {
                std::size_t end = i;
                while (end < group_.size() && group_[end]->failures_seen == failures_) ++end;
                if (end == i)
                    fail(i, ++end);
                else
                    apply(i, end);
                i = end;
            }
            deliver();
        }
        gate_.leave();
    }
    void apply(std::size_t from, std::size_t to) {
        if (from == to) return;
        outcome what = engine_.apply(std::span<batch* const>(group_).subspan(from, to - from));
        if (!what.failure) return;
        ++failures_;
        failure_ = std::make_shared<const error>(std::move(*what.failure));
        tell_all_ = true;
        fail(from + what.applied, to);
    }
    void fail(std::size_t from, std::size_t to) {
        for (std::size_t i = from; i < to; ++i) group_[i]->status = status_of(*failure_);
    }

    bool next_group() {
        group_.clear();
        const std::lock_guard hold(mutex_);
        std::uint64_t size = 0;
        while (first_ != nullptr && group_.size() < group_batches && size < group_bytes) {
            for (const auto& one : first_->span()) size += one.key.size + one.value.size;
            group_.push_back(std::exchange(first_, first_->next));
        }
        if (first_ == nullptr) last_ = nullptr;
        if (group_.empty()) running_ = false;
        return !group_.empty();
    }

    /// Posts the completions of the group, and after a failure its news, to the shards.
    void deliver() {
        std::vector<delivery> out(shards_.size());
        for (batch* one : group_) {
            one->next = nullptr;
            auto& home = out[one->shard];
            (home.last == nullptr ? home.first : home.last->next) = one;
            home.last = one;
        }
        const bool news = std::exchange(tell_all_, false);
        for (std::uint32_t shard = 0; shard < out.size(); ++shard) {
            batch* list = out[shard].first;
            if (list == nullptr && !news) continue;
            gate_.hold();
            const bool posted = loop_.post(shard, [this, shard, list, why = failure_, seen = failures_] {
                complete_all(shards_[shard], list, why.get(), seen);
            });
            if (posted) continue;
            for (batch* one = list; one != nullptr; one = one->next) gate_.leave();
            drop(list);
            gate_.leave();
        }
    }
    /// [shard]
    void complete_all(shard_state& home, batch* list, const error* why, std::uint64_t seen) {
        if (applies_now())
            for (const batch* one = list; one != nullptr; one = one->next) --home.with_writer;
        complete(home, list, why, seen);
        home.failures_seen = seen;
        gate_.leave();
    }
    void complete(shard_state& home, batch* list, const error* why, std::optional<std::uint64_t> seen = {}) {
        static const error there = make_error(status::exists, "a key to insert is in the store already");
        while (list != nullptr) {
            batch* one = std::exchange(list, list->next);
            const plexus_completion done = one->done;
            const std::int32_t code = one->status;
            give_back(home, one);
            if (code == PLEXUS_OK) {
                done.done(done.context, PLEXUS_OK, nullptr);
            } else {
                // From here on its user knows of the failure.
                if (code != PLEXUS_E_EXISTS && seen) home.failures_seen = *seen;
                const plexus_error lent = lend(code == PLEXUS_E_EXISTS ? there : *why);
                done.done(done.context, code, &lent);
            }
            gate_.leave();
        }
    }

    loop_ref loop_;
    Engine& engine_;
    drain_gate& gate_;
    plexus_worker* worker_ = nullptr;
    std::vector<shard_state> shards_;

    std::mutex mutex_;
    batch* first_ = nullptr;
    batch* last_ = nullptr;
    bool running_ = false;

    // The worker's own.
    std::vector<batch*> group_;
    std::uint64_t failures_ = 0;
    std::shared_ptr<const error> failure_;
    bool tell_all_ = false;
};

/// The later reads of an engine that has `try_get` and `try_scan`: they run on a worker, which copies what
/// they find, so that a snapshot is short and the disk is waited for off the shards.
template <typename Engine>
class read_queue {
  public:
    using scan_done = void (*)(void* context, std::int32_t status, const plexus_error* error,
                               const plexus_row* rows, std::uint64_t count);

    read_queue(loop_ref loop, Engine& engine, drain_gate& gate, const char* worker_name)
        : loop_(loop), engine_(engine), gate_(gate), worker_(loop, worker_name) {}

    /// [shard]
    std::int32_t get(plexus_table* table, plexus_view key, plexus_view_completion done) {
        struct job {
            plexus_table* table = nullptr;
            bytes key = {};
            plexus_view_completion done{};
            std::int32_t status = PLEXUS_E_INTERNAL;
            bytes value = {};
        };
        auto one = std::make_shared<job>(job{table, to_bytes(from_abi(key)), done});
        return start(
            [this, one] {
                one->status = engine_.try_get(
                    one->table, to_abi(bytes_view(one->key)),
                    [](void* context, plexus_view found) {
                        *static_cast<bytes*>(context) = to_bytes(from_abi(found));
                    },
                    &one->value);
            },
            [one] {
                one->done.done(one->done.context, one->status, nullptr, to_abi(bytes_view(one->value)));
            });
    }

    /// [shard]
    std::int32_t scan(const plexus_scan& range, scan_done done, void* context) {
        struct job {
            plexus_scan range{};
            bytes from = {};
            bytes to = {};
            scan_done done = nullptr;
            void* context = nullptr;
            std::int32_t status = PLEXUS_E_INTERNAL;
            std::vector<std::pair<bytes, bytes>> found = {};
        };
        auto one = std::make_shared<job>(
            job{range, to_bytes(from_abi(range.from)), to_bytes(from_abi(range.to)), done, context});
        one->range.from = to_abi(bytes_view(one->from));
        one->range.to = to_abi(bytes_view(one->to));
        return start(
            [this, one] {
                one->status = engine_.try_scan(
                    one->range,
                    [](void* job_, plexus_view key, plexus_view value) -> std::uint32_t {
                        static_cast<job*>(job_)->found.emplace_back(to_bytes(from_abi(key)),
                                                                    to_bytes(from_abi(value)));
                        return 1;
                    },
                    one.get());
            },
            [one] {
                std::vector<plexus_row> rows;
                rows.reserve(one->found.size());
                for (const auto& [key, value] : one->found)
                    rows.push_back({to_abi(bytes_view(key)), to_abi(bytes_view(value))});
                const bool ok = one->status == PLEXUS_OK;
                one->done(one->context, one->status, nullptr, ok ? rows.data() : nullptr,
                          ok ? rows.size() : 0);
            });
    }

  private:
    template <typename Work, typename Done>
    std::int32_t start(Work work, Done done) {
        if (loop_.current_shard() < 0) return PLEXUS_E_INVALID;
        if (!gate_.enter()) return PLEXUS_E_STOPPING;
        const bool started = worker_.submit(std::move(work), [this, done = std::move(done)] {
            done();
            gate_.leave();
        });
        if (started) return PLEXUS_OK;
        gate_.leave();
        return PLEXUS_E_STOPPING;
    }
    loop_ref loop_;
    Engine& engine_;
    drain_gate& gate_;
    worker worker_;
};

} // namespace plexus::store_provider
