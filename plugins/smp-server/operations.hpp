// What the operator may ask of the running server: the service plexus.smp-server/0 (see its header for the
// words), and what is counted, kept in the store. Used by the plugin.
#pragma once

#include "listeners.hpp"
#include "server.hpp"

#include "plexus/abi/draft/smp_server.h"

#include <boost/json/object.hpp>

namespace plexus::smp_server {

class operations {
  public:
    operations();
    operations(const operations&) = delete;
    operations& operator=(const operations&) = delete;

    const plexus_smp_server& table() const noexcept { return table_; }

    /// Takes up what was counted before; counts anew what a crash left uncertain. [shard 0]
    task<result<void>> start(server& on, listeners& ports);
    /// Saves. Nothing more is answered. [shard 0]
    task<void> stop();
    /// What the server says of itself; from any thread.
    void describe(boost::json::object information);

  private:
    using answer = result<boost::json::object>;

    std::int32_t ask(plexus_view words, plexus_view_completion done);
    task<void> run(std::vector<std::string> words, std::uint32_t from, plexus_view_completion done);
    task<answer> find_answer(const std::vector<std::string>& words);
    task<answer> give_statistics();
    task<answer> give_clients();
    task<answer> give_queues();
    task<answer> end_period(std::string name);
    task<answer> change(std::string id, queue_change what);
    task<answer> inspect(std::string id);
    task<answer> drain();
    task<result<void>> save(bool clean);
    task<void> save_now();
    task<void> recount();
    task<statistics> sum();

    plexus_smp_server table_{};
    server* server_ = nullptr;
    listeners* listeners_ = nullptr;
    std::atomic<bool> running_{false};
    bool draining_ = false;
    kept_statistics kept_; ///< what earlier runs counted, and when they began
    bytes saved_;
    std::mutex mutex_; ///< of information_
    boost::json::object information_;
    std::optional<timer> save_timer_;
    task_scope tasks_; ///< never cancelled: shards work on what its tasks hold
};

} // namespace plexus::smp_server
