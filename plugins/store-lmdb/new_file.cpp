#include "new_file.hpp"

#include "plexus/abi/store.h"

#include <fcntl.h>
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
    code = mdb_env_set_maxdbs(env, PLEXUS_STORE_TABLES_MOST);
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
    if (code == 0) code = mdb_env_set_maxdbs(raw_env, PLEXUS_STORE_TABLES_MOST);
    if (code == 0) code = mdb_env_open(raw_env, store.c_str(), MDB_RDONLY | MDB_NOTLS, 0600);
    if (code != 0) return failed(code);
    MDB_txn* raw_txn = nullptr;
    code = mdb_txn_begin(raw_env, nullptr, MDB_RDONLY, &raw_txn);
    if (code == MDB_MAP_RESIZED) { // the writer has grown its map since the opening
        code = mdb_env_set_mapsize(raw_env, 0);
        if (code == 0) code = mdb_txn_begin(raw_env, nullptr, MDB_RDONLY, &raw_txn);
    }
    if (code != 0) return failed(code);
    const std::unique_ptr<MDB_txn, closer> txn(raw_txn);

    const auto each = [&](MDB_dbi table, const auto& row) -> result<void> {
        MDB_cursor* raw = nullptr;
        if (const int opened = mdb_cursor_open(txn.get(), table, &raw); opened != 0) return failed(opened);
        const std::unique_ptr<MDB_cursor, closer> cursor(raw);
        MDB_val key{};
        MDB_val value{};
        int at = 0;
        while ((at = mdb_cursor_get(raw, &key, &value, MDB_NEXT)) == 0)
            PLEXUS_CHECK(row(from_lmdb(key), from_lmdb(value)));
        return at == MDB_NOTFOUND ? result<void>() : failed(at);
    };
    MDB_dbi names = 0;
    if (code = mdb_dbi_open(txn.get(), nullptr, 0, &names); code != 0) return failed(code);
    std::uint64_t done = 0;
    std::uint64_t told = 0;
    return each(names, [&](bytes_view name, bytes_view) -> result<void> {
        const std::string text(as_text(name));
        MDB_dbi table = 0;
        if (const int opened = mdb_dbi_open(txn.get(), text.c_str(), 0, &table); opened != 0)
            return failed(opened);
        PLEXUS_CHECK(to.table(text));
        return each(table, [&](bytes_view key, bytes_view value) {
            done += key.size() + value.size();
            if (done - told >= progress_bytes) progress(told = done);
            return to.row(key, value);
        });
    });
}

} // namespace plexus::store_lmdb
