#include "vault.hpp"

#include "plexus/encoding/writer.hpp"

namespace plexus::chat_plugin {

class vault::host_random final : public crypto::random_source {
  public:
    explicit host_random(const plexus_random* table) : table_(table) {}
    void fill(bytes_span out) override {
        table_->fill(table_->service.self, plexus_span{out.data(), out.size()});
    }

  private:
    const plexus_random* table_;
};

bytes make_key(char kind, std::initializer_list<std::uint64_t> numbers, bytes_view tail) {
    bytes out;
    encoding::writer to(out);
    to.character(kind);
    for (const auto number : numbers) to.u64(number);
    to.raw(tail);
    return out;
}

std::uint64_t number_at(bytes_view key, std::size_t index) {
    std::uint64_t value = 0;
    for (std::size_t i = 1 + index * 8; i < 9 + index * 8 && i < key.size(); ++i) value = value << 8 | key[i];
    return value;
}

namespace {

/// The first key behind all that begin with `prefix`; empty: the end of the table.
bytes end_of(bytes prefix) {
    while (!prefix.empty() && prefix.back() == 0xFF) prefix.pop_back();
    if (!prefix.empty()) ++prefix.back();
    return prefix;
}

} // namespace

vault::vault(store_ref store, loop_ref loop, const plexus_random* random)
    : store_(store), random_(random), order_(loop) {}

result<void> vault::open_table() {
    PLEXUS_TRY(table_, store_.table(table_name));
    return {};
}

bytes vault::random(std::size_t size) const {
    bytes out(size);
    host_random(random_).fill(out);
    return out;
}

task<result<void>> vault::commit(batch changes) {
    const auto number = ++commits_;
    host_random source(random_);
    write_batch writes;
    std::vector<bytes> keys;
    for (auto& prefix : changes.erased_) {
        for (auto one = uncommitted_.lower_bound(prefix);
             one != uncommitted_.end() &&
             equal(bytes_view(one->first).first(std::min(prefix.size(), one->first.size())), prefix);
             ++one) {
            one->second = {std::nullopt, number};
            keys.push_back(one->first);
        }
        writes.erase_range(table_, prefix, end_of(prefix));
    }
    for (auto& [key, value] : changes.changes_) {
        if (value)
            writes.put(table_, key, key_->seal(table_name, key, *value, source));
        else
            writes.erase(table_, key);
        keys.push_back(key);
        uncommitted_[key] = {std::move(value), number};
    }
    result<void> outcome;
    {
        const auto turn = co_await order_.take();
        if (failure_)
            outcome = *failure_;
        else if (!changes.empty())
            outcome = co_await store_.commit(std::move(writes));
        if (!outcome) failure_ = outcome.error();
    }
    for (const auto& key : keys)
        if (const auto found = uncommitted_.find(key);
            found != uncommitted_.end() && found->second.commit == number)
            uncommitted_.erase(found);
    co_return outcome;
}

task<result<std::optional<bytes>>> vault::get(bytes key) const {
    if (const auto found = uncommitted_.find(key); found != uncommitted_.end()) co_return found->second.value;
    bytes place = key;
    auto sealed = co_await store_.get(table_, std::move(place));
    if (!sealed || !sealed->has_value()) co_return sealed;
    auto opened = key_->open(table_name, key, **sealed);
    if (!opened) co_return std::move(opened).error();
    co_return std::optional<bytes>(std::move(*opened));
}

task<result<vault::rows>> vault::scan(bytes prefix, std::uint64_t limit, bool reverse) const {
    bytes end = end_of(prefix);
    auto found = co_await store_.scan(table_, std::move(prefix), std::move(end), limit, reverse);
    if (!found) co_return std::move(found).error();
    rows out;
    out.reserve(found->size());
    for (auto& [key, sealed] : *found) {
        auto opened = key_->open(table_name, key, sealed);
        if (!opened) co_return std::move(opened).error();
        out.emplace_back(std::move(key), std::move(*opened));
    }
    co_return out;
}

} // namespace plexus::chat_plugin
