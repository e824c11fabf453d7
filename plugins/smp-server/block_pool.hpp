// Blocks of one shard, borrowed while bytes of a connection are on their way.
#pragma once

#include "plexus/smp/types.hpp"

#include <memory>

namespace plexus::smp_server {

class block_pool {
  public:
    struct returner {
        block_pool* pool = nullptr;
        void operator()(smp::block_buffer* block) const noexcept { pool->give_back(block); }
    };
    /// Goes back by itself. The pool outlives it.
    using lease = std::unique_ptr<smp::block_buffer, returner>;

    block_pool() { free_.reserve(most_kept); }

    lease take() {
        if (free_.empty()) return lease(new smp::block_buffer, returner{this});
        auto* block = free_.back().release();
        free_.pop_back();
        return lease(block, returner{this});
    }

  private:
    static constexpr std::size_t most_kept = 64;

    void give_back(smp::block_buffer* block) noexcept {
        std::unique_ptr<smp::block_buffer> owned(block);
        if (free_.size() < most_kept) free_.push_back(std::move(owned));
    }

    std::vector<std::unique_ptr<smp::block_buffer>> free_;
};

} // namespace plexus::smp_server
