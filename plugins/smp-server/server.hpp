// The server across its shards: connections where their streams are, queues where their ids say, and what
// goes between them by post. The plugin makes one, starts it and stops it.
#pragma once

#include "connection.hpp"
#include "limits.hpp"
#include "names.hpp"
#include "proxy.hpp"
#include "service_desk.hpp"

#include "plexus/host.hpp"
#include "plexus/loop.hpp"
#include "plexus/task.hpp"
#include "plexus/wait.hpp"

#include <atomic>

namespace plexus::smp_server {

/// The host's random bytes for the protocol library.
class host_random final : public crypto::random_source {
  public:
    explicit host_random(const plexus_random* table) : table_(table) {}
    void fill(bytes_span out) override {
        table_->fill(table_->service.self, plexus_span{out.data(), out.size()});
    }

  private:
    const plexus_random* table_;
};

struct server_metrics {
    metric connections; ///< now
    metric messages_delivered;
    metric queues_created;
};

/// What all shards share; it outlives them.
struct server_setup {
    loop_ref loop;
    clock_view clock;
    logger log;
    host_random random;
    std::shared_ptr<const smp::server_identity> identity;
    settings queues;
    connection_limits limits;
    store_ref store;
    tables opened;
    server_metrics metrics;
    const plexus_network* network = nullptr; ///< to other servers; may be missing
    bool allow_proxy = true;
    proxy_limits proxy;
    std::size_t memory_limit = 0;                   ///< bytes; 0: none
    const plexus_name_resolver* resolver = nullptr; ///< of names; may be missing
};

class server;

class shard final : public connection_owner,
                    public engine_outputs,
                    public proxy_outputs,
                    public name_outputs {
  public:
    shard(server& owner, std::uint32_t index, std::uint32_t shards, std::uint64_t first_number);

    queue_engine& engine() noexcept { return engine_; }
    std::size_t connection_count() const noexcept { return connections_.size(); }
    template <typename Function>
    void each_connection(Function function) {
        for (const auto& [number, each] : connections_) function(*each);
    }
    const settings& settings_now() const noexcept { return settings_; }
    /// What new commands and connections go by from now on.
    void take_over(const settings& queues, const connection_limits& limits,
                   std::shared_ptr<const smp::server_identity> identity);
    /// All of these on the shard itself.
    void start();
    void accept(stream peer);
    void close_all();
    bool is_quiet() const noexcept;
    void stop();
    void answer_here(const reply_to& to, bytes_view content);
    void deliver_here(const reply_to& to, const delivery& what);
    std::int64_t expiry_seconds() override;
    /// Its service has another connection now.
    void end_service(const connection_id& of, smp::version version, const identifier& service_id,
                     const smp::service_queues& had);
    void service_attached(const connection_id& connection);
    void service_given(const connection_id& connection);
    void respond(const reply_to& to, const smp::message& content) { answer(to, content); }
    /// To another shard, or to this one, at the end of the turn.
    void to_send(std::uint32_t to, std::function<void()> function);

  private:
    // connection_owner
    block_pool& blocks() override { return blocks_; }
    std::chrono::nanoseconds now() override;
    void submit(const request& in) override {
        if (in.from->relayed != 0) engine_.statistics().add(counted::forwarded_received);
        engine_.submit(in);
    }
    void proxy(const reply_to& from, const smp::command& content) override;
    void to_flush(connection& which) override;
    void closed(connection& which, std::string_view why) override;
    void wake_at(connection& which, std::chrono::nanoseconds when) override;
    void idle(connection& which) override;
    void misbehaves(log_kind kind, std::string_view what) override;
    void resolve(const reply_to& from, bytes_view name) override { names_.resolve(from, name); }
    void count(counted what) override { engine_.statistics().add(what); }
    void admit(connection& which, const smp::service_offer& offer, std::vector<bytes> chain) override;
    void attach_service(connection& which, const service_ptr& who) override;
    void subscribe_service(const reply_to& from, const service_ptr& who) override;
    // engine_outputs
    void answer(const reply_to& to, const smp::message& content) override;
    void deliver(const reply_to& to, const delivery& what) override;
    void forward(std::uint32_t owner, const request& in, const identifier& recipient_id) override;
    std::int64_t seconds() override;
    void when_room(const connection_id& of, std::function<void(bool open)> next) override;
    // proxy_outputs
    void proxy_answer(const reply_to& to, const smp::message& content) override { answer(to, content); }
    void session_opened(bytes_view session_id) override;
    void session_closed(bytes_view session_id) override;
    void destination_failed(std::string_view server, std::string_view cause) override;
    std::chrono::nanoseconds proxy_now() override { return now(); }
    void proxy_counted(counted what) override { engine_.statistics().add(what); }
    // name_outputs
    void name_answer(const reply_to& to, const smp::message& content) override { answer(to, content); }
    std::chrono::nanoseconds name_now() override { return now(); }

    connection* find(const connection_id& id);
    void finish_request(connection& which, const reply_to& to);
    void queue_work();
    void work();
    void bury(connection& which);
    void forget(const connection_id& id);
    void sweep();
    void wake();
    void ask_idle(std::uint32_t next, const connection_id& id);
    void shed(pressure how);
    void on_every_shard(const std::function<void(shard&)>& function);

    const smp::server_identity& identity_for(const stream& peer) const;

    server& server_;
    std::uint32_t index_;
    settings settings_;
    connection_limits limits_;
    /// The last one is shown now; connections may still use the others.
    std::vector<std::shared_ptr<const smp::server_identity>> identities_;
    std::chrono::nanoseconds rotated_{0};
    block_pool blocks_;
    queue_engine engine_;
    smp_server::proxy proxy_;
    names names_;
    std::map<bytes, std::uint32_t> routes_; ///< sessions with destinations, and the shards that have them
    std::unordered_map<std::uint64_t, std::unique_ptr<connection>> connections_;
    std::uint64_t next_connection_ = 1;
    std::vector<connection*> to_flush_;
    std::vector<connection*> flushing_;
    std::vector<connection*> gone_;
    std::vector<std::vector<std::function<void()>>> outgoing_; ///< this turn's, by shard
    bytes scratch_;
    bool work_queued_ = false;
    std::optional<timer> sweep_;
    std::optional<timer> wake_;
    std::multimap<std::chrono::nanoseconds, connection_id> wakes_;
    expiry_clock clock_;
};

class server {
  public:
    /// `epoch` grows with each start: arrival numbers of messages begin with it.
    server(server_setup setup, std::uint64_t epoch);

