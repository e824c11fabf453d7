// The store as a plugin uses it: tables, reads, and atomic batches that own their bytes until they are safe.
#pragma once

#include "plexus/abi/store.h"
#include "plexus/loop.hpp"
#include "plexus/task.hpp"

#include <vector>

namespace plexus {

/// Writes that are applied together or not at all, in the order given.
class write_batch {
  public:
    write_batch() = default;
    write_batch(const write_batch&) = delete; // its writes point into itself
    write_batch& operator=(const write_batch&) = delete;
    write_batch(write_batch&&) = default;
    write_batch& operator=(write_batch&&) = default;

    void put(plexus_table* table, bytes key, bytes value) {
        add(PLEXUS_WRITE_PUT, table, std::move(key), std::move(value));
    }
    /// The whole batch fails with `exists` if the key is there.
    void insert(plexus_table* table, bytes key, bytes value) {
        add(PLEXUS_WRITE_INSERT, table, std::move(key), std::move(value));
    }
    void erase(plexus_table* table, bytes key) { add(PLEXUS_WRITE_DELETE, table, std::move(key), {}); }
    /// Removes key <= k < end; an empty end is the end of the table.
    void erase_range(plexus_table* table, bytes from, bytes end) {
        add(PLEXUS_WRITE_DELETE_RANGE, table, std::move(from), std::move(end));
    }
    bool empty() const noexcept { return writes_.empty(); }
    const std::vector<plexus_write>& writes() const noexcept { return writes_; }

  private:
    void add(std::uint32_t kind, plexus_table* table, bytes key, bytes value) {
        writes_.push_back(plexus_write{kind, 0, table, to_abi(bytes_view(key)), to_abi(bytes_view(value))});
        kept_.push_back(std::move(key));
        kept_.push_back(std::move(value));
    }
    std::vector<bytes> kept_; ///< that these move leaves their bytes where they are
    std::vector<plexus_write> writes_;
};

/// A store's table of functions, in C++ terms. Cheap to copy.
class store_ref {
  public:
    store_ref() = default;
    explicit store_ref(const plexus_store* table) : store_(table) {}

    explicit operator bool() const noexcept { return store_ != nullptr; }
    const plexus_store* raw() const noexcept { return store_; }

    /// Opens a table, made when it is new. [loader]
    result<plexus_table*> table(const char* name) const {
        plexus_table* opened = nullptr;
        plexus_error* failure = nullptr;
        const std::int32_t code = store_->table(store_->service.self, name, &opened, &failure);
        if (code != PLEXUS_OK) return take_error(code, failure);
        return opened;
    }

    /// Gives the value of a key as last committed to `found`, where it lies; false if it is not there.
    /// would_block if only `get` can tell. [any-thread]
    template <typename Found>
    result<bool> try_read(plexus_table* table, bytes_view key, Found found) const {
        const std::int32_t code = store_->try_get(
            store_->service.self, table, to_abi(key),
            [](void* context, plexus_view value) { (*static_cast<Found*>(context))(from_abi(value)); },
            &found);
        if (code == PLEXUS_OK) return true;
        if (code == PLEXUS_E_NOT_FOUND) return false;
        return from_abi(code, nullptr);
    }
    /// A copy of the value; nothing if it is not there; would_block as above. [any-thread]
    result<std::optional<bytes>> try_get(plexus_table* table, bytes_view key) const {
        std::optional<bytes> value;
        PLEXUS_CHECK(try_read(table, key, [&](bytes_view found) { value = to_bytes(found); }));
        return value;
    }
    /// The same from any engine. [shard]
    task<result<std::optional<bytes>>> get(plexus_table* table, bytes key) const {
        auto at_once = try_get(table, key);
        if (at_once || !at_once.error().is(status::would_block)) co_return at_once;
        auto start = [this, table, &key](call_state<std::optional<bytes>>& state) {
            const plexus_view_completion done{
                [](void* context, std::int32_t code, const plexus_error* failure, plexus_view value) {
                    auto* waiting = static_cast<call_state<std::optional<bytes>>*>(context);
                    if (code == PLEXUS_E_NOT_FOUND)
                        waiting->settle(std::optional<bytes>());
                    else if (code != PLEXUS_OK)
                        waiting->settle(from_abi(code, failure));
                    else
                        waiting->settle(std::optional<bytes>(to_bytes(from_abi(value))));
                },
                &state};
            return store_->get(store_->service.self, table, to_abi(bytes_view(key)), done);
        };
        auto pending = call<std::optional<bytes>>(start);
        co_return co_await pending;
    }

