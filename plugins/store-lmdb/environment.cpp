#include "environment.hpp"
#include "verify.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

namespace plexus::store_lmdb {
namespace {

constexpr std::uint64_t first_map = std::uint64_t(64) << 20;
constexpr unsigned readers_most = 512;
/// Rows that one transaction changes, and bytes of their values: LMDB keeps the memory of its largest one, a
/// page or two for each row.
constexpr std::size_t rows_most = 128;
constexpr std::size_t values_most = std::size_t(8) << 20;
const bytes_view position_key = as_bytes("position");
const bytes_view turn_key = as_bytes("turn"); // something to write in a transaction that is only one more

MDB_val to_lmdb(plexus_view data) noexcept {
    return MDB_val{static_cast<std::size_t>(data.size), const_cast<std::uint8_t*>(data.data)};
}
bytes_view from_lmdb(const MDB_val& data) noexcept {
    return {static_cast<const std::uint8_t*>(data.mv_data), data.mv_size};
}

unsigned flags_of(durability promise) noexcept {
    constexpr unsigned common = MDB_NOTLS | MDB_NORDAHEAD;
    switch (promise) {
    case durability::sync:
    case durability::os: return common; // the journal is what is fast
    case durability::memory:
    case durability::unsafe_power: return common | MDB_NOSYNC;
    }
    return common;
}

/// A folder that only this process sees: its files are unlinked once they are open.
class hidden_folder {
  public:
    hidden_folder() {
        const bool shared_memory = ::access("/dev/shm", W_OK) == 0;
        path_ = shared_memory ? "/dev/shm/plexus-XXXXXX" : "/tmp/plexus-XXXXXX";
        if (::mkdtemp(path_.data()) == nullptr) path_.clear();
    }
    hidden_folder(const hidden_folder&) = delete;
    hidden_folder& operator=(const hidden_folder&) = delete;
    ~hidden_folder() {
        std::error_code ignored;
        if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
    }
    const std::string& path() const noexcept { return path_; }

