#include "new_file.hpp"

#include "environment.hpp"
#include "journal_files.hpp"

#include <fcntl.h>
#include <map>
#include <system_error>
#include <unistd.h>

namespace plexus::store_lmdb {
namespace {

/// Of one transaction.
constexpr std::uint64_t most_bytes = std::uint64_t(32) << 20;
constexpr std::uint64_t progress_bytes = std::uint64_t(256) << 20;

MDB_val to_lmdb(bytes_view data) noexcept { return {data.size(), const_cast<std::uint8_t*>(data.data())}; }
bytes_view from_lmdb(const MDB_val& data) noexcept {
    return {static_cast<const std::uint8_t*>(data.mv_data), data.mv_size};
}

/// Rows of a store that its journal still has, by the names of their tables.
class waiting_rows {
  public:
    /// Reads them all. False: some were taken away meanwhile.
    result<bool> read(const std::filesystem::path& store, std::optional<std::uint64_t> position) {
        names_.clear();
        rows_ = std::make_shared<layer>(nullptr);
        PLEXUS_TRY(const auto segments, find_segments(store));
        PLEXUS_TRY(const auto seen,
                   replay(segments, position,
                          [this](const journal_format::record& one, const auto&) -> result<void> {
                              for (const auto& write : one.entries) take(write);
                              return {};
                          }));
        return !seen.gap;
    }
    layer_view of(const std::string& name) const {
        const auto found = names_.find(name);
        if (found == names_.end()) return {};
        return {std::span(&rows_, 1), found->second, {}};
    }
    void copied(const std::string& name) { names_.erase(name); }
    std::vector<std::string> left() const {
        std::vector<std::string> out;
        for (const auto& [name, index] : names_) out.push_back(name);
        return out;
    }

