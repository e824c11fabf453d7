// The queues of one shard: what every command of a recipient, a sender or a joiner does to them, what is
// written to the store, and who is told. It touches no stream, clock or loop: requests come in, answers go
// out through engine_outputs, at once or when the store has done its work.
#pragma once

#include "ids.hpp"
#include "queue_cache.hpp"
#include "records.hpp"
#include "service_ledger.hpp"
#include "services.hpp"
#include "statistics.hpp"
#include "subscriptions.hpp"

#include "plexus/smp/command.hpp"
#include "plexus/smp/message.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>
#include <unordered_set>

namespace plexus::smp_server {

struct settings {
    std::uint32_t quota = 128;            ///< messages that a queue holds
    std::int64_t message_ttl = 1'814'400; ///< seconds; 0: they never expire
    bool allow_new_queues = true;
    secret_bytes password;          ///< asked for new queues; empty: none
    std::int64_t suspended_ttl = 0; ///< seconds after which a suspended queue is removed; 0: it stays
    std::size_t cached_bytes = std::size_t{2} << 20; ///< of queues that nothing happens to just now
    std::size_t most_subscriptions = 100'000;        ///< of one connection, on this shard
};

/// A command for a queue of this shard. Views and pointers live until the call returns.
struct request {
    const reply_to* from = nullptr;
    std::shared_ptr<const crypto::private_key> session_key;
    bytes_view authorized; ///< ends with `body`; empty for a command without authorization
    bytes_view authorization;
    bytes_view body; ///< the encoded command
    const smp::command* content = nullptr;
    service_ptr service; ///< the client is one, and signed too if the command asks for that
};

/// A request with its bytes, for what waits and for other shards.
class owned_request {
  public:
    explicit owned_request(const request& from);
    /// Points into this object.
    request view() const;

  private:
    reply_to from_;
    std::shared_ptr<const crypto::private_key> session_key_;
    bytes data_;
    bytes authorization_;
    std::size_t body_size_;
    bool authorized_;
    smp::command content_;
    service_ptr service_;
};

/// What an operator does to a queue.
struct queue_change {
    enum class action : std::uint8_t { block, unblock, remove };
    action what = action::block;
    smp::blocking_reason reason = smp::blocking_reason::spam; ///< of block
    std::string notice; ///< of block: a JSON object for the client ({"ttl":SECONDS}), or empty
};

/// What an operator sees of a queue: nothing of what is in it.
struct queue_view {
    queue_status status = queue_status::active;
    std::optional<queue_record::blocking> blocked;
    std::optional<smp::queue_mode> mode;
    std::size_t recipient_keys = 0;
    bool secured = false;
    bool has_link = false;
    bool has_notifier = false;
    bool has_service = false;
    bool subscribed = false;
    std::size_t messages = 0;
    bool full = false;
};

/// A message on its way to its recipient.
struct delivery {
    std::shared_ptr<const stored_message> message;
    crypto::box_key key;
    bool to_its_sender = false; ///< the recipient's connection is the sender's: ahead of the answer to SEND
};

class engine_outputs {
  public:
    virtual ~engine_outputs() = default;
    /// A response, or an event: END, DELD. Views in it live until the call returns.
    virtual void answer(const reply_to& to, const smp::message& content) = 0;
    /// MSG, as a response or as an event.
    virtual void deliver(const reply_to& to, const delivery& what) = 0;
    /// Calls execute on the shard that owns the queue.
    virtual void forward(std::uint32_t shard, const request& in, const identifier& recipient_id) = 0;
    /// Unix time.
    virtual std::int64_t seconds() = 0;
    /// The same, for deciding what is too old.
    virtual std::int64_t expiry_seconds() { return seconds(); }
    /// Continues, on the same shard, when the connection has room for more messages; false: it is gone.
    virtual void when_room(const connection_id& of, std::function<void(bool open)> next) = 0;
};

class queue_engine {
  public:
    /// Arrival numbers grow from `first_number`, which no earlier run may have reached.
    queue_engine(std::uint32_t shard, std::uint32_t shards, const settings& own, store_ref store,
                 tables opened, engine_outputs& outputs, crypto::random_source& random,
                 std::uint64_t first_number);
    queue_engine(const queue_engine&) = delete;
    queue_engine& operator=(const queue_engine&) = delete;

    /// A command of one of this shard's connections that concerns queues: it finds the queue's owner.
    void submit(const request& in);
    /// A command for a queue that is owned here.
    void execute(const request& in, const identifier& recipient_id);

