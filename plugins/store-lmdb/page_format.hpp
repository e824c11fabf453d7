// The format of LMDB 0.9 on a 64-bit little-endian machine (mdb.c: MDB_page, MDB_meta, MDB_db, MDB_node).
// Used by those who read a data file without LMDB.
#pragma once

#include "plexus/bytes.hpp"

#include <cstring>

namespace plexus::store_lmdb {

constexpr std::size_t page_header = 16;
constexpr std::size_t node_header = 8;
constexpr std::size_t db_size = 48;
constexpr std::size_t meta_size = 136;
constexpr std::uint64_t no_page = ~std::uint64_t(0);
enum : std::uint16_t { is_branch = 1, is_leaf = 2, is_overflow = 4, is_meta = 8 };
enum : std::uint16_t { big_data = 1, sub_data = 2 };
enum : std::uint16_t { integer_key = 8 };

template <typename T>
T get(bytes_view from, std::size_t offset) {
    T value{};
    std::memcpy(&value, from.data() + offset, sizeof value);
    return value;
}

struct tree {
    std::uint64_t root = no_page;
    std::uint16_t flags = 0;
    bool is_free_list = false;
};

inline tree parse_tree(bytes_view db) { return {get<std::uint64_t>(db, 40), get<std::uint16_t>(db, 4)}; }

} // namespace plexus::store_lmdb