  private:
    std::string path_;
};

} // namespace

error explain(const settings& with, int code) {
    const std::string file = (with.path / "data.mdb").string();
    switch (code) {
    case MDB_MAP_FULL:
        return make_error(status::full,
                          "the store " + with.path.string() + " has reached its map-size of " +
                              std::to_string(with.map_most) + " bytes: raise it, or delete something",
                          true);
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return make_error(status::full, "no room on the disk for " + file + ": free some; nothing is lost",
                          true);
    case MDB_TXN_FULL:
        return make_error(status::limit, "the batch is too large for one transaction: split it");
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
        return make_error(status::corrupt, file + " is damaged or no store (" + mdb_strerror(code) +
                                               "): restore it from a backup; it was not changed");
    case MDB_PANIC:
        return make_error(status::io, "the head of " + file + " could not be written: restart the program");
    case EACCES:
    case EPERM:
    case EROFS:
        return make_error(status::denied, file + " cannot be written (" + mdb_strerror(code) +
                                              "): change its owner or its mode");
    case ENOMEM: return make_error(status::memory, "no memory to map " + file);
    default: return make_error(status::io, file + ": " + mdb_strerror(code), code == EIO);
    }
}

environment::environment(settings with, handle env, std::optional<owned_folder> folder, loop_ref loop,
                         std::uint64_t map_size)
    : settings_(std::move(with)), folder_(std::move(folder)), env_(std::move(env)),
      readers_(env_.get(), loop), map_size_(map_size) {}

environment::~environment() = default;

result<environment::handle> environment::open_env(const settings& with, const std::filesystem::path& folder,
                                                  std::uint64_t map_size) {
    MDB_env* raw = nullptr;
    if (const int code = mdb_env_create(&raw); code != 0) return explain(with, code);
    handle env(raw);
    int code = mdb_env_set_maxdbs(raw, tables_most);
    if (code == 0) code = mdb_env_set_maxreaders(raw, readers_most);
    if (code == 0)
        code = mdb_env_set_mapsize(raw, static_cast<std::size_t>(std::min(with.map_most, map_size)));
    if (code == 0) code = mdb_env_open(raw, folder.c_str(), flags_of(with.promise), 0600);
    if (code != 0) return explain(with, code);
    return env;
}

/// Makes the data file beside its place and moves it there, so that a file in place is always whole.
result<void> environment::make_file(const settings& with) {
    const auto folder = with.path / "new";
    std::error_code failed;
    std::filesystem::remove_all(folder, failed);
    std::filesystem::create_directory(folder, failed);
    if (failed) return explain(with, failed.value());
    {
        PLEXUS_TRY(const handle env, open_env(with, folder, first_map));
        if (const int code = mdb_env_sync(env.get(), 1); code != 0) return explain(with, code);
    }
    std::filesystem::rename(folder / "data.mdb", with.path / "data.mdb", failed);
    if (failed) return explain(with, failed.value());
    std::filesystem::remove_all(folder, failed);
    return {};
}

result<std::unique_ptr<environment>> environment::open(const settings& with, loop_ref loop) {
    std::optional<owned_folder> folder;
    std::optional<hidden_folder> hidden;
    settings kept = with;
    if (with.promise == durability::memory) {
        kept.path = hidden.emplace().path();
        if (kept.path.empty()) return make_error(status::io, "no folder could be made in /dev/shm or /tmp");
    } else {
        PLEXUS_TRY(owned_folder held, owned_folder::hold(with));
        folder.emplace(std::move(held));
    }
    if (!std::filesystem::exists(kept.path / "data.mdb")) PLEXUS_CHECK(make_file(kept));
    PLEXUS_TRY(const std::uint64_t file_size,
               verify_file(kept.path / "data.mdb", with.check_all ? 0 : quick_pages));
    PLEXUS_TRY(handle env, open_env(kept, kept.path, std::max(first_map, file_size * 2)));
    int stale = 0;
    mdb_reader_check(env.get(), &stale); // of a backup that was killed: it would hold pages back
    MDB_envinfo about{};
    mdb_env_info(env.get(), &about);
    return std::unique_ptr<environment>(
        new environment(std::move(kept), std::move(env), std::move(folder), loop, about.me_mapsize));
}

result<plexus_table*> environment::open_table(std::string_view name) {
    const std::lock_guard hold(writing_);
    const std::size_t count = table_count_.load();
    for (std::size_t i = 0; i < count; ++i)
        if (tables_[i].name == name) return reinterpret_cast<plexus_table*>(&tables_[i]);
    if (name.empty() || name.size() > PLEXUS_STORE_KEY_MOST || name == journal_table)
        return make_error(status::invalid,
                          "a table's name has 1 to 480 bytes, and is not " + std::string(journal_table));
    if (count == tables_.size())
        return make_error(status::limit, "no room for the table " + std::string(name) + ": a store has " +
                                             std::to_string(PLEXUS_STORE_TABLES_MOST) + " at the most");
    table& fresh = tables_[count];
    fresh.name = name;
    const auto make = [&] {
        MDB_txn* txn = nullptr;
        if (const int code = mdb_txn_begin(env_.get(), nullptr, 0, &txn); code != 0) return code;
        const int code = mdb_dbi_open(txn, fresh.name.c_str(), MDB_CREATE, &fresh.handle);
        if (code == 0) return mdb_txn_commit(txn);
        mdb_txn_abort(txn);
        return code;
    };
    int code = make();
    while (code == MDB_MAP_FULL && grow(true)) code = make();
    if (code != 0) return explain(settings_, code);
    table_count_.store(count + 1);
    return reinterpret_cast<plexus_table*>(&fresh);
}

const table* environment::find(const plexus_table* which) const noexcept {
    const auto* one = reinterpret_cast<const table*>(which);
    const std::less<const table*> before;
    if (before(one, tables_.data()) || !before(one, tables_.data() + table_count_.load())) return nullptr;
    return one;
}

std::int32_t environment::try_get(const plexus_table* from, plexus_view key,
                                  void (*found)(void* context, plexus_view value), void* context) noexcept {
    const table* in = find(from);
    if (in == nullptr || key.size == 0 || key.size > PLEXUS_STORE_KEY_MOST) return PLEXUS_E_INVALID;
    try {
        const reader_gate::snapshot now(readers_);
        MDB_val wanted = to_lmdb(key);
        MDB_val value{};
        const int code = now.txn() == nullptr ? now.code() : mdb_get(now.txn(), in->handle, &wanted, &value);
        if (code == MDB_NOTFOUND) return PLEXUS_E_NOT_FOUND;
        if (code != 0) return status_of(explain(settings_, code));
        found(context, to_abi(from_lmdb(value)));
        return PLEXUS_OK;
    } catch (const std::bad_alloc&) {
        return PLEXUS_E_MEMORY;
    }
}

namespace {

/// Steps a cursor through from <= key < to.
class walk {
  public:
    explicit walk(const store_provider::key_range& range, bool reverse = false)
        : range_(range), reverse_(reverse) {}

