// Who is subscribed to what: one connection an id, a million of them at little more than 80 bytes each. The
// engine keeps one table of queues and one of notifiers.
#pragma once

#include "ids.hpp"

#include <memory>
#include <unordered_map>
#include <vector>

namespace plexus::smp_server {

/// A message that went to a recipient and is not acknowledged.
struct delivered {
    identifier message_id{};
    std::uint64_t number = 0;
    bool leaving = false; ///< acknowledged, and that is being stored
};

/// What a connection has to do with a queue or a notifier.
struct use {
    connection_id connection;
    std::unique_ptr<delivered> last; ///< sent and not acknowledged; as a rule there is none
    identifier id{};
    smp::version version = 0;

    void sent(const identifier& message_id, std::uint64_t number) {
        last = std::make_unique<delivered>(delivered{message_id, number});
    }
};

/// Pointers that it gives are valid until the next change. What one call does is bounded, but for the growth
/// of the index by half as many entries again.
class subscription_table {
  public:
    subscription_table() = default;
    subscription_table(const subscription_table&) = delete;
    subscription_table& operator=(const subscription_table&) = delete;

    /// NULL if nobody is subscribed.
    use* find(const identifier& id) noexcept;
    /// A subscription that is not there yet.
    use& add(const identifier& id, const connection_id& connection, smp::version version);
    void erase(const identifier& id);

    std::size_t size() const noexcept { return size_ - leaving_; }
    std::size_t count(const connection_id& connection) const noexcept;
    /// A connection is gone, and with it all that it subscribed to. Many take several turns to be taken out:
    /// while `has_leaving`, call `take_out`.
    void disconnected(const connection_id& connection);
    bool has_leaving() const noexcept { return !gone_.empty(); }
    void take_out();

  private:
    static constexpr std::uint32_t none = UINT32_MAX;
    static constexpr std::size_t chunk_size = 512;
    static constexpr std::size_t least_index = 64;
    static constexpr std::size_t taken_out_a_turn = 4'096;

    /// Where entries stand: dense, the last one fills the gap of one that goes. Those of a connection are a
    /// ring.
    struct entry : use {
        std::uint32_t next = 0;
        std::uint32_t previous = 0;
    };
    static_assert(sizeof(entry) == 64);
    using chunk = std::array<entry, chunk_size>;
    struct client {
        std::uint32_t first = none;
        std::uint32_t count = 0;
        bool gone = false;
    };
    /// Open addressing, linear: 32 bits of the hash, so that most comparisons need no entry.
    struct slot {
        std::uint32_t tag = 0;
        std::uint32_t position = none;
    };

    entry& at(std::uint32_t position) noexcept {
        return (*chunks_[position / chunk_size])[position % chunk_size];
    }
    static std::uint32_t tag_of(const identifier& id) noexcept;
    std::size_t home_of(std::uint32_t tag) const noexcept { return tag & (index_.size() - 1); }
    slot* find_slot(const identifier& id) noexcept;
    slot& slot_of(std::uint32_t tag, std::uint32_t position) noexcept;
    void free_slot(slot& which) noexcept;
    void resize_index(std::size_t slots);
    void put(slot what) noexcept;
    void erase_at(std::uint32_t position);
    bool is_gone(const connection_id& connection) const noexcept;

    std::vector<std::unique_ptr<chunk>> chunks_;
    std::vector<slot> index_;
    std::unordered_map<connection_id, client, hash_connection> clients_;
    std::vector<connection_id> gone_; ///< clients with entries to take out
    std::size_t size_ = 0;            ///< with the `leaving_`
    std::size_t leaving_ = 0;
};

} // namespace plexus::smp_server
