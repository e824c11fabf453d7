// One LMDB environment that this process owns: opened and checked, read by any thread, written in groups by
// one. The store's plugin joins it to the host.
#pragma once

#include "plexus/store_provider.hpp"
#include "reader_gate.hpp"

#include <lmdb.h>

#include <filesystem>
#include <memory>

namespace plexus::store_lmdb {

/// What a completed commit survives. os: the process; after a power cut at most the last commit is missing.
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

    /// The functions of plexus.store/1. [any-thread]
    std::int32_t try_get(const plexus_table* from, plexus_view key,
                         void (*found)(void* context, plexus_view value), void* context) noexcept;
    std::int32_t try_scan(const plexus_scan& range,
                          std::uint32_t (*row)(void* context, plexus_view key, plexus_view value),
                          void* context) noexcept;

    /// Commits a group in one transaction. [one thread]
    store_provider::outcome apply(std::span<store_provider::batch* const> group);

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
