#include "journaled_store.hpp"

#include "journal_files.hpp"

#include <pthread.h>

namespace plexus::store_lmdb {
namespace {

using journal_format::entry;
using journal_format::head;
using journal_format::head_room;

constexpr std::uint64_t segment_usual = std::uint64_t(8) << 20;
constexpr std::uint64_t segment_least = std::uint64_t(256) << 10;
constexpr std::size_t layer_most = std::size_t(128) << 10;       ///< bytes of memory
constexpr std::uint64_t reserve_step = std::uint64_t(256) << 10; ///< a segment grows by so much
constexpr std::uint64_t kept_room = std::uint64_t(32) << 10;     ///< for what makes room, on a full disk
constexpr std::size_t waiting_most = 2;                          ///< layers on their way to LMDB
constexpr std::size_t free_most = 2;
constexpr std::chrono::nanoseconds sync_interval = std::chrono::milliseconds(50);

bytes_view view(const plexus_view& of) noexcept { return {of.data, static_cast<std::size_t>(of.size)}; }

} // namespace

class journaled_store::takeover {
  public:
    explicit takeover(journaled_store& of) : of_(of) { of_.taken_over_.store(true); }
    takeover(const takeover&) = delete;
    takeover& operator=(const takeover&) = delete;
    ~takeover() { of_.taken_over_.store(false); }