  private:
    /// Long values as well: the writer may begin the segment anew.
    void take(const journal_format::entry& write) {
        const auto index = names_.try_emplace(std::string(write.table), names_.size()).first->second;
        if (write.is_long())
            rows_->hold(index, write.key, write.value);
        else
            rows_->apply(index, write.kind, write.key, write.value, 0);
    }
    std::map<std::string, std::size_t> names_;
    std::shared_ptr<layer> rows_;
};

} // namespace

error new_file::failed(int code) const {
    const auto kind = code == ENOSPC || code == EDQUOT ? status::full : status::io;
    return make_error(kind, "cannot write " + (folder_ / "data.mdb").string() + ": " + mdb_strerror(code));
}

result<new_file> new_file::create(const std::filesystem::path& folder, std::uint64_t bytes_most) {
    std::error_code why;
    std::filesystem::create_directory(folder, why);
    if (!why) std::filesystem::permissions(folder, std::filesystem::perms::owner_all, why);
    if (why)
        return make_error(status::io, "cannot make the folder " + folder.string() + ": " + why.message());
    MDB_env* env = nullptr;
    int code = mdb_env_create(&env);
    if (code != 0) return make_error(status::memory, mdb_strerror(code));
    new_file out(folder, env);
    code = mdb_env_set_maxdbs(env, tables_most);
    // Room for rows that fill pages badly; nothing of it is used before it is needed.
    if (code == 0) code = mdb_env_set_mapsize(env, (std::size_t(64) << 20) + 4 * bytes_most);
    if (code == 0) code = mdb_env_open(env, folder.c_str(), MDB_NOSYNC | MDB_NOLOCK, 0600);
    if (code != 0) return out.failed(code);
    return out;
}

result<void> new_file::step() {
    if (txn_ && bytes_ < most_bytes) return {};
    int code = txn_ ? mdb_txn_commit(txn_.release()) : 0;
    MDB_txn* txn = nullptr;
    if (code == 0) code = mdb_txn_begin(env_.get(), nullptr, 0, &txn);
    if (code != 0) return failed(code);
    txn_.reset(txn);
    bytes_ = 0;
    return {};
}

result<void> new_file::table(std::string_view name) {
    PLEXUS_CHECK(step());
    const int code = mdb_dbi_open(txn_.get(), std::string(name).c_str(), MDB_CREATE, &table_);
    if (code != 0) return failed(code);
    return {};
}

result<void> new_file::row(bytes_view key, bytes_view value) {
    PLEXUS_CHECK(step());
    MDB_val k = to_lmdb(key);
    MDB_val v = to_lmdb(value);
    int code = mdb_put(txn_.get(), table_, &k, &v, MDB_APPEND);
    if (code == MDB_KEYEXIST)
        code = mdb_put(txn_.get(), table_, &k, &v, 0); // out of order: of a damaged file
    if (code != 0) return failed(code);
    ++rows_;
    bytes_ += key.size() + value.size();
    return {};
}

result<void> new_file::finish() {
    PLEXUS_CHECK(step());
    int code = mdb_txn_commit(txn_.release());
    if (code == 0) code = mdb_env_sync(env_.get(), 1);
    if (code != 0) return failed(code);
    env_.reset();
    return {};
}

result<void> copy_rows(const std::filesystem::path& store, new_file& to, const copy_progress& progress) {
    const auto failed = [&](int code) {
        return make_error(status::io,
                          "cannot read " + (store / "data.mdb").string() + ": " + mdb_strerror(code));
    };
    struct closer {
        void operator()(MDB_env* env) const noexcept { mdb_env_close(env); }
        void operator()(MDB_txn* txn) const noexcept { mdb_txn_abort(txn); }
        void operator()(MDB_cursor* cursor) const noexcept { mdb_cursor_close(cursor); }
    };
    MDB_env* raw_env = nullptr;
    int code = mdb_env_create(&raw_env);
    const std::unique_ptr<MDB_env, closer> env(raw_env);
    if (code == 0) code = mdb_env_set_maxdbs(raw_env, tables_most);
    if (code == 0) code = mdb_env_open(raw_env, store.c_str(), MDB_RDONLY | MDB_NOTLS, 0600);
    if (code != 0) return failed(code);
    std::unique_ptr<MDB_txn, closer> txn;
    waiting_rows waiting;
    // Who writes the store may move records from the journal to LMDB in between: then once more.
    for (int tries = 0;; ++tries) {
        MDB_txn* raw_txn = nullptr;
        code = mdb_txn_begin(raw_env, nullptr, MDB_RDONLY, &raw_txn);
        if (code == MDB_MAP_RESIZED) { // the writer has grown its map since the opening
            code = mdb_env_set_mapsize(raw_env, 0);
            if (code == 0) code = mdb_txn_begin(raw_env, nullptr, MDB_RDONLY, &raw_txn);
        }
        if (code != 0) return failed(code);
        txn.reset(raw_txn);
        std::optional<std::uint64_t> position;
        if (code = read_position(raw_txn, position); code != 0) return failed(code);
        PLEXUS_TRY(const bool whole, waiting.read(store, position));
        if (whole) break;
        constexpr int tries_most = 1'000;
        if (tries == tries_most)
            return make_error(status::busy, "the journal of " + store.string() +
                                                " is written faster than it can be read: try again");
        txn.reset();
    }

    std::uint64_t done = 0;
    std::uint64_t told = 0;
    const auto copy_table = [&](const std::string& name, MDB_cursor* rows) -> result<void> {
        PLEXUS_CHECK(to.table(name));
        const layer_view above = waiting.of(name);
        result<void> copied;
        const auto below = [&](bytes_view& key, bytes_view& value) {
            MDB_val k{};
            MDB_val v{};
            const int at = rows == nullptr ? MDB_NOTFOUND : mdb_cursor_get(rows, &k, &v, MDB_NEXT);
            key = from_lmdb(k);
            value = from_lmdb(v);
            return at;
        };
        const int at = merge(above, false, MDB_NOTFOUND, below, [&](bytes_view key, bytes_view value) {
            done += key.size() + value.size();
            if (done - told >= progress_bytes) progress(told = done);
            copied = to.row(key, value);
            return copied.has_value();
        });
        return at == 0 ? copied : failed(at);
    };
    MDB_dbi names = 0;
    if (code = mdb_dbi_open(txn.get(), nullptr, 0, &names); code != 0) return failed(code);
    MDB_cursor* raw_names = nullptr;
    if (code = mdb_cursor_open(txn.get(), names, &raw_names); code != 0) return failed(code);
    const std::unique_ptr<MDB_cursor, closer> tables(raw_names);
    MDB_val name{};
    MDB_val about{};
    while ((code = mdb_cursor_get(raw_names, &name, &about, MDB_NEXT)) == 0) {
        const std::string text(as_text(from_lmdb(name)));
        MDB_dbi table = 0;
        MDB_cursor* raw = nullptr;
        code = mdb_dbi_open(txn.get(), text.c_str(), 0, &table);
        if (code == 0) code = mdb_cursor_open(txn.get(), table, &raw);
        if (code != 0) return failed(code);
        const std::unique_ptr<MDB_cursor, closer> rows(raw);
        PLEXUS_CHECK(copy_table(text, raw));
        waiting.copied(text);
    }
    if (code != MDB_NOTFOUND) return failed(code);
    for (const auto& text : waiting.left()) PLEXUS_CHECK(copy_table(text, nullptr));
    return {};
}

} // namespace plexus::store_lmdb
