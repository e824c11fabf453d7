#include "subscriptions.hpp"

#include <algorithm>

namespace plexus::smp_server {

std::uint32_t subscription_table::tag_of(const identifier& id) noexcept {
    // The first bytes choose the shard, so these do not.
    std::uint32_t out = 0;
    for (std::size_t i = 8; i < 8 + sizeof out; ++i) out = out << 8 | id[i];
    return out;
}

// ---- the index

subscription_table::slot* subscription_table::find_slot(const identifier& id) noexcept {
    if (index_.empty()) return nullptr;
    const auto tag = tag_of(id);
    for (auto i = home_of(tag); index_[i].position != none; i = (i + 1) & (index_.size() - 1))
        if (index_[i].tag == tag && at(index_[i].position).id == id) return &index_[i];
    return nullptr;
}

subscription_table::slot& subscription_table::slot_of(std::uint32_t tag, std::uint32_t position) noexcept {
    auto i = home_of(tag);
    while (index_[i].position != position) i = (i + 1) & (index_.size() - 1);
    return index_[i];
}

void subscription_table::put(slot what) noexcept {
    auto i = home_of(what.tag);
    while (index_[i].position != none) i = (i + 1) & (index_.size() - 1);
    index_[i] = what;
}

/// Those behind it move up, so that no search ends too early.
void subscription_table::free_slot(slot& which) noexcept {
    const auto mask = index_.size() - 1;
    auto hole = static_cast<std::size_t>(&which - index_.data());
    for (auto i = (hole + 1) & mask; index_[i].position != none; i = (i + 1) & mask) {
        const auto way = (i - home_of(index_[i].tag)) & mask;
        if (way < ((i - hole) & mask)) continue;
        index_[hole] = index_[i];
        hole = i;
    }
    index_[hole].position = none;
}

void subscription_table::resize_index(std::size_t slots) {
    std::vector<slot> previous(slots);
    previous.swap(index_);
    for (const auto& each : previous)
        if (each.position != none) put(each);
}

// ---- entries

use* subscription_table::find(const identifier& id) noexcept {
    const auto* found = find_slot(id);
    if (found == nullptr) return nullptr;
    auto& out = at(found->position);
    return is_gone(out.connection) ? nullptr : &out;
}

use& subscription_table::add(const identifier& id, const connection_id& connection, smp::version version) {
    if (const auto* known = find_slot(id)) erase_at(known->position); // of a connection that is gone
    if (index_.size() * 3 / 4 <= size_ + 1) resize_index(std::max(least_index, index_.size() * 2));
    if (size_ == chunks_.size() * chunk_size) chunks_.push_back(std::make_unique<chunk>());
    auto& owner = clients_[connection];
    const auto position = static_cast<std::uint32_t>(size_);
    auto& out = at(position);
    out.connection = connection;
    out.id = id;
    out.version = version;
    if (owner.first == none) {
        owner.first = out.next = out.previous = position;
    } else {
        out.next = owner.first;
        out.previous = at(owner.first).previous;
        at(out.previous).next = at(out.next).previous = position;
    }
    ++owner.count;
    ++size_;
    put({tag_of(id), position});
    return out;
}

void subscription_table::erase(const identifier& id) {
    if (const auto* found = find_slot(id)) erase_at(found->position);
}

void subscription_table::erase_at(std::uint32_t position) {
    auto& going = at(position);
    const auto known = clients_.find(going.connection);
    auto& owner = known->second;
    at(going.previous).next = going.next;
    at(going.next).previous = going.previous;
    if (owner.first == position) owner.first = going.next;
    if (owner.gone) --leaving_;
    if (--owner.count == 0) {
        if (owner.gone) gone_.erase(std::find(gone_.rbegin(), gone_.rend(), going.connection).base() - 1);
        clients_.erase(known);
    }
    free_slot(slot_of(tag_of(going.id), position));
    going.last.reset();

    const auto end = static_cast<std::uint32_t>(--size_);
    if (position != end) {
        auto& last = at(end);
        slot_of(tag_of(last.id), end).position = position;
        going = std::move(last);
        auto& its_owner = clients_.find(going.connection)->second;
        if (its_owner.first == end) its_owner.first = position;
        if (going.next == end) going.next = going.previous = position; // it is alone
        at(going.next).previous = at(going.previous).next = position;
    }
    // One chunk stays, so that a subscription that comes and goes makes none.
    if (size_ + 2 * chunk_size <= chunks_.size() * chunk_size) chunks_.pop_back();
    if (size_ == 0) {
        chunks_.clear();
        std::vector<slot>().swap(index_);
    } else if (index_.size() > least_index && size_ * 8 < index_.size()) {
        resize_index(index_.size() / 2);
    }
}

// ---- connections

std::size_t subscription_table::count(const connection_id& connection) const noexcept {
    const auto known = clients_.find(connection);
    return known == clients_.end() || known->second.gone ? 0 : known->second.count;
}

bool subscription_table::is_gone(const connection_id& connection) const noexcept {
    if (gone_.empty()) return false;
    const auto known = clients_.find(connection);
    return known != clients_.end() && known->second.gone;
}

void subscription_table::disconnected(const connection_id& connection) {
    const auto known = clients_.find(connection);
    if (known == clients_.end() || known->second.gone) return;
    gone_.push_back(connection);
    known->second.gone = true;
    leaving_ += known->second.count;
    if (gone_.size() == 1) take_out();
}

void subscription_table::take_out() {
    for (std::size_t i = 0; i < taken_out_a_turn && !gone_.empty(); ++i)
        erase_at(clients_.find(gone_.back())->second.first);
}

} // namespace plexus::smp_server
