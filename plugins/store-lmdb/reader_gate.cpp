#include "reader_gate.hpp"

#include <thread>

namespace plexus::store_lmdb {

thread_local reader_gate::snapshot* reader_gate::innermost_ = nullptr;

reader_gate::reader_gate(MDB_env* env, loop_ref loop)
    : env_(env), loop_(loop), shards_(loop ? loop.shard_count() : 0) {}

reader_gate::~reader_gate() {
    for (auto& one : shards_)
        if (one.txn != nullptr) mdb_txn_abort(one.txn);
    for (auto& one : spares_)
        if (one.txn != nullptr) mdb_txn_abort(one.txn);
}

reader_gate::slot* reader_gate::take(bool& spare) {
    const std::int32_t shard = loop_ ? loop_.current_shard() : -1;
    if (shard >= 0) {
        slot& own = shards_[static_cast<std::size_t>(shard)];
        if (!own.busy.load(std::memory_order_relaxed)) return &own;
    }
    spare = true;
    const std::lock_guard hold(spare_mutex_);
    if (idle_.empty()) {
        idle_.reserve(spares_.size() + 1); // so that giving back cannot fail
        return &spares_.emplace_back();
    }
    slot* one = idle_.back();
    idle_.pop_back();
    return one;
}

void reader_gate::enter(slot& one, bool nested) {
    for (;;) {
        one.busy.store(true);
        // A thread that holds a snapshot already must not wait: the resize waits for that snapshot.
        if (nested || !resizing_.load()) return;
        one.busy.store(false);
        const std::lock_guard until_resized(resize_mutex_);
    }
}

void reader_gate::wait_for_readers() {
    const auto any_busy = [this] {
        for (const auto& one : shards_)
            if (one.busy.load()) return true;
        const std::lock_guard hold(spare_mutex_);
        for (const auto& one : spares_)
            if (one.busy.load()) return true;
        return false;
    };
    while (any_busy()) std::this_thread::yield();
}

reader_gate::snapshot::snapshot(reader_gate& gate)
    : gate_(gate), outer_(innermost_), slot_(gate.take(spare_)) {
    bool nested = false;
    for (const snapshot* one = outer_; one != nullptr; one = one->outer_) nested |= &one->gate_ == &gate_;
    gate_.enter(*slot_, nested);
    innermost_ = this;
    code_ = slot_->txn != nullptr ? mdb_txn_renew(slot_->txn)
                                  : mdb_txn_begin(gate_.env_, nullptr, MDB_RDONLY, &slot_->txn);
    if (code_ != 0 && slot_->txn != nullptr) {
        mdb_txn_abort(slot_->txn);
        slot_->txn = nullptr;
    }
}

reader_gate::snapshot::~snapshot() {
    innermost_ = outer_;
    if (code_ == 0) mdb_txn_reset(slot_->txn);
    slot_->busy.store(false);
    if (!spare_) return;
    const std::lock_guard hold(gate_.spare_mutex_);
    gate_.idle_.push_back(slot_);
}

} // namespace plexus::store_lmdb
