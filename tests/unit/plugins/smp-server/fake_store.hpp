// plexus.store/1 for tests of the engine: maps, and commits that complete when the test says so, or fail.
#pragma once

#include "plexus/store.hpp"

#include <functional>
#include <list>
#include <map>

namespace plexus::smp_server::test {

class fake_store {
  public:
    fake_store() {
        table_.service = {sizeof table_, 0, this};
        table_.table = [](void* self, const char* name, plexus_table** out, plexus_error**) {
            *out = reinterpret_cast<plexus_table*>(&me(self).tables_[name]);
            return std::int32_t(PLEXUS_OK);
        };
        table_.try_get = [](void* self, plexus_table* table, plexus_view key,
                            void (*found)(void*, plexus_view), void* context) {
            if (me(self).later) return std::int32_t(PLEXUS_E_WOULD_BLOCK);
            return me(self).look(table, key, [&](plexus_view value) { found(context, value); });
        };
        table_.get = [](void* self, plexus_table* table, plexus_view key, plexus_view_completion done) {
            me(self).reads_.push_back([self, table, name = to_bytes(from_abi(key)), done] {
                const auto code = me(self).look(table, to_abi(bytes_view(name)), [&](plexus_view value) {
                    done.done(done.context, PLEXUS_OK, nullptr, value);
                });
                if (code != PLEXUS_OK) done.done(done.context, code, nullptr, {});
            });
            return std::int32_t(PLEXUS_OK);
        };
        table_.scan = [](void* self, const plexus_scan* range,
                         void (*done)(void*, std::int32_t, const plexus_error*, const plexus_row*,
                                      std::uint64_t),
                         void* context) {
            me(self).reads_.push_back([self, table = range->table, from = to_bytes(from_abi(range->from)),
                                       to = to_bytes(from_abi(range->to)), limit = range->limit, done,
                                       context] {
                if (me(self).read_outcome != PLEXUS_OK) {
                    done(context, me(self).read_outcome, nullptr, nullptr, 0);
                    return;
                }
                std::vector<plexus_row> rows;
                for (auto row = of(table).lower_bound(from);
                     row != of(table).end() && (to.empty() || row->first < to) && rows.size() < limit; ++row)
                    rows.push_back({to_abi(bytes_view(row->first)), to_abi(bytes_view(row->second))});
                done(context, PLEXUS_OK, nullptr, rows.data(), rows.size());
            });
            return std::int32_t(PLEXUS_OK);
        };
        table_.commit = [](void* self, const plexus_write* writes, std::uint32_t count,
                           plexus_completion done) {
            me(self).commits_.push_back({std::vector<plexus_write>(writes, writes + count), done});
            return std::int32_t(PLEXUS_OK);
        };
    }

    store_ref ref() const { return store_ref(&table_); }

    /// Reads answer later, as those of a remote engine.
    bool later = false;
    /// What reads answer.
    std::int32_t read_outcome = PLEXUS_OK;
    /// What the next commits answer; each is used once.
    std::list<std::int32_t> outcomes;

    std::size_t waiting() const { return commits_.size() + reads_.size(); }
    /// Completes the first commit or read that waits.
    void step() {
        if (!reads_.empty()) {
            auto read = std::move(reads_.front());
            reads_.pop_front();
            read();
            return;
        }
        auto one = std::move(commits_.front());
        commits_.pop_front();
        std::int32_t code = PLEXUS_OK;
        if (!outcomes.empty()) {
            code = outcomes.front();
            outcomes.pop_front();
        }
        if (code == PLEXUS_OK) code = apply(one.writes);
        one.done.done(one.done.context, code, nullptr);
    }
    void run() {
        while (waiting() > 0) step();
    }
    /// Cuts every value of a table short.
    void damage(const std::string& table) {
        for (auto& [key, value] : tables_[table]) value.resize(value.size() / 2);
    }
    std::size_t rows(const std::string& table) { return tables_[table].size(); }

  private:
    using rows_of = std::map<bytes, bytes>;
    struct waiting_commit {
        std::vector<plexus_write> writes;
        plexus_completion done;
    };

    static fake_store& me(void* self) { return *static_cast<fake_store*>(self); }
    static rows_of& of(plexus_table* table) { return *reinterpret_cast<rows_of*>(table); }

    template <typename Found>
    std::int32_t look(plexus_table* table, plexus_view key, Found found) {
        if (read_outcome != PLEXUS_OK) return read_outcome;
        const auto row = of(table).find(to_bytes(from_abi(key)));
        if (row == of(table).end()) return PLEXUS_E_NOT_FOUND;
        found(to_abi(bytes_view(row->second)));
        return PLEXUS_OK;
    }
    std::int32_t apply(const std::vector<plexus_write>& writes) {
        for (const auto& write : writes)
            if (write.kind == PLEXUS_WRITE_INSERT && of(write.table).count(to_bytes(from_abi(write.key))) > 0)
                return PLEXUS_E_EXISTS;
        for (const auto& write : writes) {
            const auto key = to_bytes(from_abi(write.key));
            if (write.kind == PLEXUS_WRITE_DELETE)
                of(write.table).erase(key);
            else
                of(write.table)[key] = to_bytes(from_abi(write.value));
        }
        return PLEXUS_OK;
    }

    plexus_store table_{};
    std::map<std::string, rows_of> tables_;
    std::list<waiting_commit> commits_;
    std::list<std::function<void()>> reads_;
};

} // namespace plexus::smp_server::test
