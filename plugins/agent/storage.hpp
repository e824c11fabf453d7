// The agent's tables in the store, with their values encrypted: a data key seals them, the passphrase wraps
// the data key. Keys are numbers.
#pragma once

#include "host_random.hpp"

#include "plexus/agent/engine.hpp"
#include "plexus/crypto/at_rest.hpp"
#include "plexus/store.hpp"

namespace plexus::agent_plugin {

class storage {
  public:
    storage(store_ref store, loop_ref loop, host_random& random);

    /// [loader]
    result<void> open_tables();
    /// Opens the data key, or makes one in a new database. Without a passphrase the key lies open beside the
    /// data. [shard 0]
    task<result<void>> unlock(secret_bytes passphrase);
    /// Of the data key. [shard 0]
    secret_array<32> derive(std::string_view label) const { return key_->derive(label); }
    /// Gives every stored record to the engine. [shard 0]
    task<result<void>> restore(agent::engine& engine) const;
    /// `done` takes result<void>; an error that comes back means that it will not be called. [shard 0]
    template <typename Done>
    result<void> commit(const std::vector<agent::write_operation>& writes, Done done) {
        return store_.commit(seal(writes), std::move(done));
    }
    task<result<std::optional<bytes>>> get(agent::table from, bytes key) const;

  private:
    write_batch seal(const std::vector<agent::write_operation>& writes);
    plexus_table* handle(agent::table which) const { return tables_.at(static_cast<std::size_t>(which)); }

    store_ref store_;
    loop_ref loop_;
    host_random& random_;
    std::array<plexus_table*, std::size(agent::all_tables)> tables_{};
    plexus_table* keys_ = nullptr;
    std::optional<crypto::data_key> key_;
    std::optional<worker> helper_; ///< stretches the passphrase; ends with the instance, on the loader
};

} // namespace plexus::agent_plugin