    /// Forgets what a connection subscribed to.
    void disconnected(const connection_id& connection);
    bool is_used_by(const connection_id& connection) const {
        return subscriptions(connection) > 0 || session_of_.count(connection) > 0;
    }
    /// Of connections that are gone: true if there is more to forget, in another turn of the loop.
    bool forget_more();
    /// Once a second: forgets queues that nobody used for a while.
    void tick() { cache_.tick(); }
    /// Forgets queues that no command uses just now; they are read again when they are needed.
    void forget_cached() { cache_.clear(); }
    /// The queue with this recipient, sender, link or notifier id, whichever shard owns it; nothing if there
    /// is none.
    void look_up(bytes id, std::function<void(result<std::optional<identifier>>)> next);
    /// An operator's change of a queue that is owned here. Error: status::not_found, and those of the store.
    void manage(const identifier& recipient_id, const queue_change& change,
                std::function<void(result<void>)> done);
    /// The same, to look at.
    void inspect(const identifier& recipient_id, std::function<void(result<queue_view>)> done);
    /// Drops the messages of a queue that are too old.
    void expire(const identifier& recipient_id);
    /// Removes a queue if it was suspended for too long.
    void expire_suspended(const identifier& recipient_id);

    /// Who a client is that proved to have a service's certificate. Errors: status::denied, and those of the
    /// store.
    void admit(const smp::service_offer& offer, std::vector<bytes> chain, const smp::key_hash& server,
               std::function<void(result<service_ptr>)> done);
    struct ended_service {
        connection_id connection;
        smp::version version = 0;
        smp::service_queues had; ///< on this shard
    };
    /// Messages and notifications of a service's queues go to this connection from now on. Of two the one
    /// with the later turn has them. What another connection of the service had until now.
    std::optional<ended_service> attach(const service& who, const connection_id& connection,
                                        smp::version version, std::uint64_t turn);
    /// The connection is gone.
    void detach(const connection_id& connection);
    struct service_subscription {
        smp::service_queues queues; ///< on this shard
        bool again = false;         ///< it had them before
    };
    /// SUBS and NSUBS. Errors: status::denied, if the connection is not the service's any more, and those of
    /// the store.
    void subscribe_service(const service_ptr& who, const connection_id& connection,
                           std::function<void(result<service_subscription>)> done);
    /// Gives the service the first message of each of its queues.
    void deliver_service(const service_ptr& who, const connection_id& connection, std::function<void()> done);
    /// Tells it what waits for its notifiers.
    void notify_service(const service_ptr& who, const connection_id& connection, std::function<void()> done);

    /// When a server starts: what waited for notifiers when the last one stopped waits again, for a day in
    /// all, and is in the store no more.
    void take_notifications(std::function<void(result<void>)> done);
    /// When it stops: what waits is written to the store.
    void keep_notifications(std::function<void(result<void>)> done);

    /// What a client is told of a store that fails: its own words, with paths of this machine, are for the
    /// operator.
    static smp::server_error store_error(const error& why);
    /// Commits and reads under way. Nothing calls back into the engine when it is 0.
    std::size_t pending() const noexcept { return pending_; }
    /// What this shard counts.
    smp_server::statistics& statistics() noexcept { return statistics_; }
    std::size_t loaded() const noexcept { return cache_.size(); }
    std::size_t subscriptions() const noexcept { return subscribers_.size(); }
    std::size_t subscriptions(const connection_id& connection) const;
    /// Called when pending() falls to 0; for draining.
    void on_idle(std::function<void()> idle) { idle_ = std::move(idle); }

  private:
    using then = std::function<void(const result<queue_ptr>&)>;

    /// In the cache, and when it is not there, in the store if that answers at once. Nothing: it must be
    /// loaded.
    std::optional<result<queue_ptr>> find(const identifier& id);
    void load(const identifier& id, then next);
    void loaded(const identifier& id, const result<std::optional<bytes>>& record,
                const result<std::optional<bytes>>& waiting);
    static result<queue_ptr> make_queue(const identifier& id, const std::optional<bytes>& record,
                                        const std::optional<bytes>& waiting);
    void remember(const queue_ptr& found) { cache_.put(found, settings_.cached_bytes); }
    void read(plexus_table* table, bytes key, std::function<void(result<std::optional<bytes>>)> done);
    void scan(plexus_table* table, bytes from, bytes end, std::uint64_t limit, service_ledger::rows done);
    void commit(write_batch batch, std::function<void(result<void>)> done);
    void finished();

