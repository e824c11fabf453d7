// Queues that are in memory: those that something happens to, and some that were used last, by their bytes.
// The engine keeps its queues here; idle ones are in the store alone.
#pragma once

#include "records.hpp"

#include "plexus/crypto/box.hpp"

#include <unordered_map>

namespace plexus::smp_server {

class owned_request;

/// A shared key of a session and one of the queue's X25519 keys. Kept only after it verified a command: a
/// refusal costs the same every time.
struct agreed_key {
    std::shared_ptr<const crypto::private_key> session;
    crypto::public_key key;
    crypto::box_key box;
};

struct queue {
    queue_record record;
    crypto::box_key body_key;
    waiting_list waiting;                       ///< as it will be when all commits are done
    std::size_t committed = 0;                  ///< how many of them, from the first, are safe
    std::shared_ptr<const stored_message> head; ///< the first of them, if it was read or just came
    std::uint64_t head_number = 0;
    bool deleted = false;
    bool held = false;      ///< whether a link is free is not known yet: further commands wait
    std::uint32_t pins = 0; ///< commits and reads under way: it may not leave the cache
    std::vector<std::shared_ptr<const owned_request>> deferred;
    /// Of its recipient and its sender, as a rule.
    std::unique_ptr<std::array<agreed_key, 2>> agreed;
    std::size_t next_agreed = 0;

  private:
    friend class queue_cache;
    queue* newer_ = nullptr;
    queue* older_ = nullptr;
    std::size_t weight_ = 0;
    std::uint32_t used_ = 0; ///< when, in ticks
};
using queue_ptr = std::shared_ptr<queue>; ///< null where the store has none

class queue_cache {
  public:
    queue_cache() = default;
    queue_cache(const queue_cache&) = delete;
    queue_cache& operator=(const queue_cache&) = delete;

    /// NULL if it is not there. It is now the one that was used last.
    const queue_ptr* find(const identifier& id);
    bool contains(const identifier& id) const { return queues_.count(id) > 0; }
    /// Others leave for it until the rest has `most` bytes at the most.
    void put(const queue_ptr& one, std::size_t most);
    /// If it is this one.
    void erase(const queue& one);
    /// All leave but for those with pins.
    void clear();
    /// Once a second: those that were not used for a while leave.
    void tick();

    std::size_t size() const noexcept { return queues_.size(); }
    std::size_t weight() const noexcept { return weight_; } ///< bytes, nearly

  private:
    static constexpr std::uint32_t kept_ticks = 20;
    static constexpr std::size_t most_passed = 16; ///< those with pins, of one search for room

    static std::size_t weight_of(const queue& one) noexcept;
    void link(queue& one) noexcept;
    void unlink(queue& one) noexcept;
    void trim(std::size_t most);
    template <typename Stay>
    void leave(Stay stay, std::size_t most_passed_over = SIZE_MAX);

    std::unordered_map<identifier, queue_ptr, hash_identifier> queues_;
    queue* newest_ = nullptr;
    queue* oldest_ = nullptr;
    std::size_t weight_ = 0;
    std::uint32_t now_ = 0;
};

} // namespace plexus::smp_server
