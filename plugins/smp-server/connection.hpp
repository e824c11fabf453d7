// One client: its stream, its session, and what waits to be sent to it. It lives on one shard and borrows a
// block only while bytes come or go.
#pragma once

#include "block_pool.hpp"
#include "engine/engine.hpp"
#include "limits.hpp"

#include "plexus/smp/message_body.hpp"
#include "plexus/smp/server.hpp"
#include "plexus/stream.hpp"

#include <list>

namespace plexus::smp_server {

class connection;

struct connection_limits {
    std::size_t pause_output = 65'536;   ///< bytes waiting: no more commands are read from then on
    std::size_t most_output = 8'388'608; ///< bytes waiting: the client is too slow, and is closed
    std::size_t most_in_flight = 512;    ///< commands without an answer so far
    std::size_t most_proxied = 32;       ///< of these, the ones for other servers
    std::size_t turn_commands = 256;     ///< then others of the shard have their turn
    std::size_t turn_fragments = 256;    ///< the same of reads that bring less than the rest of a block
    std::size_t refusals = 256;          ///< keys tried in vain a second: further commands wait
    /// Every AUTH goes out this long after its command came, so that its time tells nothing.
    std::chrono::nanoseconds refusal_delay{std::chrono::milliseconds(20)};
    std::chrono::nanoseconds hello{std::chrono::seconds(30)};
    std::chrono::nanoseconds write{std::chrono::seconds(60)}; ///< without a byte taken by the client
    std::chrono::nanoseconds idle{std::chrono::hours(6)};     ///< without a byte, and without a subscription
};

/// The shard, as a connection sees it.
class connection_owner {
  public:
    virtual ~connection_owner() = default;
    virtual block_pool& blocks() = 0;
    virtual std::chrono::nanoseconds now() = 0;
    /// A command for a queue. Its answer comes through connection::answer or deliver, perhaps inside this
    /// call.
    virtual void submit(const request& in) = 0;
    /// PRXY or PFWD; the same.
    virtual void proxy(const reply_to& from, const smp::command& content) = 0;
    /// RSLV; the same.
    virtual void resolve(const reply_to& from, bytes_view name) = 0;
    virtual void count(counted what) = 0;
    /// There is something to send: call flush soon.
    virtual void to_flush(connection& which) = 0;
    /// It has no stream any more, and is gone when this returns or when its last command is answered.
    virtual void closed(connection& which, std::string_view why) = 0;
    /// Call `due` then, or later.
    virtual void wake_at(connection& which, std::chrono::nanoseconds when) = 0;
    /// Nothing has come or gone for long: close it, unless it is subscribed to something; then `touch` it.
    virtual void idle(connection& which) = 0;
    virtual void misbehaves(log_kind kind, std::string_view what) = 0;
    /// Call `admitted`, later or at once.
    virtual void admit(connection& which, const smp::service_offer& offer, std::vector<bytes> chain) = 0;
    /// Its service's messages are to come to it: call `attached`, later.
    virtual void attach_service(connection& which, const service_ptr& who) = 0;
    /// SUBS or NSUBS.
    virtual void subscribe_service(const reply_to& from, const service_ptr& who) = 0;
};

class connection {
  public:
    connection(connection_id id, stream peer, const smp::server_identity& identity,
               crypto::random_source& random, connection_owner& owner, const connection_limits& limits);
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    const connection_id& id() const noexcept { return id_; }
    /// Sends the hello and begins to read.
    void start();
    void close(std::string_view why);
    std::chrono::nanoseconds age() const { return owner_.now() - opened_; }
    smp::version version() const noexcept { return session_.agreed_version(); }
    bool is_open() const noexcept { return static_cast<bool>(stream_); }
    std::size_t in_flight() const noexcept { return in_flight_; }
    /// A command that was given to the owner is answered.
    void request_done(bool proxied = false) noexcept {
        --in_flight_;
        if (proxied) --proxied_in_flight_;
    }

