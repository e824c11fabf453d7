// A new data file, filled row by row in the order of keys, so that its pages are full: for backup, compaction
// and repair.
#pragma once

#include "plexus/abi.hpp"

#include <filesystem>
#include <functional>
#include <lmdb.h>
#include <memory>

namespace plexus::store_lmdb {

class new_file {
  public:
    /// data.mdb in a folder, which is made; not larger than `bytes_most` of rows need.
    static result<new_file> create(const std::filesystem::path& folder, std::uint64_t bytes_most);

    /// Rows go there from now on.
    result<void> table(std::string_view name);
    result<void> row(bytes_view key, bytes_view value);
    /// Everything is on the disk.
    result<void> finish();

    std::uint64_t rows() const noexcept { return rows_; }

  private:
    struct closer {
        void operator()(MDB_env* env) const noexcept { mdb_env_close(env); }
        void operator()(MDB_txn* txn) const noexcept { mdb_txn_abort(txn); }
    };
    new_file(std::filesystem::path folder, MDB_env* env) : folder_(std::move(folder)), env_(env) {}
    error failed(int code) const;
    result<void> step();

    std::filesystem::path folder_;
    std::unique_ptr<MDB_env, closer> env_;
    std::unique_ptr<MDB_txn, closer> txn_;
    MDB_dbi table_ = 0;
    std::uint64_t rows_ = 0;
    std::uint64_t bytes_ = 0; ///< of the transaction
};

/// Bytes of rows so far, now and then.
using copy_progress = std::function<void(std::uint64_t bytes)>;

/// Copies every row of a store as committed now, also while another process writes to it.
result<void> copy_rows(const std::filesystem::path& store, new_file& to, const copy_progress& progress);

struct salvaged {
    std::uint64_t pages_lost = 0; ///< with all that hung on them
    std::uint64_t values_lost = 0;
    bool last_commit_lost = false; ///< more was left of the state before it
};
/// Copies every row of a damaged data file that can still be reached.
result<salvaged> salvage_rows(const std::filesystem::path& file, new_file& to);

} // namespace plexus::store_lmdb
