#include "queue_cache.hpp"

namespace plexus::smp_server {

std::size_t queue_cache::weight_of(const queue& one) noexcept {
    constexpr std::size_t overhead = 96; // of the table and the heap
    std::size_t out = sizeof(queue) + overhead;
    out += one.record.recipient_keys.capacity() * sizeof(crypto::public_key);
    out += one.waiting.entries.capacity() * sizeof(waiting_entry);
    if (one.head) out += sizeof(stored_message) + one.head->body.capacity();
    if (one.agreed) out += sizeof *one.agreed;
    return out;
}

void queue_cache::link(queue& one) noexcept {
    one.newer_ = nullptr;
    one.older_ = newest_;
    (newest_ == nullptr ? oldest_ : newest_->newer_) = &one;
    newest_ = &one;
    one.used_ = now_;
    one.weight_ = weight_of(one);
    weight_ += one.weight_;
}

void queue_cache::unlink(queue& one) noexcept {
    (one.newer_ == nullptr ? newest_ : one.newer_->older_) = one.older_;
    (one.older_ == nullptr ? oldest_ : one.older_->newer_) = one.newer_;
    weight_ -= one.weight_;
}

const queue_ptr* queue_cache::find(const identifier& id) {
    const auto known = queues_.find(id);
    if (known == queues_.end()) return nullptr;
    unlink(*known->second);
    link(*known->second);
    return &known->second;
}

void queue_cache::put(const queue_ptr& one, std::size_t most) {
    auto& place = queues_[one->record.recipient_id];
    if (place) unlink(*place);
    place = one;
    // It is about to be used, so it comes after the others left.
    trim(most);
    link(*one);
}

void queue_cache::erase(const queue& one) {
    const auto known = queues_.find(one.record.recipient_id);
    if (known == queues_.end() || known->second.get() != &one) return;
    unlink(*known->second);
    queues_.erase(known);
}

/// From the oldest on, until one is to stay; those with pins are passed over.
template <typename Stay>
void queue_cache::leave(Stay stay, std::size_t most_passed_over) {
    std::size_t passed = 0;
    for (auto* each = oldest_; each != nullptr && passed <= most_passed_over && !stay(*each);) {
        auto* const newer = each->newer_;
        if (each->pins == 0)
            erase(*each);
        else
            ++passed;
        each = newer;
    }
}

void queue_cache::trim(std::size_t most) {
    leave([&](const queue&) { return weight_ <= most; }, most_passed);
}

void queue_cache::clear() {
    leave([](const queue&) { return false; });
}

void queue_cache::tick() {
    ++now_;
    leave([&](const queue& one) { return now_ - one.used_ < kept_ticks; });
}

} // namespace plexus::smp_server
