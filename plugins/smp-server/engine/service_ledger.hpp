// How many of a shard's queues each service has, and the hash of their ids: counted in the store when a
// service first comes, and kept from then on with every change. Used by the engine alone.
#pragma once

#include "records.hpp"

#include <functional>
#include <unordered_map>

namespace plexus::smp_server {

class service_ledger {
  public:
    using rows = std::function<void(result<store_ref::rows>)>;
    /// Reads up to `limit` rows of smp.served, and completes later or at once.
    using scan = std::function<void(bytes from, bytes end, std::uint64_t limit, rows done)>;

    service_ledger(std::uint32_t shard, std::uint32_t shards, plexus_table* served, scan read)
        : shard_(shard), shards_(shards), served_(served), scan_(std::move(read)) {}

    /// Continues when these services are counted: at once if they are. Only then may they be changed or asked
    /// for, and only until `next` returns. Fails if the store does.
    void with(std::vector<identifier> services, std::function<void(result<void>)> next);
    bool knows(const std::vector<identifier>& services) const;

    /// As it will be when all commits are done.
    smp::service_queues of(const identifier& service) const;
    /// Both write to a batch that is committed next; `settle` says for each what became of it.
    void add(const identifier& service, const identifier& entity, const identifier& recipient_id,
             write_batch& batch);
    void remove(const identifier& service, const identifier& entity, write_batch& batch);
    void settle(const identifier& service, bool committed);

  private:
    struct account {
        smp::service_queues sum;
        bool counted = false;
        bool counting = false;
        bool failed = false; ///< a commit was: it is counted again after the last one
        std::size_t under_way = 0;
        std::vector<std::function<void(result<void>)>> waiting;
    };
    void count(const identifier& service, bytes from);
    void counted(const identifier& service, const result<void>& outcome);
    void change(const identifier& service, const std::function<void(account&)>& what);
    void forget_some();

    std::uint32_t shard_;
    std::uint32_t shards_;
    plexus_table* served_;
    scan scan_;
    std::unordered_map<identifier, account, hash_identifier> accounts_;
};

} // namespace plexus::smp_server
