// The one table of the messenger in the store, with its values encrypted. Keys are a letter and numbers or
// keyed hashes, never names. What was written and is not committed yet is read back from memory.
#pragma once

#include "turns.hpp"

#include "plexus/crypto/at_rest.hpp"
#include "plexus/store.hpp"

#include <map>

namespace plexus::chat_plugin {

/// Parts of a key: 8 bytes, big-endian, so that numbers sort.
bytes make_key(char kind, std::initializer_list<std::uint64_t> numbers = {}, bytes_view tail = {});
std::uint64_t number_at(bytes_view key, std::size_t index);

class vault {
  public:
    vault(store_ref store, loop_ref loop, const plexus_random* random);

    /// Opens the table. [loader]
    result<void> open_table();
    /// Values are sealed with this key from now on. [shard 0]
    void unlock(const secret_array<32>& key) { key_.emplace(key); }

    class batch {
      public:
        void put(bytes key, bytes value) { changes_[std::move(key)] = std::move(value); }
        void erase(bytes key) { changes_[std::move(key)] = std::nullopt; }
        /// Everything under a prefix that is there already; puts of the same batch stay.
        void erase_prefix(bytes prefix) { erased_.push_back(std::move(prefix)); }
        bool empty() const { return changes_.empty() && erased_.empty(); }

      private:
        friend class vault;
        std::map<bytes, std::optional<bytes>> changes_;
        std::vector<bytes> erased_;
    };

    /// Reads see the batch from now on. Batches are committed one after the other, in the order of these
    /// calls; when one fails, all later ones fail with its error until `begin_anew`: no batch is stored
    /// without those before it.
    task<result<void>> commit(batch changes);
    /// What was not stored is forgotten. Nothing may be under way.
    void begin_anew() {
        failure_.reset();
        uncommitted_.clear();
    }
    task<result<std::optional<bytes>>> get(bytes key) const;
    using rows = std::vector<std::pair<bytes, bytes>>;
    /// Committed rows whose key begins with `prefix`; the last ones first if `reverse`.
    task<result<rows>> scan(bytes prefix, std::uint64_t limit, bool reverse) const;
    std::array<std::uint8_t, 32> hash(bytes_view name) const { return key_->hash_name(table_name, name); }
    bytes random(std::size_t size) const;

  private:
    static constexpr const char* table_name = "chat";
    struct waiting_value {
        std::optional<bytes> value;
        std::uint64_t commit = 0;
    };
    class host_random;

    store_ref store_;
    const plexus_random* random_;
    plexus_table* table_ = nullptr;
    std::optional<crypto::data_key> key_;
    std::uint64_t commits_ = 0;
    std::map<bytes, waiting_value> uncommitted_;
    turns order_;
    std::optional<error> failure_;
};

} // namespace plexus::chat_plugin
