// One LMDB environment that this process owns: opened and checked, read by any thread, written in groups by
// one. The store's plugin joins it to the host.
#pragma once

#include "layer.hpp"
#include "reader_gate.hpp"

#include <lmdb.h>

#include <filesystem>
#include <functional>
#include <memory>

namespace plexus::store_lmdb {

/// Where LMDB keeps what of the journal it has, beside the tables of users.
inline constexpr std::string_view journal_table = "plexus.journal";
inline constexpr unsigned tables_most = PLEXUS_STORE_TABLES_MOST + 1;

/// What a completed commit survives. os: the process; after a power cut the last 50 ms may be missing.
/// sync: everything. memory: nothing, no file is made. unsafe_power: the process; a power cut may damage all.
enum class durability { os, sync, memory, unsafe_power };

struct settings {
    std::filesystem::path path; ///< a folder of its own; not used for durability::memory
    durability promise = durability::os;
    std::uint64_t map_most = 0; ///< bytes of the file at the most
    bool check_all = false;     ///< read every page before the start
    std::string owner;          ///< who opens it, for the message to a second opener
};

/// A store's folder, made when it is new, and the lock that keeps a second opener out as long as this lives.
class owned_folder {
  public:
    static result<owned_folder> hold(const settings& with);
    owned_folder(owned_folder&& other) noexcept : lock_(std::exchange(other.lock_, -1)) {}
    owned_folder& operator=(owned_folder&&) = delete;
    ~owned_folder();

  private:
    explicit owned_folder(int lock) : lock_(lock) {}
    int lock_;
};

/// What a plexus_table handle points to.
struct table {
    std::string name;
    MDB_dbi handle = 0;
};

/// What an LMDB or system code means for a store in `with.path`: a status, a sentence and the way out.
error explain(const settings& with, int code);

/// The number of the last record of the journal that LMDB has, in a snapshot of it; unchanged: it has none.
int read_position(MDB_txn* txn, std::optional<std::uint64_t>& out);

/// A batch that removes rows and writes little, as one that takes a message out of its queue.
bool frees_more(std::span<const plexus_write> writes);

/// How far the rows of a layer are written.
struct layer_place {
    std::size_t table = 0;
    std::optional<layer::row_map::const_iterator> row; ///< none: the table's ranges come first
};

class environment {
  public:
    static result<std::unique_ptr<environment>> open(const settings& with, loop_ref loop);
    environment(const environment&) = delete;
    environment& operator=(const environment&) = delete;
    ~environment();

    /// [any-thread]
    result<plexus_table*> open_table(std::string_view name);
    /// The table of a handle, or null if it is none of this store.
    const table* find(const plexus_table* which) const noexcept;
    /// Its number, for a handle that is one.
    std::size_t index_of(const plexus_table* which) const noexcept {
        return static_cast<std::size_t>(reinterpret_cast<const table*>(which) - tables_.data());
    }

    /// The functions of plexus.store/1. [any-thread]
    std::int32_t try_get(const plexus_table* from, plexus_view key,
                         void (*found)(void* context, plexus_view value), void* context) noexcept;
    std::int32_t try_scan(const plexus_scan& range,
                          std::uint32_t (*row)(void* context, plexus_view key, plexus_view value),
                          void* context) noexcept;
    /// The same with rows above, which `above` gives when the snapshot is taken.
    std::int32_t try_scan(const plexus_scan& range,
                          std::uint32_t (*row)(void* context, plexus_view key, plexus_view value),
                          void* context, const std::function<layer_view()>& above);

    /// Commits a group in one transaction. [one thread]
    store_provider::outcome apply(std::span<store_provider::batch* const> group);

    /// The number that the last write_rows was given. [loader]
    result<std::optional<std::uint64_t>> journal_position();
    /// Commits all rows of a layer, some at a time, and with the last ones the number of the last record of
    /// the journal that they come from: until that is there, they can be written again.
    int write_rows(const layer& rows, std::uint64_t position);

    std::uint64_t map_size() const noexcept { return map_size_.load(std::memory_order_relaxed); }

  private:
    struct closer {
        void operator()(MDB_env* env) const noexcept { mdb_env_close(env); }
    };
    using handle = std::unique_ptr<MDB_env, closer>;

    static result<handle> open_env(const settings& with, const std::filesystem::path& folder,
                                   std::uint64_t map_size);
    static result<void> make_file(const settings& with);
    environment(settings with, handle env, std::optional<owned_folder> folder, loop_ref loop,
                std::uint64_t map_size);

    int attempt(std::span<store_provider::batch* const> group);
    int write_group(std::span<store_provider::batch* const> group);
    int write_batch(MDB_txn* txn, store_provider::batch& one);
    enum class part { all, removals, nothing };
    int write_some(const layer& rows, part which, std::optional<std::uint64_t> position, layer_place& at);
    int put_rows(MDB_txn* txn, const layer& rows, part which, layer_place& at);
    int put_row(MDB_txn* txn, MDB_dbi in, const std::string& name, const layer::row& row, part which);
    int mark(MDB_txn* txn, bytes_view name, std::uint64_t number);
    bool grow(bool beyond_most);
    int why_short() const;

    const settings settings_;
    std::optional<owned_folder> folder_;
    handle env_;
    reader_gate readers_;
    std::atomic<std::uint64_t> map_size_{0};

    std::mutex writing_; ///< a transaction that writes, or a change of the map
    std::array<table, PLEXUS_STORE_TABLES_MOST> tables_;
    std::atomic<std::size_t> table_count_{0};
};

} // namespace plexus::store_lmdb
