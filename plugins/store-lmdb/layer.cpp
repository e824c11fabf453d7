#include "layer.hpp"

#include "journal_format.hpp"

namespace plexus::store_lmdb {
namespace {

constexpr std::size_t row_weight = 160; ///< a node of the map with its row

} // namespace

int layer::row::read(bytes& room, bytes_view& out) const {
    if (what == kind::held) {
        out = as_bytes(value);
        return 0;
    }
    room.resize(size);
    out = room;
    return file->read(room, at);
}

layer::table_rows& layer::at(std::size_t index) {
    if (tables_.size() <= index) tables_.resize(index + 1);
    return tables_[index];
}

layer::row& layer::slot(std::size_t table, bytes_view key) {
    auto& rows = at(table).rows;
    const auto found = rows.lower_bound(as_text(key));
    if (found != rows.end() && found->first == as_text(key)) {
        weight_ -= found->second.value.size();
        return found->second;
    }
    weight_ += row_weight + key.size();
    return rows.emplace_hint(found, as_text(key), row{})->second;
}

void layer::hold(std::size_t table, bytes_view key, bytes_view value) {
    auto& to = slot(table, key);
    to.what = row::kind::held;
    to.value.assign(as_text(value));
    weight_ += value.size();
}

void layer::file(std::size_t table, bytes_view key, std::uint64_t at, std::size_t size) {
    auto& to = slot(table, key);
    to = row{row::kind::filed, static_cast<std::uint32_t>(size), at, own_file(), {}};
}

void layer::erase(std::size_t table, bytes_view key) {
    slot(table, key) = row{};
    removes_ = true;
}

void layer::erase_range(std::size_t table, bytes_view from, bytes_view to) {
    if (!to.empty() && as_text(from) >= as_text(to)) return;
    auto& in = at(table);
    const range gone{std::string(as_text(from)), std::string(as_text(to))};
    const auto first = in.rows.lower_bound(gone.from);
    const auto last = gone.to.empty() ? in.rows.end() : in.rows.lower_bound(gone.to);
    for (auto one = first; one != last; ++one)
        weight_ -= row_weight + one->first.size() + one->second.value.size();
    in.rows.erase(first, last);
    in.ranges.push_back(gone);
    weight_ += row_weight + from.size() + to.size();
    removes_ = true;
}

void layer::apply(std::size_t table, std::uint32_t kind, bytes_view key, bytes_view value,
                  std::uint64_t long_at) {
    if (kind == PLEXUS_WRITE_DELETE)
        erase(table, key);
    else if (kind == PLEXUS_WRITE_DELETE_RANGE)
        erase_range(table, key, value);
    else if (value.size() > journal_format::short_value)
        file(table, key, long_at, value.size());
    else
        hold(table, key, value);
}

void layer::fold(const layer& newer) {
    for (std::size_t i = 0; i < newer.tables_.size(); ++i) {
        for (const auto& gone : newer.tables_[i].ranges)
            erase_range(i, as_bytes(gone.from), as_bytes(gone.to));
        for (const auto& [key, value] : newer.tables_[i].rows) {
            slot(i, as_bytes(key)) = value;
            weight_ += value.value.size();
            removes_ |= value.what == row::kind::erased;
        }
    }
    files_.insert(files_.end(), newer.files_.begin(), newer.files_.end());
}

const layer::row* layer::find(std::size_t table, std::string_view key, bool& hidden) const {
    if (table >= tables_.size()) return nullptr;
    const auto& in = tables_[table];
    const auto found = in.rows.find(key);
    if (found != in.rows.end()) return &found->second;
    for (const auto& gone : in.ranges) hidden |= gone.contains(key);
    return nullptr;
}

// ---- several

layer_view::layer_view(std::span<const std::shared_ptr<layer>> newest_first, std::size_t table,
                       const store_provider::key_range& within) {
    for (const auto& one : newest_first) {
        if (table >= one->tables().size()) continue;
        const auto& in = one->tables()[table];
        const auto first = in.rows.lower_bound(as_text(within.from));
        auto hint = rows_.begin();
        for (auto row = first; row != in.rows.end() && !within.ends_before(as_bytes(row->first)); ++row) {
            bool gone = false;
            for (const auto& range : ranges_) gone |= range.contains(row->first);
            if (!gone) hint = rows_.emplace_hint(hint, *row);
        }
        ranges_.insert(ranges_.end(), in.ranges.begin(), in.ranges.end());
        files_.insert(files_.end(), one->files().begin(), one->files().end());
    }
}

bool layer_view::hides(std::string_view key) const {
    if (rows_.contains(key)) return true;
    for (const auto& range : ranges_)
        if (range.contains(key)) return true;
    return false;
}

} // namespace plexus::store_lmdb