    /// Visits rows with from <= key < to of one snapshot, until `row` (key, value) returns false.
    /// [any-thread]
    template <typename Row>
    result<void> try_scan(plexus_table* table, bytes_view from, bytes_view to, Row row,
                          bool reverse = false) const {
        const plexus_scan range = scan_range(table, from, to, 0, reverse);
        const std::int32_t code = store_->try_scan(
            store_->service.self, &range,
            [](void* context, plexus_view key, plexus_view value) -> std::uint32_t {
                return (*static_cast<Row*>(context))(from_abi(key), from_abi(value)) ? 1 : 0;
            },
            &row);
        if (code != PLEXUS_OK) return from_abi(code, nullptr);
        return {};
    }

    using rows = std::vector<std::pair<bytes, bytes>>;
    /// Up to `limit` rows from any engine, read on a worker. [shard]
    task<result<rows>> scan(plexus_table* table, bytes from, bytes to, std::uint64_t limit,
                            bool reverse = false) const {
        const plexus_scan range = scan_range(table, from, to, limit, reverse);
        auto start = [this, &range](call_state<rows>& state) {
            const auto done = [](void* context, std::int32_t code, const plexus_error* failure,
                                 const plexus_row* found, std::uint64_t count) {
                auto* waiting = static_cast<call_state<rows>*>(context);
                if (code != PLEXUS_OK) {
                    waiting->settle(from_abi(code, failure));
                    return;
                }
                rows out;
                out.reserve(count);
                for (std::uint64_t i = 0; i < count; ++i)
                    out.emplace_back(to_bytes(from_abi(found[i].key)), to_bytes(from_abi(found[i].value)));
                waiting->settle(std::move(out));
            };
            return store_->scan(store_->service.self, &range, done, &state);
        };
        auto pending = call<rows>(start);
        co_return co_await pending;
    }

    /// Complete when the batch is as safe as the store's durability promises. [shard]
    task<result<void>> commit(write_batch batch) const {
        auto start = [this, &batch](call_state<void>& state) {
            const plexus_completion done{call_state<void>::completed, &state};
            const auto& writes = batch.writes();
            return store_->commit(store_->service.self, writes.data(),
                                  static_cast<std::uint32_t>(writes.size()), done);
        };
        auto pending = call<void>(start);
        co_return co_await pending;
    }
    /// The same with a callback taking result<void>; the failure of the starting call comes back. [shard]
    template <typename Done>
    result<void> commit(write_batch batch, Done done) const {
        struct job {
            write_batch batch;
            Done done;
        };
        auto* kept = new job{std::move(batch), std::move(done)};
        const plexus_completion completion{[](void* context, std::int32_t code, const plexus_error* failure) {
                                               std::unique_ptr<job> mine(static_cast<job*>(context));
                                               if (code == PLEXUS_OK)
                                                   mine->done(result<void>());
                                               else
                                                   mine->done(result<void>(from_abi(code, failure)));
                                           },
                                           kept};
        const auto& writes = kept->batch.writes();
        const std::int32_t code = store_->commit(store_->service.self, writes.data(),
                                                 static_cast<std::uint32_t>(writes.size()), completion);
        if (code == PLEXUS_OK) return {};
        delete kept;
        return from_abi(code, nullptr);
    }

  private:
    static plexus_scan scan_range(plexus_table* table, bytes_view from, bytes_view to, std::uint64_t limit,
                                  bool reverse) {
        plexus_scan range{};
        range.size = sizeof range;
        range.flags = reverse ? static_cast<std::uint32_t>(PLEXUS_SCAN_REVERSE) : 0U;
        range.table = table;
        range.from = plexus::to_abi(from);
        range.to = plexus::to_abi(to);
        range.limit = limit;
        return range;
    }
    const plexus_store* store_ = nullptr;
};

} // namespace plexus
