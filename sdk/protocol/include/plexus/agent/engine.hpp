// The agent without I/O: connections, their queues and their outboxes as one state machine. Calls of the
// user, responses of servers, finished commits and the time go in; batches to commit, servers to dial,
// commands, events and replies come out. The agent plugin is the loop around it.
//
// Whatever an input changes is changed in memory at once and written in one batch; what follows from it
// (commands, events, replies) comes out when that batch is committed, in order. So a crash at any point loses
// only what nobody has seen, and what was begun goes on from the store.
#pragma once

#include "plexus/agent/record.hpp"
#include "plexus/smp/command.hpp"
#include "plexus/smp/message.hpp"

#include <deque>
#include <map>
#include <memory>
#include <set>

namespace plexus::agent {

/// A connection to a server. Connections (of people) whose isolation differs share none.
using session_id = std::uint64_t;
/// Names a call of the user in its reply.
using request_id = std::uint64_t;

struct write_operation {
    table into = table::connections;
    bytes key;
    std::optional<secret_bytes> value; ///< none: the key is removed
};

namespace action {
/// To be committed in order. Answer: committed() or commit_failed().
struct commit {
    std::vector<write_operation> writes;
};
/// A secure stream and a session on it. Answer: server_up() or server_down().
struct dial {
    session_id session = 0;
    server_address server;
    bytes isolation;          ///< sessions with another value share no circuit
    bool interactive = false; ///< somebody waits for a link to be made or joined there
};
/// No longer needed.
struct hang_up {
    session_id session = 0;
};
/// Answer: response(), command_failed(), or server_down() of the session.
struct command {
    session_id session = 0;
    std::uint64_t token = 0;
    bytes entity_id;
    std::optional<crypto::private_key> key;
    std::optional<std::array<std::uint8_t, 24>> correlation_id; ///< NEW with link data
    smp::command value;                                         ///< its views point into `lent`
    std::vector<bytes> lent;

