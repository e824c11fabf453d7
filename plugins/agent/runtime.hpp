// The loop around the agent's engine: it carries out what the engine asks for with the host's services and
// gives the answers back. Everything on shard 0.
#pragma once

#include "server_link.hpp"
#include "storage.hpp"

#include "plexus/abi/draft/agent.h"
#include "plexus/wait.hpp"

namespace plexus::agent_plugin {

struct runtime_settings {
    agent::engine::options engine;
    std::chrono::nanoseconds store_retry{}; ///< after a failed commit, before the store is read again
};

class runtime final : public link_owner {
  public:
    struct services {
        loop_ref loop;
        store_ref store;
        const plexus_network* network = nullptr;
        const plexus_random* random = nullptr;
        clock_view clock;
        logger log;
    };
    using reply_function = std::function<void(const agent::action::reply&)>;
    using receiver_function = void (*)(void* context, const plexus_agent_event* event);

    runtime(services given, runtime_settings settings);
    ~runtime() override;

    /// [loader]
    result<void> open_tables() { return storage_.open_tables(); }
    task<result<void>> start(secret_bytes passphrase);
    /// Open calls are answered with STOPPING; the store finishes what it has.
    task<result<void>> stop();

    /// Runs `function` with the engine and the id of a call whose reply goes to `done`. Error: it is not
    /// running.
    template <typename Function>
    result<void> call(reply_function done, Function function) {
        if (!engine_ || stopping_) return make_error(status::stopping, "the agent is not running");
        if (broken_) return make_error(status::io, "the store does not work; try again later", true);
        const auto id = next_request_++;
        replies_.emplace(id, std::move(done));
        advance();
        function(*engine_, id);
        schedule();
        return {};
    }
    void set_receiver(receiver_function receiver, void* context);
    secret_array<32> derive_key(std::string_view label) const { return storage_.derive(label); }

  private:
    void link_ready(agent::session_id id, smp::version version) override;
    void link_failed(agent::session_id id, const error& cause) override;
    void link_event(agent::session_id id, const smp::client_event& event) override;
    void link_idle() override { schedule(); }
    std::chrono::nanoseconds now() const override { return services_.clock.monotonic(); }
    void link_pending(int change) override;

    task<result<void>> build_engine();
    task<void> rebuild();
    task<void> load(std::uint64_t token, agent::table from, bytes key);
    void advance();
    void schedule();
    void drain();
    void perform(agent::any_action action);
    void commit(const agent::action::commit& action);
    void commit_failed(const error& cause);
    void deliver(const agent::event& event);
    void arm();
    void drop_links();
    void take_rules();
    void network_changed(std::uint32_t what);
    void settle(const agent::action::reply& reply);
    void fail_replies(const error& cause);
    void check_stopped();

    services services_;
    runtime_settings settings_;
    host_random random_;
    storage storage_;
    std::optional<agent::engine> engine_;
    std::optional<timer> timer_;
    std::map<agent::session_id, std::unique_ptr<server_link>> links_;
    std::vector<std::unique_ptr<server_link>> ended_; ///< may be in one of their own calls
    std::map<agent::request_id, reply_function> replies_;
    agent::request_id next_request_ = 1;
    plexus_network_watch* watch_ = nullptr;
    receiver_function receiver_ = nullptr;
    void* receiver_context_ = nullptr;

    task_scope tasks_;
    std::uint64_t generation_ = 0; ///< of the engine
    int pending_ = 0;              ///< commits, connection attempts and posted tasks under way
    bool scheduled_ = false;
    bool broken_ = false; ///< the engine may not be used: its store failed, or it is being read
    bool stopping_ = false;
    event stopped_;
};

} // namespace plexus::agent_plugin
