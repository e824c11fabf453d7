#include "plexus/net/account.hpp"

namespace plexus::net {

void member_list::add(member& one) noexcept {
    one.previous_ = anchor_.previous_;
    one.next_ = &anchor_;
    anchor_.previous_->next_ = &one;
    anchor_.previous_ = &one;
}

void member::unlist() noexcept {
    if (next_ == nullptr) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
}

void member_list::cut() {
    while (member* one = first()) {
        one->unlist();
        one->cut();
    }
}

result<void> account::open(const host_ref& host) {
    PLEXUS_TRY(const auto* table, host.require<plexus_loop>(PLEXUS_LOOP_ID));
    loop = loop_ref(table);
    streams_open = host.gauge("transport_streams_open", "Streams that are open");
    shards_ = std::vector<member_list>(loop.shard_count());
    return {};
}

void account::leave() noexcept {
    if (under_way_.fetch_sub(1) != 1 || told_.exchange(true)) return;
    loop.post(0, [this] { drained_.set(); });
}

task<result<void>> account::drain() {
    stopping_.store(true);
    for (std::uint32_t shard = 0; shard < loop.shard_count(); ++shard)
        loop.post(shard, [this, kept = hold(*this)] { members().cut(); });
    leave();
    co_return co_await drained_.wait();
}

} // namespace plexus::net
