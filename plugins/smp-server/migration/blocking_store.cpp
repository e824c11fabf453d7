#include "blocking_store.hpp"

namespace plexus::smp_server {
namespace {

/// Of one commit.
constexpr std::size_t most_writes = 4'000;
constexpr std::size_t most_bytes = std::size_t(8) << 20;

} // namespace

result<std::unique_ptr<blocking_store>> blocking_store::open(host_ref host, const std::string& path) {
    PLEXUS_TRY(auto folder, deployment::open(host, path));
    std::unique_ptr<blocking_store> out(new blocking_store(std::move(folder)));
    PLEXUS_TRY(const auto* table, out->folder_.start<plexus_store>(PLEXUS_STORE_ID));
    out->store_ = store_ref(table);
    PLEXUS_TRY(out->tables_, open_tables(out->store_));
    return out;
}

result<std::optional<bytes>> blocking_store::get(plexus_table* table, bytes_view key) {
    if (const auto found = written_.find({table, to_bytes(key)}); found != written_.end())
        return found->second;
    auto at_once = store_.try_get(table, key);
    if (at_once || !at_once.error().is(status::would_block)) return at_once;
    std::optional<bytes> out;
    PLEXUS_CHECK(folder_.run([&]() -> task<result<void>> {
        auto wanted = to_bytes(key);
        auto value = co_await store_.get(table, std::move(wanted));
        if (!value) co_return std::move(value).error();
        out = std::move(*value);
        co_return result<void>();
    }));
    return out;
}

result<store_ref::rows> blocking_store::step(plexus_table* table, const bytes& from) {
    store_ref::rows out;
    PLEXUS_CHECK(folder_.run([&]() -> task<result<void>> {
        auto start = from;
        const bytes to_the_end;
        auto rows = co_await store_.scan(table, std::move(start), to_the_end, step_rows);
        if (!rows) co_return std::move(rows).error();
        out = std::move(*rows);
        co_return result<void>();
    }));
    return out;
}

result<void> blocking_store::wrote(plexus_table* table, bytes key, std::optional<bytes> value) {
    batch_bytes_ += key.size() + (value ? value->size() : 0);
    written_.insert_or_assign({table, std::move(key)}, std::move(value));
    if (batch_.writes().size() >= most_writes || batch_bytes_ >= most_bytes) return flush();
    return {};
}

result<void> blocking_store::put(plexus_table* table, bytes key, bytes value) {
    batch_.put(table, key, value);
    return wrote(table, std::move(key), std::move(value));
}

result<void> blocking_store::erase(plexus_table* table, bytes key) {
    batch_.erase(table, key);
    return wrote(table, std::move(key), std::nullopt);
}

result<void> blocking_store::clear(plexus_table* table) {
    batch_.erase_range(table, {}, {});
    return flush();
}

result<void> blocking_store::flush() {
    if (batch_.empty()) return {};
    write_batch batch = std::exchange(batch_, write_batch());
    written_.clear();
    batch_bytes_ = 0;
    return folder_.run([&]() -> task<result<void>> { return store_.commit(std::move(batch)); });
}

} // namespace plexus::smp_server
