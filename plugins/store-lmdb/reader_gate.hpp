// Read transactions of one environment: each is reused, and all are idle while the map is resized.
#pragma once

#include "plexus/loop.hpp"

#include <lmdb.h>

#include <atomic>
#include <deque>
#include <mutex>
#include <vector>

namespace plexus::store_lmdb {

class reader_gate {
    struct alignas(64) slot {
        MDB_txn* txn = nullptr;
        std::atomic<bool> busy{false};
    };

  public:
    reader_gate(MDB_env* env, loop_ref loop);
    reader_gate(const reader_gate&) = delete;
    reader_gate& operator=(const reader_gate&) = delete;
    ~reader_gate();

    /// A snapshot of what is committed now, for as long as this lives; on one thread, last in first out.
    class snapshot {
      public:
        explicit snapshot(reader_gate& gate);
        snapshot(const snapshot&) = delete;
        snapshot& operator=(const snapshot&) = delete;
        ~snapshot();
        /// Null if there is none; `code` says why.
        MDB_txn* txn() const noexcept { return code_ == 0 ? slot_->txn : nullptr; }
        int code() const noexcept { return code_; }

      private:
        friend class reader_gate;
        reader_gate& gate_;
        snapshot* outer_;
        bool spare_ = false; // before slot_, which sets it
        slot* slot_;
        int code_ = 0;
    };

    /// Runs `resize` while no snapshot is open. [the writer]
    template <typename Function>
    void exclusive(Function resize) {
        const std::lock_guard hold(resize_mutex_);
        resizing_.store(true);
        wait_for_readers();
        resize();
        resizing_.store(false);
    }

  private:
    slot* take(bool& spare);
    void enter(slot& one, bool nested);
    void wait_for_readers();

    MDB_env* env_;
    loop_ref loop_;
    std::atomic<bool> resizing_{false};
    std::mutex resize_mutex_;
    std::vector<slot> shards_; ///< each used by its shard alone

    std::mutex spare_mutex_;
    std::deque<slot> spares_; ///< for other threads, and for a snapshot within a snapshot
    std::vector<slot*> idle_;

    static thread_local snapshot* innermost_;
};

} // namespace plexus::store_lmdb