    /// The code of LMDB; NOTFOUND at the end of the range.
    int first(MDB_cursor* cursor, MDB_val& key, MDB_val& value) const {
        if (!reverse_) return checked(seek(cursor, range_.from, key, value), key);
        if (range_.to.empty()) return checked(mdb_cursor_get(cursor, &key, &value, MDB_LAST), key);
        const int code = seek(cursor, range_.to, key, value);
        if (code == MDB_NOTFOUND) return checked(mdb_cursor_get(cursor, &key, &value, MDB_LAST), key);
        if (code != 0) return code;
        return next(cursor, key, value);
    }
    int next(MDB_cursor* cursor, MDB_val& key, MDB_val& value) const {
        return checked(mdb_cursor_get(cursor, &key, &value, reverse_ ? MDB_PREV : MDB_NEXT), key);
    }

  private:
    static int seek(MDB_cursor* cursor, bytes_view at, MDB_val& key, MDB_val& value) {
        if (at.empty()) return mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
        key = to_lmdb(to_abi(at));
        return mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    }
    int checked(int code, const MDB_val& key) const {
        if (code != 0) return code;
        const bytes_view at = from_lmdb(key);
        const bool over = reverse_ ? store_provider::compare(at, range_.from) < 0 : range_.ends_before(at);
        return over ? MDB_NOTFOUND : 0;
    }
    store_provider::key_range range_;
    bool reverse_;
};

struct cursor_closer {
    void operator()(MDB_cursor* cursor) const noexcept { mdb_cursor_close(cursor); }
};
using cursor_handle = std::unique_ptr<MDB_cursor, cursor_closer>;

} // namespace

std::int32_t environment::try_scan(const plexus_scan& range,
                                   std::uint32_t (*row)(void* context, plexus_view key, plexus_view value),
                                   void* context) noexcept {
    try {
        return try_scan(range, row, context, {});
    } catch (const std::bad_alloc&) {
        return PLEXUS_E_MEMORY;
    }
}

std::int32_t environment::try_scan(const plexus_scan& range,
                                   std::uint32_t (*row)(void* context, plexus_view key, plexus_view value),
                                   void* context, const std::function<layer_view()>& above) {
    const table* in = find(range.table);
    if (in == nullptr) return PLEXUS_E_INVALID;
    const auto within = store_provider::key_range::of(range);
    const bool reverse = (range.flags & PLEXUS_SCAN_REVERSE) != 0;
    const reader_gate::snapshot now(readers_);
    if (now.txn() == nullptr) return status_of(explain(settings_, now.code()));
    const layer_view over = above ? above() : layer_view();
    MDB_cursor* raw = nullptr;
    int code = mdb_cursor_open(now.txn(), in->handle, &raw);
    if (code != 0) return status_of(explain(settings_, code));
    const cursor_handle cursor(raw);
    const walk way(within, reverse);
    MDB_val key{};
    MDB_val value{};
    bool begun = false;
    std::uint64_t rows = 0;
    code = merge(
        over, reverse, MDB_NOTFOUND,
        [&](bytes_view& key_below, bytes_view& value_below) {
            const int got =
                std::exchange(begun, true) ? way.next(raw, key, value) : way.first(raw, key, value);
            key_below = from_lmdb(key);
            value_below = from_lmdb(value);
            return got;
        },
        [&](bytes_view found_key, bytes_view found_value) {
            return row(context, to_abi(found_key), to_abi(found_value)) != 0 && ++rows != range.limit;
        });
    return code == 0 ? PLEXUS_OK : status_of(explain(settings_, code));
}

// ---- writing ----

store_provider::outcome environment::apply(std::span<store_provider::batch* const> group) {
    const std::lock_guard hold(writing_);
    int code = attempt(group);
    if (code == 0) return {group.size(), std::nullopt};
    if (group.size() == 1) return {0, explain(settings_, code)};
    for (std::size_t i = 0; i < group.size(); ++i) {
        code = attempt(group.subspan(i, 1));
        if (code != 0) return {i, explain(settings_, code)};
    }
    return {group.size(), std::nullopt};
}

bool frees_more(std::span<const plexus_write> writes) {
    constexpr std::uint64_t little = 4'096;
    bool removes = false;
    std::uint64_t added = 0;
    for (const auto& write : writes) {
        const bool removal = write.kind == PLEXUS_WRITE_DELETE || write.kind == PLEXUS_WRITE_DELETE_RANGE;
        removes |= removal;
        if (!removal) added += write.key.size + write.value.size;
    }
    return removes && added <= little;
}

int environment::attempt(std::span<store_provider::batch* const> group) {
    const bool makes_room =
        std::all_of(group.begin(), group.end(), [](const auto* one) { return frees_more(one->span()); });
    for (;;) {
        const int code = write_group(group);
        if (code == MDB_MAP_FULL && grow(makes_room)) continue;
        return code == EIO ? why_short() : code;
    }
}

/// A write that stops short, as on a disk that fills up, comes as EIO: whether it is for want of room.
int environment::why_short() const {
    mdb_filehandle_t file = -1;
    struct stat about {};
    if (mdb_env_get_fd(env_.get(), &file) != 0 || ::fstat(file, &about) != 0) return EIO;
    constexpr off_t probe = 1 << 20;
    const int code = ::posix_fallocate(file, about.st_size, probe);
    if (code == ENOSPC || code == EFBIG || code == EDQUOT) return code;
    if (code == 0 && ::ftruncate(file, about.st_size) != 0) return errno;
    return EIO;
}

int environment::write_group(std::span<store_provider::batch* const> group) {
    MDB_txn* txn = nullptr;
    if (const int code = mdb_txn_begin(env_.get(), nullptr, 0, &txn); code != 0) return code;
    for (auto* one : group) {
        if (const int code = write_batch(txn, *one); code != 0) {
            mdb_txn_abort(txn);
            return code;
        }
    }
    return mdb_txn_commit(txn);
}

namespace {

int erase_range(MDB_txn* txn, MDB_dbi from, const store_provider::key_range& range) {
    if (range.from.empty() && range.to.empty()) return mdb_drop(txn, from, 0);
    MDB_cursor* raw = nullptr;
    if (const int code = mdb_cursor_open(txn, from, &raw); code != 0) return code;
    const cursor_handle cursor(raw);
    const walk way(range);
    MDB_val key{};
    MDB_val value{};
    int code = way.first(raw, key, value);
    while (code == 0) {
        code = mdb_cursor_del(raw, 0);
        if (code == 0) code = way.first(raw, key, value);
    }
    return code == MDB_NOTFOUND ? 0 : code;
}

} // namespace

int environment::write_batch(MDB_txn* txn, store_provider::batch& one) {
    one.status = PLEXUS_OK;
    int failed = 0;
    const bool refused = store_provider::meets_existing(one.span(), [&](const plexus_write& write) {
        MDB_val key = to_lmdb(write.key);
        MDB_val value{};
        const int code = mdb_get(txn, find(write.table)->handle, &key, &value);
        if (code != 0 && code != MDB_NOTFOUND) failed = code;
        return code != MDB_NOTFOUND;
    });
    if (failed != 0) return failed;
    if (refused) {
        one.status = PLEXUS_E_EXISTS;
        return 0;
    }
    for (const auto& write : one.span()) {
        const MDB_dbi in = find(write.table)->handle;
        MDB_val key = to_lmdb(write.key);
        MDB_val value = to_lmdb(write.value);
        int code = 0;
        if (write.kind == PLEXUS_WRITE_DELETE)
            code = mdb_del(txn, in, &key, nullptr);
        else if (write.kind == PLEXUS_WRITE_DELETE_RANGE)
            code = erase_range(txn, in, store_provider::key_range::of(write));
        else
            code = mdb_put(txn, in, &key, &value, 0);
        if (code != 0 && code != MDB_NOTFOUND) return code;
    }
    return 0;
}

// ---- rows of the journal ----

int read_position(MDB_txn* txn, std::optional<std::uint64_t>& out) {
    MDB_dbi table = 0;
    MDB_val key = to_lmdb(to_abi(position_key));
    MDB_val value{};
    int code = mdb_dbi_open(txn, std::string(journal_table).c_str(), 0, &table);
    if (code == 0) code = mdb_get(txn, table, &key, &value);
    if (code != 0) return code == MDB_NOTFOUND ? 0 : code;
    std::uint64_t position = 0;
    if (value.mv_size != sizeof position) return MDB_CORRUPTED;
    std::memcpy(&position, value.mv_data, sizeof position);
    out = position;
    return 0;
}

result<std::optional<std::uint64_t>> environment::journal_position() {
    MDB_txn* txn = nullptr;
    int code = mdb_txn_begin(env_.get(), nullptr, MDB_RDONLY, &txn);
    if (code != 0) return explain(settings_, code);
    const std::unique_ptr<MDB_txn, void (*)(MDB_txn*)> hold(txn, mdb_txn_abort);
    std::optional<std::uint64_t> out;
    if (code = read_position(txn, out); code != 0) return explain(settings_, code);
    return out;
}

int environment::mark(MDB_txn* txn, bytes_view name, std::uint64_t number) {
    MDB_dbi table = 0;
    int code = mdb_dbi_open(txn, std::string(journal_table).c_str(), MDB_CREATE, &table);
    MDB_val key = to_lmdb(to_abi(name));
    MDB_val value{sizeof number, &number};
    if (code == 0) code = mdb_put(txn, table, &key, &value, 0);
    return code;
}

int environment::write_rows(const layer& rows, std::uint64_t position) {
    const std::lock_guard hold(writing_);
    const auto attempt = [&](part which, std::optional<std::uint64_t> number, bool beyond_most) {
        layer_place at;
        for (;;) {
            auto next = at;
            const int code = write_some(rows, which, number, next);
            if (code == MDB_MAP_FULL && grow(beyond_most)) continue;
            if (code != 0) return code == EIO ? why_short() : code;
            if (which == part::nothing || next.table == rows.tables().size()) return 0;
            at = next;
        }
    };
    int code = attempt(part::all, position, false);
    if (code != MDB_MAP_FULL || !rows.removes()) return code;
    // What is removed first makes room, which LMDB uses again from the transaction after the next.
    code = attempt(part::removals, std::nullopt, true);
    if (code == 0) code = attempt(part::nothing, std::nullopt, true);
    return code == 0 ? attempt(part::all, position, true) : code;
}

/// One transaction.
int environment::write_some(const layer& rows, part which, std::optional<std::uint64_t> position,
                            layer_place& at) {
    MDB_txn* txn = nullptr;
    if (const int code = mdb_txn_begin(env_.get(), nullptr, 0, &txn); code != 0) return code;
    int code = which == part::nothing ? 0 : put_rows(txn, rows, which, at);
    const bool last = which == part::nothing || at.table == rows.tables().size();
    if (code == 0)
        code = position && last ? mark(txn, position_key, *position) : mark(txn, turn_key, mdb_txn_id(txn));
    if (code == 0) return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return code;
}

/// From `at` on, as many as one transaction takes.
int environment::put_rows(MDB_txn* txn, const layer& rows, part which, layer_place& at) {
    std::size_t count = 0;
    std::size_t size = 0;
    for (; at.table < rows.tables().size(); ++at.table, at.row.reset()) {
        const MDB_dbi in = tables_[at.table].handle;
        const auto& table = rows.tables()[at.table];
        if (!at.row) {
            for (const auto& gone : table.ranges) {
                const store_provider::key_range range{as_bytes(gone.from), as_bytes(gone.to)};
                if (const int code = erase_range(txn, in, range); code != 0) return code;
            }
            at.row = table.rows.begin();
        }
        for (auto& next = *at.row; next != table.rows.end(); ++next) {
            if (count == rows_most || size >= values_most) return 0;
            const auto& [name, row] = *next;
            const int code = put_row(txn, in, name, row, which);
            if (code == MDB_NOTFOUND) continue;
            if (code != 0) return code;
            ++count;
            size += row.what == layer::row::kind::filed ? row.size : row.value.size();
        }
    }
    return 0;
}

/// NOTFOUND: there is nothing to do.
int environment::put_row(MDB_txn* txn, MDB_dbi in, const std::string& name, const layer::row& row,
                         part which) {
    MDB_val key = to_lmdb(to_abi(as_bytes(name)));
    if (row.what == layer::row::kind::erased) return mdb_del(txn, in, &key, nullptr);
    if (which != part::all) return MDB_NOTFOUND;
    const bool filed = row.what == layer::row::kind::filed;
    MDB_val value{filed ? row.size : row.value.size(), nullptr};
    if (const int code = mdb_put(txn, in, &key, &value, MDB_RESERVE); code != 0) return code;
    if (filed) return row.file->read({static_cast<std::uint8_t*>(value.mv_data), row.size}, row.at);
    if (!row.value.empty()) std::memcpy(value.mv_data, row.value.data(), row.value.size());
    return 0;
}

/// Doubles the map, up to its limit. What makes room may go a little beyond: it needs some before.
bool environment::grow(bool beyond_most) {
    int stale = 0;
    mdb_reader_check(env_.get(), &stale);
    const std::uint64_t now = map_size_.load();
    std::uint64_t wanted = std::min(settings_.map_most, now * 2);
    if (wanted <= now && beyond_most) {
        const std::uint64_t step = std::uint64_t(1) << 20;
        wanted = std::min(now + step, settings_.map_most + std::max(4 * step, settings_.map_most / 16));
    }
    if (wanted <= now) return false;
    int code = 0;
    readers_.exclusive([&] { code = mdb_env_set_mapsize(env_.get(), static_cast<std::size_t>(wanted)); });
    if (code != 0) return false;
    map_size_.store(wanted);
    return true;
}

} // namespace plexus::store_lmdb
