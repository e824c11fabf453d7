// An LMDB environment with a journal in front: a batch is safe once its record is in the journal, and many of
// them become one transaction of LMDB later, of which rows that are gone by then are no part. Readers see the
// rows of both. The plugin serves it for the durabilities os and sync.
#pragma once

#include "environment.hpp"
#include "journal_format.hpp"
#include "layer.hpp"

#include "plexus/host.hpp"

#include <condition_variable>
#include <shared_mutex>

namespace plexus::store_lmdb {

class journaled_store {
  public:
    /// What a journal of an earlier run has is in LMDB when this returns, or, if there is no room for it,
    /// is read from there on.
    static result<std::unique_ptr<journaled_store>>
    open(const settings& with, loop_ref loop, const plexus_clock* clock, const plexus_random* random);
    journaled_store(const journaled_store&) = delete;
    journaled_store& operator=(const journaled_store&) = delete;
    ~journaled_store();

    environment& below() noexcept { return *env_; }
    /// Records that the opening found behind a gap in the journal: they do not count.
    std::uint64_t left_out() const noexcept { return left_out_; }

    /// The functions of plexus.store/1. [any-thread]
    std::int32_t try_get(const plexus_table* from, plexus_view key,
                         void (*found)(void* context, plexus_view value), void* context) noexcept;
    std::int32_t try_scan(const plexus_scan& range,
                          std::uint32_t (*row)(void* context, plexus_view key, plexus_view value),
                          void* context) noexcept;

    /// Commits a group without waiting for a disk. Nothing: that cannot be, and nothing was done. [shard]
    std::optional<store_provider::outcome> apply_now(std::span<store_provider::batch* const> group);
    bool applies_now() const noexcept { return !sync_; }
    /// Commits a group, and waits for what that needs. [one worker]
    store_provider::outcome apply(std::span<store_provider::batch* const> group);

    /// Moves what the journal has to LMDB, and the journal to the disk, until `end` is called; then it moves
    /// all, and takes the journal away. [a worker of its own]
    void keep();
    void end();

  private:
    /// Diverts the shards' commits to the worker as long as it lives.
    class takeover;

    journaled_store(const settings& with, std::unique_ptr<environment> env, const plexus_clock* clock,
                    const plexus_random* random);
    result<void> recover();
    std::size_t index_of(const plexus_table* table) const noexcept;
    bool exists(const plexus_write& write, const layer* pending, int& failed);
    bool is_large(const store_provider::batch& one) const;

    // All with the lock of commit_mutex_.
    int begin_segment(bool may_make);
    int append(std::span<store_provider::batch* const> group);
    int write_records(bool makes_room);
    bool is_full() const noexcept;
    std::size_t waiting_layers() const noexcept { return layers_.size() - (active_ ? 1 : 0); }
    int make_room(std::unique_lock<std::mutex>& lock);
    void settle(std::unique_lock<std::mutex>& lock);
    void retire(std::span<const std::shared_ptr<layer>> moved);
    void sync_some(std::unique_lock<std::mutex>& lock);
    void wait(std::unique_lock<std::mutex>& lock, std::chrono::nanoseconds most);

    /// Moves layers to LMDB: those behind the active one, or all. With none of the locks but checkpoint_.
    void checkpoint(bool with_active);
    void close();

    const settings settings_;
    const bool sync_;
    const std::uint64_t segment_most_;
    const std::unique_ptr<environment> env_;
    const clock_view clock_;
    const plexus_random* const random_;

    std::mutex checkpoint_mutex_;
    std::atomic<bool> taken_over_{false};

    std::mutex commit_mutex_; ///< before reading_
    std::condition_variable changed_;
    std::shared_ptr<segment> active_; ///< of the first layer; null: the next commit begins one
    std::uint64_t salt_ = 0;
    std::uint64_t tail_ = 0;
    std::uint64_t next_number_ = 1;
    std::uint64_t last_number_ = 0; ///< of the record before; less than next_number_ - 1 after a gap
    std::uint64_t left_out_ = 0;
    std::uint64_t active_first_ = 1; ///< number of the active segment's first record
    std::uint64_t segments_made_ = 0;
    std::vector<std::shared_ptr<segment>> free_;
    std::vector<std::shared_ptr<segment>> unsynced_;
    std::optional<error> stuck_; ///< why LMDB does not take what the journal has
    bool broken_ = false;        ///< for good
    bool ending_ = false;
    bool closed_ = false;
    journal_format::record_group group_;
    std::vector<store_provider::batch*> taken_;
    std::vector<bytes_view> pieces_;

    std::shared_mutex reading_;                  ///< the layers, and what is in them
    std::vector<std::shared_ptr<layer>> layers_; ///< the newest first; changed with both locks
};

} // namespace plexus::store_lmdb