    void submit_found(const request& in, plexus_table* table);
    void found_owner(const request& in, const std::optional<identifier>& recipient_id);
    void found_row(const request& in, const result<std::optional<bytes>>& row);
    void refuse(const request& in);
    void refused(const request& in, std::size_t keys);
    void count_refused(const smp::command& what);
    void create(const request& in);
    void run(const request& in, const result<queue_ptr>& looked_up);
    bool authorized(const request& in, queue& found) const;
    static bool verify(const request& in, queue& found, const crypto::public_key& key);
    bool subscribe_in_place(const request& in, const identifier& recipient_id);
    void sub(const request& in, const queue_ptr& found);
    void sub_ready(const request& in, const queue_ptr& found, bool joined);
    bool begin_subscription(const reply_to& to, const identifier& id);
    void get(const request& in, const queue_ptr& found);
    void ack(const request& in, const smp::cmd::ack& command, const queue_ptr& found);
    void acknowledged(const reply_to& to, const queue_ptr& found, std::uint64_t number);
    void secure(const request& in, const crypto::public_key& key, const queue_ptr& found, bool with_link);
    void set_keys(const request& in, const smp::cmd::rkey& command, const queue_ptr& found);
    void set_link(const request& in, const smp::cmd::lset& command, const queue_ptr& found);
    void release(const queue_ptr& found);
    void delete_link(const request& in, const queue_ptr& found);
    void give_link(const reply_to& to, const queue_ptr& found);
    void send(const request& in, const smp::cmd::send& command, const queue_ptr& found);
    void suspend(const request& in, const queue_ptr& found);
    /// `by` is not told what it did itself.
    void remove(const queue_ptr& found, const connection_id& by, std::function<void(result<void>)> done);
    void remove_now(const queue_ptr& found, const connection_id& by, std::function<void(result<void>)> done);
    void change(const queue_ptr& found, const queue_change& change, std::function<void(result<void>)> done);
    struct new_notifier {
        std::shared_ptr<const queue_record::notifications> record;
        crypto::public_key dh_key; ///< the server's, for the recipient
    };
    /// A notification that was made, and perhaps waits for its notifier.
    struct notification {
        std::uint64_t number = 0;
        identifier message_id{};
        std::int64_t seconds = 0;
        crypto::nonce nonce{};
        bytes metadata;
    };
    struct waiting_notifier {
        std::deque<notification> list;
        identifier recipient_id{}; ///< of the queue
        std::optional<identifier> service_id;
    };
    struct kept_notifications;
    void keep_next(const std::shared_ptr<kept_notifications>& pass);
    void take_next(const std::shared_ptr<kept_notifications>& pass);
    void wait_for_notifier(const identifier& id, const identifier& recipient_id,
                           const std::optional<identifier>& service_id, notification made);
    std::optional<new_notifier> make_notifier(const smp::notifier_credentials& credentials);
    void set_notifier(const request& in, const smp::cmd::nkey& command, const queue_ptr& found);
    void try_notifier(const reply_to& to, const smp::notifier_credentials& credentials,
                      const queue_ptr& found, int tries);
    void delete_notifier(const request& in, const queue_ptr& found);
    /// `by` is not told what it did itself.
    void forget_notifier(const queue_record::notifications& gone, const connection_id& by);
    void subscribe_notifier(const request& in, const queue_ptr& found);
    void subscribe_notifier_ready(const request& in, const queue_ptr& found, bool joined);
    void notify(const queue& found, const stored_message& message);
    std::optional<reply_to> notifier_event(const queue_record::notifications& notifier);
    void tell_notifier(const reply_to& to, const notification& what);
    std::size_t tell_waiting(const identifier& id, const reply_to& to);
    void drop_notifications(std::size_t count, counted why);
    void look_up_from(std::size_t first, bytes id,
                      std::function<void(result<std::optional<identifier>>)> next);
    static smp::server_error blocking_of(const queue_record& record);
    void inform(const request& in, const queue_ptr& found);
    void try_create(const reply_to& to, const std::shared_ptr<const owned_request>& wanted, int tries);