  private:
    journaled_store& of_;
};

// ---- opening

journaled_store::journaled_store(const settings& with, std::unique_ptr<environment> env,
                                 const plexus_clock* clock, const plexus_random* random)
    : settings_(with), sync_(with.promise == durability::sync),
      segment_most_(std::clamp(with.map_most / 8, segment_least, segment_usual)), env_(std::move(env)),
      clock_(clock), random_(random) {}

journaled_store::~journaled_store() { close(); }

result<std::unique_ptr<journaled_store>> journaled_store::open(const settings& with, loop_ref loop,
                                                               const plexus_clock* clock,
                                                               const plexus_random* random) {
    PLEXUS_TRY(auto env, environment::open(with, loop));
    std::unique_ptr<journaled_store> out(new journaled_store(with, std::move(env), clock, random));
    PLEXUS_CHECK(out->recover());
    return out;
}

result<void> journaled_store::recover() {
    closed_ = true; // until it is known what to close
    PLEXUS_TRY(const auto left, find_segments(settings_.path));
    PLEXUS_TRY(const auto applied, env_->journal_position());
    segments_made_ = last_segment_number(left);
    PLEXUS_TRY(const auto seen, replay(left, applied,
                                       [&](const journal_format::record& one,
                                           const std::shared_ptr<segment>& file) -> result<void> {
                                           if (layers_.empty() || layers_.front()->own_file() != file.get())
                                               layers_.insert(layers_.begin(), std::make_shared<layer>(file));
                                           for (const auto& write : one.entries) {
                                               PLEXUS_TRY(const auto* table, env_->open_table(write.table));
                                               layers_.front()->apply(index_of(table), write.kind, write.key,
                                                                      write.value, write.value_at);
                                           }
                                           return {};
                                       }));
    last_number_ = seen.last;
    left_out_ = seen.highest - seen.last;
    next_number_ = seen.highest + 1;
    active_first_ = next_number_;
    closed_ = false;
    if (left.empty()) return {};
    checkpoint(true);
    if (stuck_) {
        if (stuck_->is(status::full)) return {};
        closed_ = true;
        return *stuck_;
    }
    if (seen.highest > seen.last) // records behind a gap: they must not count later either
        if (const int code = env_->write_rows(layer(nullptr), seen.highest); code != 0)
            return explain(settings_, code);
    for (const auto& one : left) one.file->remove();
    free_.clear();
    return {};
}

std::size_t journaled_store::index_of(const plexus_table* table) const noexcept {
    return env_->index_of(table);
}

// ---- reading

std::int32_t journaled_store::try_get(const plexus_table* from, plexus_view key,
                                      void (*found)(void* context, plexus_view value),
                                      void* context) noexcept {
    try {
        bytes kept;
        bytes_view value;
        const auto look = [&]() -> std::int32_t {
            const std::shared_lock hold(reading_);
            const std::size_t index = index_of(from);
            for (const auto& one : layers_) {
                bool hidden = false;
                const auto* row = one->find(index, as_text(view(key)), hidden);
                if (row == nullptr && !hidden) continue;
                if (row == nullptr || row->what == layer::row::kind::erased) return PLEXUS_E_NOT_FOUND;
                if (const int code = row->read(kept, value); code != 0)
                    return status_of(explain(settings_, code));
                if (kept.empty()) {
                    kept = to_bytes(value); // the row may change when the lock is gone
                    value = kept;
                }
                return PLEXUS_OK;
            }
            return PLEXUS_E_WOULD_BLOCK;
        };
        const std::int32_t code = look();
        if (code == PLEXUS_E_WOULD_BLOCK) return env_->try_get(from, key, found, context);
        if (code == PLEXUS_OK) found(context, to_abi(value));
        return code;
    } catch (const std::bad_alloc&) {
        return PLEXUS_E_MEMORY;
    }
}

std::int32_t journaled_store::try_scan(const plexus_scan& range,
                                       std::uint32_t (*row)(void* context, plexus_view key,
                                                            plexus_view value),
                                       void* context) noexcept {
    try {
        // The layers are looked at while a checkpoint cannot take one away, with LMDB's snapshot already
        // taken.
        std::shared_lock hold(reading_);
        return env_->try_scan(range, row, context, [&] {
            layer_view out(layers_, index_of(range.table), store_provider::key_range::of(range));
            hold.unlock();
            return out;
        });
    } catch (const std::bad_alloc&) {
        return PLEXUS_E_MEMORY;
    }
}

// ---- committing

bool journaled_store::is_large(const store_provider::batch& one) const {
    return journal_format::size_bound(one.span()) > segment_most_ / 2;
}

/// Whether a key is there, for an INSERT. [commit_mutex_: nobody else changes layers]
bool journaled_store::exists(const plexus_write& write, const layer* pending, int& failed) {
    const std::size_t index = index_of(write.table);
    const auto key = as_text(view(write.key));
    const auto in = [&](const layer& one) -> std::optional<bool> {
        bool hidden = false;
        if (const auto* row = one.find(index, key, hidden)) return row->what != layer::row::kind::erased;
        return hidden ? std::optional(false) : std::nullopt;
    };
    if (pending != nullptr)
        if (const auto known = in(*pending)) return *known;
    for (const auto& one : layers_)
        if (const auto known = in(*one)) return *known;
    const std::int32_t code = env_->try_get(
        write.table, write.key, [](void*, plexus_view) {}, nullptr);
    if (code != PLEXUS_OK && code != PLEXUS_E_NOT_FOUND) failed = EIO;
    return code == PLEXUS_OK;
}

bool journaled_store::is_full() const noexcept {
    return tail_ >= segment_most_ || (!layers_.empty() && layers_.front()->weight() >= layer_most);
}

int journaled_store::begin_segment(bool may_make) {
    std::shared_ptr<segment> next;
    while (next == nullptr && !free_.empty()) {
        if (free_.back().use_count() == 1)
            next = free_.back();
        else
            free_.back()->remove(); // somebody still reads from it
        free_.pop_back();
    }
    if (next == nullptr) {
        if (!may_make) return EAGAIN;
        next = std::make_shared<segment>(segment_path(settings_.path, segments_made_ + 1));
        if (const int code = next->open(true); code != 0) {
            next->remove();
            return code;
        }
        ++segments_made_;
    }
    head value{0, last_number_, next_number_};
    random_->fill(random_->service.self,
                  plexus_span{reinterpret_cast<std::uint8_t*>(&value.salt), sizeof value.salt});
    const bytes encoded = encode(value);
    const bytes_view piece = encoded;
    int code = next->reserve(head_room + kept_room);
    if (code == 0) code = next->write({&piece, 1}, 0);
    if (code != 0) {
        free_.push_back(std::move(next));
        return code;
    }
    {
        const std::unique_lock hold(reading_);
        layers_.insert(layers_.begin(), std::make_shared<layer>(next));
    }
    active_ = std::move(next);
    active_first_ = next_number_;
    salt_ = value.salt;
    tail_ = head_room;
    changed_.notify_all();
    return 0;
}

/// Writes the records of group_ at the end of the active segment.
int journaled_store::write_records(bool makes_room) {
    const std::uint64_t end = tail_ + group_.size();
    if (end + kept_room > active_->reserved()) {
        const std::uint64_t wanted = (end + kept_room + reserve_step - 1) / reserve_step * reserve_step;
        int code = active_->reserve(wanted);
        if (code != 0) code = active_->reserve(end + kept_room);
        if (code != 0 && !(makes_room && end <= active_->reserved())) return code;
    }
    group_.pieces(pieces_);
    if (const int code = active_->write(pieces_, tail_); code != 0) return code;
    if (!sync_) {
        if (unsynced_.empty()) changed_.notify_all();
        if (unsynced_.empty() || unsynced_.back() != active_) unsynced_.push_back(active_);
        return 0;
    }
    const int code = active_->sync();
    if (code != 0) broken_ = true; // what is on the disk now, nobody knows
    return code;
}

/// Makes a group safe, and shows it to readers.
int journaled_store::append(std::span<store_provider::batch* const> group) {
    group_.clear();
    taken_.clear();
    std::optional<layer> pending; // keys of the group, when one of its batches inserts
    if (group.size() > 1)
        for (const auto* one : group)
            for (const auto& write : one->span())
                if (write.kind == PLEXUS_WRITE_INSERT && !pending) pending.emplace(nullptr);
    int failed = 0;
    bool makes_room = true;
    for (auto* one : group) {
        const auto stored = [&](const plexus_write& write) {
            return exists(write, pending ? &*pending : nullptr, failed);
        };
        one->status = PLEXUS_OK;
        if (store_provider::meets_existing(one->span(), stored)) one->status = PLEXUS_E_EXISTS;
        if (failed != 0) return failed;
        if (one->status != PLEXUS_OK) continue;
        group_.add(
            next_number_ + taken_.size(), salt_, one->span(),
            [&](const plexus_write& write) -> std::string_view { return env_->find(write.table)->name; });
        taken_.push_back(one);
        makes_room = makes_room && frees_more(one->span());
        if (!pending) continue;
        for (const auto& write : one->span()) {
            const bool range = write.kind == PLEXUS_WRITE_DELETE_RANGE;
            pending->apply(index_of(write.table), write.kind, view(write.key),
                           range ? view(write.value) : bytes_view(), 0);
        }
    }
    if (taken_.empty()) return 0;
    if (const int code = write_records(makes_room); code != 0) return code;
    next_number_ += taken_.size();
    last_number_ = next_number_ - 1;
    const std::unique_lock hold(reading_);
    for (std::size_t i = 0; i < taken_.size(); ++i) {
        std::uint64_t long_at = tail_ + group_.records()[i].longs_at;
        for (const auto& write : taken_[i]->span()) {
            const entry as{write.kind, {}, {}, view(write.value)};
            layers_.front()->apply(index_of(write.table), write.kind, view(write.key), view(write.value),
                                   long_at);
            if (as.is_long()) long_at += write.value.size;
        }
    }
    tail_ += group_.size();
    return 0;
}

std::optional<store_provider::outcome>
journaled_store::apply_now(std::span<store_provider::batch* const> group) {
    if (sync_ || taken_over_.load()) return std::nullopt;
    for (const auto* one : group)
        if (is_large(*one)) return std::nullopt;
    const std::lock_guard hold(commit_mutex_);
    if (taken_over_.load() || stuck_ || broken_) return std::nullopt;
    if (active_ == nullptr || is_full()) {
        if (waiting_layers() >= waiting_most || begin_segment(false) != 0) return std::nullopt;
    }
    if (append(group) != 0) return std::nullopt; // the worker makes room, or says why there is none
    return store_provider::outcome{group.size(), std::nullopt};
}

/// An active segment with room, waiting for LMDB if it is behind. When LMDB takes no more, one that is full
/// will do.
int journaled_store::make_room(std::unique_lock<std::mutex>& lock) {
    while (active_ == nullptr || (is_full() && !stuck_)) {
        if (!stuck_ && waiting_layers() >= waiting_most) {
            changed_.wait(lock);
            continue;
        }
        const int code = begin_segment(true);
        if (code == 0 || stuck_) return code;
        settle(lock); // what it moves leaves segments that can be written over
        if (!stuck_ && (free_.empty() || begin_segment(true) != 0)) return code;
    }
    return 0;
}

/// Moves everything to LMDB. [the worker that took over]
void journaled_store::settle(std::unique_lock<std::mutex>& lock) {
    const takeover mine(*this);
    lock.unlock();
    checkpoint(true);
    lock.lock();
}

store_provider::outcome journaled_store::apply(std::span<store_provider::batch* const> group) {
    std::unique_lock lock(commit_mutex_);
    const auto explained = [&](int code) { return explain(settings_, code); };
    for (std::size_t i = 0; i < group.size();) {
        auto& one = *group[i];
        const bool frees = frees_more(one.span());
        if (stuck_ && !broken_) settle(lock);
        if (broken_)
            return {i, make_error(status::io, "the journal in " + settings_.path.string() +
                                                  " could not be written: restart the program")};
        if (stuck_ && !(frees && stuck_->is(status::full))) return {i, *stuck_};
        if (is_large(one)) {
            const takeover mine(*this);
            settle(lock);
            if (stuck_) return {i, *stuck_};
            taken_over_.store(true);
            lock.unlock();
            auto out = env_->apply(group.subspan(i, 1));
            lock.lock();
            if (out.failure) return {i, std::move(out.failure)};
            ++i;
            continue;
        }
        if (const int code = make_room(lock); code != 0) return {i, explained(code)};
        if (stuck_ && !frees) return {i, *stuck_};
        std::size_t end = i + 1;
        std::uint64_t size = journal_format::size_bound(one.span());
        while (!stuck_ && end < group.size() && !is_large(*group[end]) && size < segment_most_ / 2)
            size += journal_format::size_bound(group[end++]->span());
        int code = append(group.subspan(i, end - i));
        if (code != 0 && !broken_ && !stuck_) {
            settle(lock);
            if (stuck_) continue;
            if (make_room(lock) == 0 && !stuck_) code = append(group.subspan(i, end - i));
        }
        if (code != 0) return {i, explained(code)};
        i = end;
        if (stuck_) settle(lock);
    }
    return {group.size(), std::nullopt};
}

// ---- keeping

/// Layers that are in LMDB now. Their segments can be used again.
void journaled_store::retire(std::span<const std::shared_ptr<layer>> moved) {
    const std::unique_lock hold(reading_);
    for (const auto& one : moved) {
        std::erase(layers_, one);
        auto file = std::const_pointer_cast<segment>(one->files().front());
        if (file == active_) active_ = nullptr;
        std::erase(unsynced_, file);
        if (free_.size() < free_most)
            free_.push_back(std::move(file));
        else
            file->remove();
    }
}

void journaled_store::checkpoint(bool with_active) {
    const std::lock_guard alone(checkpoint_mutex_);
    std::vector<std::shared_ptr<layer>> moved;
    std::uint64_t upto = 0;
    {
        const std::lock_guard hold(commit_mutex_);
        const bool without = active_ != nullptr && !with_active;
        moved.assign(layers_.begin() + (without ? 1 : 0), layers_.end());
        upto = without ? active_first_ - 1 : next_number_ - 1;
    }
    std::optional<layer> folded;
    if (moved.size() > 1) {
        folded.emplace(nullptr);
        for (auto one = moved.rbegin(); one != moved.rend(); ++one) folded->fold(**one);
    }
    const layer* all = folded ? &*folded : moved.empty() ? nullptr : moved.front().get();
    const int code = all == nullptr ? 0 : env_->write_rows(*all, upto);
    folded.reset();
    const std::lock_guard hold(commit_mutex_);
    if (code != 0) {
        stuck_ = explain(settings_, code);
    } else {
        stuck_.reset();
        retire(moved);
        for (auto& one : moved) one.reset();
    }
    changed_.notify_all();
}

void journaled_store::wait(std::unique_lock<std::mutex>& lock, std::chrono::nanoseconds most) {
    constexpr std::int64_t second = 1'000'000'000;
    const auto end = (clock_.monotonic() + most).count();
    const timespec until{static_cast<time_t>(end / second), static_cast<long>(end % second)};
    ::pthread_cond_clockwait(changed_.native_handle(), lock.mutex()->native_handle(), CLOCK_MONOTONIC,
                             &until);
}

/// What was written since the last time goes to the disk, the older segment first.
void journaled_store::sync_some(std::unique_lock<std::mutex>& lock) {
    auto files = std::exchange(unsynced_, {});
    lock.unlock();
    int code = 0;
    for (const auto& one : files)
        if (code == 0) code = one->sync();
    files.clear();
    lock.lock();
    if (code != 0) broken_ = true;
}

void journaled_store::keep() {
    std::unique_lock lock(commit_mutex_);
    auto next_sync = clock_.monotonic() + sync_interval;
    while (!ending_) {
        if (waiting_layers() > 0 && !stuck_ && !taken_over_.load()) {
            lock.unlock();
            checkpoint(false);
            lock.lock();
        } else if (unsynced_.empty() || broken_) {
            changed_.wait(lock);
            next_sync = clock_.monotonic() + sync_interval;
        } else if (const auto left = next_sync - clock_.monotonic(); left.count() > 0) {
            wait(lock, left);
        } else {
            sync_some(lock);
            next_sync = clock_.monotonic() + sync_interval;
        }
    }
    lock.unlock();
    close();
}

void journaled_store::end() {
    const std::lock_guard hold(commit_mutex_);
    ending_ = true;
    changed_.notify_all();
}

/// Everything to LMDB; then the journal is not needed.
void journaled_store::close() {
    if (std::exchange(closed_, true) || broken_) return;
    checkpoint(true);
    if (stuck_) return;
    for (const auto& one : free_) one->remove();
    free_.clear();
}

} // namespace plexus::store_lmdb