    /// `content` is an encoded message.
    void answer(const reply_to& to, bytes_view content);
    void deliver(const reply_to& to, const delivery& what);
    /// Writes what waits, as far as the stream takes it.
    void flush();
    /// Closes it if it kept the server waiting for too long.
    void check_deadlines();
    /// Sends refusals whose time has come.
    void due();
    void touch() { last_read_ = owner_.now(); }
    /// Who its client is that presented a service; null: refused.
    void admitted(const service_ptr& who);
    void attached();
    /// Another connection of its service has come.
    void service_ended();
    /// To a service: what was waiting for it was given before.
    void deliver_end();
    /// Continues when there is room for more messages; false: it is closed.
    void when_room(std::function<void(bool open)> next);
    /// Bytes that wait to be sent to it.
    std::size_t waiting_output() const noexcept;

    bool flush_queued = false; ///< the owner's notes
    bool gone = false;

  private:
    void readable();
    void writable();
    void read();
    bool process_block();
    void process_requests();
    void handle(const smp::server_request& in);
    bool handle_here(const smp::server_request& in);
    void resolve(const smp::server_request& in, smp::version version, std::uint64_t relayed);
    void count_batch(const smp::command& first);
    void relay(const smp::server_request& in, const smp::cmd::rfwd& command);
    void submit(const smp::server_request& in, smp::version version, std::uint64_t relayed);
    void submit_of_service(const request& out);
    void pass_on(const request& out);
    void write_service_answer();
    void respond(bytes_view correlation, bytes_view entity, bytes_view content);
    void respond_relayed(const smp::relay_route& route, bytes_view correlation, bytes_view entity,
                         bytes_view content);
    void refuse(const smp::server_request& in, const smp::server_error& why);
    bool fill_block();
    bool append_delivery(smp::block_builder& to);
    bool write_block();
    void write_hello();
    bool paused() const noexcept;
    void answer_now(const reply_to& to, bytes_view content);
    void refused(const reply_to& to);

    connection_id id_;
    stream stream_;
    smp::server_session session_;
    connection_owner& owner_;
    const connection_limits& limits_;

    block_pool::lease in_;
    std::size_t in_size_ = 0;
    bool in_ready_ = false;    ///< in_ holds a block whose requests are not all handled
    bool block_begun_ = false; ///< a command of it was taken
    bool reading_ = false;
    bool read_more_ = false; ///< the turn was over before all that had come was read
    bool processing_ = false;

    bytes responses_; ///< transmissions with their lengths
    std::size_t responses_sent_ = 0;
    struct waiting_delivery {
        short_id correlation;
        short_id entity;
        delivery what;
    };
    std::list<waiting_delivery> deliveries_; // lists: empty, they hold no memory
    block_pool::lease out_;
    std::size_t out_written_ = 0;
    bool writing_blocked_ = false;
    bool close_after_write_ = false;

    std::size_t in_flight_ = 0;
    std::size_t proxied_in_flight_ = 0;
    struct delayed {
        std::chrono::nanoseconds when;
        reply_to to;
    };
    std::list<delayed> delayed_; ///< refusals
    budget refusals_;
    std::size_t turn_left_;
    std::chrono::nanoseconds handled_at_; ///< when the commands of a block were begun
    std::unordered_map<std::uint64_t, smp::relay_route> relayed_;
    std::uint64_t next_relayed_ = 1;
    /// What only connections of services need.
    struct service_client {
        service_ptr who;
        enum class attachment : std::uint8_t { none, under_way, done };
        attachment attached = attachment::none; ///< whether its queues' messages come to it
        std::vector<std::shared_ptr<const owned_request>> waiting; ///< for that
        std::vector<std::function<void(bool)>> room;
        bool answer_due = false; ///< to its hello
    };
    std::unique_ptr<service_client> service_;
    std::chrono::nanoseconds opened_;
    std::chrono::nanoseconds last_read_;
    std::chrono::nanoseconds last_write_;
};

} // namespace plexus::smp_server