    enum class service_queue_kind : std::uint8_t { messages, notifications };
    struct service_session {
        connection_id connection;
        smp::version version = 0;
        std::uint64_t turn = 0;
        smp::service_queues subscribed; ///< what the client believes to have
        bool complete = false;          ///< it subscribed to all
        /// A service with many queues is sent some messages, and more when its connection has room.
        std::size_t given = 0;
        bool full = false;
        /// Queues whose message is to be given then.
        std::unordered_set<identifier, hash_identifier> postponed;
    };
    struct service_pass;
    struct notifier_pass;
    bool has_other_role(const service& which) const;
    void record_service(const service& which, write_batch& batch);
    void settle_services(const std::optional<identifier>& left, const service_ptr& joined, bool committed,
                         service_queue_kind kind);
    void settle_removed(const queue_record& record, bool committed);
    service_session* session_of(const std::optional<identifier>& service_id);
    static reply_to event_to(const service_session& of, const identifier& id);
    void end_service_use(const std::optional<identifier>& service_id, const identifier& entity,
                         const connection_id& by, const smp::message& event);
    void service_subscribed(const request& in, const identifier& entity, bool joined,
                            service_queue_kind kind);
    void with_services(const queue_ptr& found, std::vector<identifier> services,
                       std::function<void(result<void>)> next);
    static std::vector<identifier> services_of(const queue_record& record);
    static bool is_of(const std::optional<identifier>& service_id, const request& in);
    void change_service(const request& in, const queue_ptr& found, service_queue_kind kind);
    static bool has_service_slot(const queue& found, service_queue_kind kind, const request& in);
    void move_to_service(const std::shared_ptr<const owned_request>& kept, const queue_ptr& found,
                         service_queue_kind kind);
    void count_move(const std::optional<identifier>& left, const std::optional<identifier>& joined,
                    service_queue_kind kind);
    void end_direct_use(const identifier& entity, const connection_id& by, service_queue_kind kind);
    void next_rows(const std::shared_ptr<service_pass>& pass);
    void give_messages(const std::shared_ptr<service_pass>& pass);
    bool may_have_messages(const identifier& id);
    use* receiver(const queue& of);
    void forget_receiver(const queue& of);
    bool has_room(const queue_record& record);
    void give_postponed(const identifier& service_id, const connection_id& connection);
    void deliver_of(const identifier& recipient_id);
    void give_notifications(const std::shared_ptr<notifier_pass>& pass);

    /// Gives the first message to `next`, or null if there is none.
    void with_head(const queue_ptr& found, std::function<void(std::shared_ptr<const stored_message>)> next);
    void deliver_head(const queue_ptr& found, bool to_its_sender = false);
    void sent(const queue_ptr& found, const reply_to& to,
              const std::shared_ptr<const stored_message>& message, std::uint64_t number,
              const result<void>& outcome);
    void drop_expired(queue& found, write_batch& batch);
    void drop_first(queue& found, write_batch& batch);
    void put_waiting(const queue& found, write_batch& batch);
    void save(const queue_ptr& found, write_batch batch, std::function<void(result<void>)> done);
    void save(const reply_to& to, const queue_ptr& found, write_batch batch, smp::message answer);
    void subscribe(const reply_to& to, const identifier& id);
    bool may_subscribe(const connection_id& connection) const;
    use* subscriber(const identifier& id) { return subscribers_.find(id); }
    static reply_to event_to(const use& of, const identifier& id);
    void end_use(const reply_to& previous, const smp::message& why);
    void add_getter(const reply_to& to, const identifier& id);
    void end_getting(const connection_id& connection, const identifier& id);
    use* getter(const connection_id& connection, const identifier& id);
    void broken(const queue_ptr& found);

    void answer(const reply_to& to, const smp::message& content) { outputs_.answer(to, content); }
    void fail(const reply_to& to, smp::error_code code);
    void fail(const reply_to& to, smp::command_error code);
    void store_failed(const reply_to& to, const error& why);
    identifier own_id();

    std::uint32_t shard_;
    std::uint32_t shards_;
    const settings& settings_;
    store_ref store_;
    tables tables_;
    engine_outputs& outputs_;
    crypto::random_source& random_;
    std::uint64_t next_number_;

    queue_cache cache_;
    std::unordered_map<identifier, std::vector<then>, hash_identifier> loading_;
    subscription_table subscribers_;
    subscription_table notifiers_; ///< subscribed ones, by their id
    /// Queues that connections look into without a subscription, and which ones each does.
    std::unordered_map<identifier, std::vector<use>, hash_identifier> getters_;
    std::unordered_map<connection_id, std::unordered_set<identifier, hash_identifier>, hash_connection>
        getting_;
    std::unordered_map<identifier, waiting_notifier, hash_identifier> waiting_notifications_;
    std::deque<std::pair<std::uint64_t, identifier>> notification_order_; ///< some may be gone already
    std::uint64_t last_notification_ = 0;
    std::size_t pending_ = 0;
    smp_server::statistics statistics_;
    event_run ended_;
    event_run notified_;
    /// What an operator does to queues that are held.
    std::unordered_map<identifier, std::vector<std::function<void()>>, hash_identifier> held_changes_;
    service_ledger ledger_;
    std::unordered_map<identifier, service_session, hash_identifier> sessions_; ///< of services, by their id
    std::unordered_map<connection_id, identifier, hash_connection> session_of_;
    std::function<void()> idle_;
};

} // namespace plexus::smp_server
