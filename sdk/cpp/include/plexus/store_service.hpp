// The table of plexus.store/1 over an engine, for plugins that provide a store: the engine reads at once and
// applies groups of batches; the order of commits, later reads and draining are done here.
#pragma once

#include "plexus/store_provider.hpp"
#include "plexus/wait.hpp"

namespace plexus::store_provider {

/// `Engine` has:
///   result<plexus_table*> open_table(std::string_view name)                                     [any-thread]
///   bool owns(const plexus_table*) const                                                        [any-thread]
///   std::int32_t try_get(plexus_table*, plexus_view, void (*)(void*, plexus_view), void*)       [any-thread]
///   std::int32_t try_scan(const plexus_scan&, std::uint32_t (*)(void*, plexus_view, plexus_view), void*)
///   outcome apply(std::span<batch* const>)                                                      [one worker]
/// and, if it can, applies_now and apply_now (commit_queue).
/// try_get and try_scan get tables and sizes that are checked. Before open every function says CLOSED.
template <typename Engine>
class store_service {
  public:
    store_service() {
        table_.service = plexus_service{sizeof table_, 0, this};
        table_.table = [](void* self, const char* name, plexus_table** out, plexus_error** failure) {
            return guard(failure, [&]() -> result<void> {
                if (me(self)->engine_ == nullptr)
                    return make_error(status::closed, "the store is not open: init comes first");
                PLEXUS_TRY(*out, me(self)->engine_->open_table(name));
                return {};
            });
        };
        table_.try_get = [](void* self, plexus_table* table, plexus_view key,
                            void (*found)(void*, plexus_view), void* context) {
            const std::int32_t code = me(self)->check_key(table, key);
            return code != PLEXUS_OK ? code : me(self)->engine_->try_get(table, key, found, context);
        };
        table_.get = [](void* self, plexus_table* table, plexus_view key, plexus_view_completion done) {
            const std::int32_t code = me(self)->check_key(table, key);
            if (code != PLEXUS_OK) return code;
            return caught([&] { return me(self)->reads_->get(table, key, done); });
        };
        table_.try_scan = [](void* self, const plexus_scan* range,
                             std::uint32_t (*row)(void*, plexus_view, plexus_view), void* context) {
            const std::int32_t code = me(self)->check_table(range->table);
            return code != PLEXUS_OK ? code : me(self)->engine_->try_scan(*range, row, context);
        };
        table_.scan =
            [](void* self, const plexus_scan* range,
               void (*done)(void*, std::int32_t, const plexus_error*, const plexus_row*, std::uint64_t),
               void* context) {
                const std::int32_t code = me(self)->check_table(range->table);
                if (code != PLEXUS_OK) return code;
                return caught([&] { return me(self)->reads_->scan(*range, done, context); });
            };
        table_.commit = [](void* self, const plexus_write* writes, std::uint32_t count,
                           plexus_completion done) {
            for (std::uint32_t i = 0; i < count; ++i) {
                std::int32_t code = check_write(writes[i]);
                if (code == PLEXUS_OK) code = me(self)->check_table(writes[i].table);
                if (code != PLEXUS_OK) return code;
            }
            if (me(self)->engine_ == nullptr) return std::int32_t(PLEXUS_E_CLOSED);
            return me(self)->writes_->commit(writes, count, done);
        };
    }
    store_service(const store_service&) = delete;
    store_service& operator=(const store_service&) = delete;

    const plexus_service* service() const noexcept { return &table_.service; }

    /// Begins to serve. The engine outlives this. [loader]
    void open(loop_ref loop, Engine& engine) {
        gate_.emplace(loop);
        writes_.emplace(loop, engine, *gate_, "store-write");
        reads_.emplace(loop, engine, *gate_, "store-read");
        engine_ = &engine;
    }
    /// Refuses what comes now, and waits for what is under way. [shard 0]
    task<result<void>> drain() {
        if (!gate_) co_return result<void>();
        event drained;
        gate_->close([&drained] { drained.set(); });
        co_return co_await drained.wait();
    }

  private:
    static store_service* me(void* self) noexcept { return static_cast<store_service*>(self); }

    template <typename Call>
    static std::int32_t caught(Call call) noexcept {
        try {
            return call();
        } catch (...) {
            return PLEXUS_E_MEMORY;
        }
    }
    std::int32_t check_table(const plexus_table* table) const noexcept {
        if (engine_ == nullptr) return PLEXUS_E_CLOSED;
        return engine_->owns(table) ? PLEXUS_OK : PLEXUS_E_INVALID;
    }
    std::int32_t check_key(const plexus_table* table, plexus_view key) const noexcept {
        if (key.size == 0 || key.size > PLEXUS_STORE_KEY_MOST) return PLEXUS_E_INVALID;
        return check_table(table);
    }

    plexus_store table_{};
    Engine* engine_ = nullptr;
    std::optional<drain_gate> gate_;
    std::optional<commit_queue<Engine>> writes_;
    std::optional<read_queue<Engine>> reads_;
};

} // namespace plexus::store_provider