    const server_setup& setup() const noexcept { return setup_; }
    server_setup& setup() noexcept { return setup_; }
    shard& at(std::uint32_t index) { return *shards_[index]; }
    service_desk& services() noexcept { return services_; }
    std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(shards_.size()); }

    /// [shard 0]
    task<result<void>> start();
    /// Closes every connection, waits until nothing is under way, and keeps what waits for notifiers. [shard
    /// 0]
    task<void> stop();
    /// On the stream's shard.
    void accept(plexus_stream* raw);
    /// An operator's change of the queue with this recipient, sender, link or notifier id; `done` comes on
    /// the calling shard. Errors: status::not_found, and those of the store. [any shard]
    void manage(bytes id, queue_change change, std::function<void(result<void>)> done);
    /// The same, to look at.
    void inspect(bytes id, std::function<void(result<queue_view>)> done);
    /// Looks for messages that are too old, all through the store, now and again and again. [shard 0]
    task<void> expire_messages(std::chrono::nanoseconds interval);
    /// The same for queues that were suspended long ago. [shard 0]
    task<void> expire_suspended(std::chrono::nanoseconds interval);

    /// How short memory is, as shard 0 saw it last. [any-thread]
    pressure memory() const noexcept { return memory_; }
    /// [shard 0]
    void measure_memory();

    /// A warning, if none of its kind was given in the last minute. [any-thread]
    void warn(log_kind kind, std::string_view message, std::initializer_list<field> fields);

    /// Runs a function on another shard, or later on this one; stop waits for it. What a turn sends to a
    /// shard arrives there in one turn too, in its order. [any-thread]
    void send(std::uint32_t to, std::function<void()> function);
    /// For a shard, at the end of its turn.
    void post(std::uint32_t to, std::vector<std::function<void()>> functions);

    /// Runs a function on every shard, one after the other. Not in a scope that is cancelled. [shard 0]
    task<void> on_each(std::function<void(shard&)> function);

  private:
    using engine_step = void (queue_engine::*)(std::function<void(result<void>)> done);
    /// The same for what an engine does with the store, until one fails.
    task<result<void>> on_each(engine_step step);
    /// Rows that grow old: what is done to the queue of one whose time is longer ago than the lifetime.
    struct aging {
        plexus_table* table;
        std::int64_t settings::*lifetime; ///< seconds; 0: for ever
        void (queue_engine::*expire)(const identifier& recipient_id);
        std::optional<std::int64_t> (*since)(bytes_view value); ///< nothing: the row has no time
        const char* complaint;
    };
    task<void> expire(std::chrono::nanoseconds interval, aging what);
    task<void> expire_all(const aging& what);
    /// Finds the queue's shard, and there gives `act` its engine and what to call at the end.
    template <typename Value, typename Act>
    void at_queue(bytes&& id, std::function<void(result<Value>)> done, Act act);

    server_setup setup_;
    log_limiter warnings_;
    std::atomic<pressure> memory_{pressure::none};
    heap_watch heap_;
    std::vector<std::unique_ptr<shard>> shards_;
    service_desk services_;
    std::atomic<std::size_t> under_way_{0};
};

} // namespace plexus::smp_server
