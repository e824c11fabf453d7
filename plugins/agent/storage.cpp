#include "storage.hpp"

#include "plexus/wait.hpp"

namespace plexus::agent_plugin {

namespace {

constexpr const char* keys_table = "agent.keys";
constexpr std::uint64_t rows_at_once = 256;
/// An empty passphrase keeps nothing secret, so it need not be slow.
constexpr crypto::passphrase_cost unguarded{1, 8};

/// The one row of the keys' table.
bytes data_key_place() { return {1}; }

} // namespace

storage::storage(store_ref store, loop_ref loop, host_random& random)
    : store_(store), loop_(loop), random_(random) {}

result<void> storage::open_tables() {
    for (const auto each : agent::all_tables) {
        PLEXUS_TRY(tables_.at(static_cast<std::size_t>(each)), store_.table(agent::name(each)));
    }
    PLEXUS_TRY(keys_, store_.table(keys_table));
    return {};
}

task<result<void>> storage::unlock(secret_bytes passphrase) {
    bytes place = data_key_place();
    auto stored = co_await store_.get(keys_, std::move(place));
    if (!stored) co_return std::move(stored).error();
    const auto cost = passphrase.empty() ? unguarded : crypto::passphrase_cost{};
    std::optional<result<crypto::data_key>> opened;
    bytes fresh;
    const auto work = [&] {
        if (*stored) {
            opened.emplace(crypto::unwrap_data_key(**stored, passphrase));
            return;
        }
        auto key = crypto::data_key::generate(random_);
        auto wrapped = crypto::wrap_data_key(key, passphrase, cost, random_);
        if (wrapped) {
            fresh = std::move(*wrapped);
            opened.emplace(std::move(key));
        } else {
            opened.emplace(std::move(wrapped).error());
        }
    };
    if (passphrase.empty()) {
        work();
    } else {
        helper_.emplace(loop_, "agent-key");
        event finished;
        const auto done = [&finished] { finished.set(); };
        if (!helper_->submit(work, done)) co_return make_error(status::stopping, "the program is stopping");
        auto waiting = finished.wait();
        const auto waited = co_await waiting;
        if (!waited) co_return waited.error();
    }
    if (!*opened) {
        if (opened->error().is(crypto::crypto_error::bad_passphrase)) {
            const char* why = "the passphrase does not open the database";
            if (passphrase.empty())
                why = "the database has a passphrase, and none was given";
            else if (crypto::unwrap_data_key(**stored, {}))
                why = "the database has no passphrase; open it without one";
            co_return make_error(status::denied, why);
        }
        co_return std::move(*opened).error();
    }
    key_.emplace(std::move(**opened));
    if (fresh.empty()) co_return result<void>();
    write_batch writes;
    writes.insert(keys_, data_key_place(), std::move(fresh));
    co_return co_await store_.commit(std::move(writes));
}

task<result<void>> storage::restore(agent::engine& engine) const {
    for (const auto each : agent::all_tables) {
        bytes from;
        for (;;) {
            bytes begin = from;
            bytes end;
            auto rows = co_await store_.scan(handle(each), std::move(begin), std::move(end), rows_at_once);
            if (!rows) co_return std::move(rows).error();
            for (const auto& [key, sealed] : *rows) {
                auto value = key_->open(agent::name(each), key, sealed);
                if (!value)
                    co_return make_error(status::corrupt, std::string("a record of ") + agent::name(each) +
                                                              " is damaged: " + value.error().message());
                auto restored = engine.restore(each, key, *value);
                wipe(value->data(), value->size());
                if (!restored) co_return make_error(status::corrupt, restored.error().message());
            }
            if (rows->size() < rows_at_once) break;
            from = rows->back().first;
            from.push_back(0); // the least key behind it
        }
    }
    co_return result<void>();
}

task<result<std::optional<bytes>>> storage::get(agent::table from, bytes key) const {
    bytes place = key;
    auto sealed = co_await store_.get(handle(from), std::move(place));
    if (!sealed || !*sealed) co_return sealed;
    auto opened = key_->open(agent::name(from), key, **sealed);
    if (!opened) co_return std::move(opened).error();
    co_return std::optional<bytes>(std::move(*opened));
}

write_batch storage::seal(const std::vector<agent::write_operation>& writes) {
    write_batch batch;
    for (const auto& each : writes) {
        if (each.value)
            batch.put(handle(each.into), each.key,
                      key_->seal(agent::name(each.into), each.key, *each.value, random_));
        else
            batch.erase(handle(each.into), each.key);
    }
    return batch;
}

} // namespace plexus::agent_plugin