    command() = default;
    command(const command&) = delete;
    command& operator=(const command&) = delete;
    command(command&&) = default;
    command& operator=(command&&) = default;
};
/// Reads a value that is too large to be held. Answer: loaded().
struct load {
    std::uint64_t token = 0;
    table from = table::outbox;
    bytes key;
};
/// For the user.
struct notify {
    event what;
};
/// To a call of the user.
struct reply {
    request_id request = 0;
    std::optional<error> failed;
    connection_id connection = 0;
    std::int64_t id = 0; ///< send: the message's; 0: it was taken before
    std::string text;    ///< create: the full link; security_code: the code
    std::string text2;   ///< create: the short link, empty if the server knows none
};
} // namespace action

using any_action = std::variant<action::commit, action::dial, action::hang_up, action::command, action::load,
                                action::notify, action::reply>;

class engine {
  public:
    struct options {
        std::vector<server_address> servers; ///< where our queues are made
        std::vector<server_address> presets; ///< well-known servers, whose short links hold the host alone
        bool isolate_connections = false;    ///< one session a connection instead of one a server
        std::chrono::milliseconds reconnect_least{1'000};
        std::chrono::milliseconds reconnect_most{60'000};
        std::chrono::milliseconds quota_retry{300'000};
        std::size_t subscriptions_at_once = 1'000; ///< SUB commands under way in a session
    };

    engine(options settings, crypto::random_source& random);
    ~engine();
    engine(const engine&) = delete;
    engine& operator=(const engine&) = delete;

    /// Gives back what was stored, any order; before start(). Error: failure::corrupt.
    result<void> restore(table from, bytes_view key, bytes_view value);
    void start();
    /// The time of what follows, in milliseconds of any clock that does not go back. Due retries are made.
    void advance(std::int64_t now_ms);
    /// When advance() has something to do, if nothing happens before.
    std::optional<std::int64_t> next_deadline() const;

    // Calls of the user; each gives a reply, unless it says otherwise.
    /// A one-time invitation.
    void create(request_id request, bool short_link, bytes user_data);
    void join(request_id request, std::string_view link, bytes own_info);
    void allow(request_id request, connection_id id, bytes own_info);
    /// `tag`: 0, or above that of the message before; one that is not was taken before, its number is 0.
    void send(request_id request, connection_id id, std::uint64_t tag, bool notify, bytes_view body);
    void acknowledge(request_id request, std::uint64_t sequence);
    void remove(request_id request, connection_id id, bool wait_sent);
    void security_code(request_id request, connection_id id);
    /// How sessions are grouped and dialed again, from now on.
    void set_rules(bool isolate_connections, std::chrono::milliseconds reconnect_least,
                   std::chrono::milliseconds reconnect_most);
    /// Leaves all sessions and dials them again at once: the road to the servers is another.
    void reconnect(const error& cause);
    /// Dials at once what waits to be dialed again.
    void dial_now();
    /// Events come out while there is somebody to take them; stored ones come again first. No reply.
    void set_receiver(bool present);

    // Answers to actions.
    void committed();
    /// The store is broken: everything still to be committed is lost, and so is this engine. Build a new one
    /// on what is stored.
    void commit_failed(const error& cause);
    void server_up(session_id session, smp::version version);
    void server_down(session_id session, const error& cause);
    /// What is borrowed by `response` need not live longer than the call.
    void response(std::uint64_t token, const smp::message& response);
    /// The command was not sent, or its response cannot be read.
    void command_failed(std::uint64_t token, const error& cause);
    void server_event(session_id session, bytes_view entity_id, const smp::message& content);
    void loaded(std::uint64_t token, std::optional<bytes_view> value);

    /// The next thing to do.
    std::optional<any_action> next();

    std::size_t connection_count() const noexcept;
    std::size_t session_count() const noexcept;

  private:
    struct live_connection;
    struct session;
    struct operation;
    struct step;
    struct pending_create;

    // engine.cpp
    live_connection* find(connection_id id);
    live_connection& add(connection value);
    void put(table into, bytes key, secret_bytes value);
    void erase(table into, bytes key);
    void save(live_connection& c);
    void save_progress(live_connection& c);
    void effect(any_action value);
    void raise(event value);
    void notify(event value);
    void notify_error(connection_id id, const error& cause);
    void answer(request_id request);
    void answer(action::reply value);
    void refuse(request_id request, error cause);
    void finish_step();
    std::uint64_t next_number(std::uint64_t& counter, std::uint64_t& limit, std::uint8_t key);
    live_connection* usable(request_id request, connection_id id);

    // engine_session.cpp
    session& session_for(const server_address& server, connection_id id);
    session* find_session(session_id id);
    void open(session& s);
    bool is_awaited(const session& s);
    void leave_all(const error& cause);
    void use(live_connection& c, const server_address& server);
    bool has_operations(session_id id) const;
    void leave_sessions(live_connection& c);
    std::uint64_t issue(session& s, operation what, bytes entity_id, const crypto::private_key* key,
                        smp::command value, std::vector<bytes> lent = {},
                        std::optional<std::array<std::uint8_t, 24>> correlation_id = std::nullopt);
    void subscribe_next(session& s);
    void subscribed(session& s, live_connection& c, const smp::message& response);
    void wake(live_connection& c, std::int64_t at_ms);
    std::chrono::milliseconds backoff(unsigned attempts);
    void failed_operation(const operation& what, const error& cause, bool temporary);

    // engine_create.cpp
    std::size_t choose_server(const server_address* avoid);
    void send_create(session& s, std::unique_ptr<pending_create> p);
    result<receive_queue> make_receive_queue(const pending_create& p, const smp::msg::ids& ids);
    void created(std::unique_ptr<pending_create> p, const smp::message& response);
    result<void> finish_creation(const pending_create& p, const smp::msg::ids& ids);

    // engine_join.cpp
    short_link restore_link(short_link link) const;
    result<void> begin_join(connection& record, const connection_request& request);
    void fetch_link(live_connection& c);
    void link_fetched(live_connection& c, const smp::message& response);
    result<void> open_link(live_connection& c, const smp::msg::lnk& response);
    void create_reply_queue(live_connection& c);
    void reply_queue_created(live_connection& c, const pending_create& p, const smp::message& response);
    result<void> confirm_join(live_connection& c);
    result<void> answer_confirmation(live_connection& c, bytes_view own_info);
    void fail_connection(live_connection& c, const error& cause);
    void finish_connecting(live_connection& c);
    void remove_now(live_connection& c);

    // engine_send.cpp
    void pump(live_connection& c);
    result<std::int64_t> enqueue(live_connection& c, const message_content& content, outbox_kind kind,
                                 bool notify, std::uint64_t tag = 0);
    result<void> enqueue_confirmation(live_connection& c, const agent_message& info,
                                      std::optional<crypto::e2e_params> e2e);
    result<void> seal_and_store(live_connection& c, outbox_entry entry, bytes envelope);
    void clear_outbox(live_connection& c);
    void pump_receiving(live_connection& c);
    void pump_sending(live_connection& c);
    void deliver(live_connection& c, session& s);
    void delivered(live_connection& c, const smp::message& response);
    void drop_head(live_connection& c);
    void load_head(live_connection& c);

    // engine_receive.cpp
    void received(live_connection& c, const smp::msg::message& content);
    result<void> open_message(live_connection& c, bytes_view message_id, bytes_view body);
    result<void> take_confirmation(live_connection& c, const client_message& message,
                                   const client_envelope& envelope, const confirmation_envelope& confirmation,
                                   queue_secret secret);
    result<void> take_message(live_connection& c, bytes_view message_id, std::int64_t seconds,
                              const message_envelope& envelope);
    void take_content(live_connection& c, bytes_view message_id, std::int64_t seconds,
                      const numbered_message& message, integrity order);
    void acknowledge_message(live_connection& c);

    options settings_;
    crypto::random_source& random_;
    std::int64_t now_ = 0;
    bool started_ = false;
    bool broken_ = false;
    bool has_receiver_ = false;

    std::map<connection_id, std::unique_ptr<live_connection>> connections_;
    std::map<session_id, std::unique_ptr<session>> sessions_;
    std::map<std::string, session_id> session_names_;
    std::map<std::uint64_t, operation> operations_;
    std::map<std::uint64_t, connection_id> loads_;
    std::multimap<std::int64_t, connection_id> wakes_;
    std::map<std::uint64_t, event> unacknowledged_;

    // Numbers are taken from ranges whose ends are stored, so that none comes twice.
    std::uint64_t next_connection_ = 1;
    std::uint64_t connection_limit_ = 1;
    std::uint64_t next_event_ = 1;
    std::uint64_t event_limit_ = 1;
    std::uint64_t next_session_ = 1;
    std::uint64_t next_token_ = 1;

    std::unique_ptr<step> current_;
    std::deque<step> waiting_; ///< for their commits, in order
    std::deque<any_action> ready_;
};

} // namespace plexus::agent
