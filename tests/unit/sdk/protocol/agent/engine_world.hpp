// A small world for the engine: servers that execute commands, stores that commit, users that keep what they
// are told, and a seeded order of everything that is under way, with crashes and cuts between any two steps.
#pragma once

#include "plexus/agent/engine.hpp"
#include "seeded_random.hpp"

#include <functional>
#include <memory>

namespace plexus::test {

/// What an SMP server does with the commands of agents, without blocks and authorizations on the wire.
class fake_server {
  public:
    fake_server(std::string_view address, smp::version version, seeded_random& random);

    struct delivery {
        bytes recipient_id;
        bytes message_id;
        bytes body;
    };
    /// A response, with the bytes that it points to.
    struct response {
        smp::message content;
        std::vector<bytes> lent;
    };

    /// `client` is who asks; messages go to the client that subscribed last.
    response execute(std::uint64_t client, const agent::action::command& command);
    /// What is to be sent unasked, by client.
    std::vector<std::pair<std::uint64_t, delivery>> take_deliveries();
    void disconnect(std::uint64_t client);

    std::size_t queue_count() const noexcept { return queues_.size(); }
    std::size_t waiting_messages() const noexcept;

    smp::server_address address;
    smp::version version;
    std::size_t quota = 128;

  private:
    struct message {
        bytes id;
        bytes body;
        bool quota = false;
    };
    struct queue {
        crypto::public_key key;
        crypto::private_key dh;
        crypto::box_key body_key;
        bytes sender_id;
        bytes link_id;
        bytes fixed;
        bytes user;
        std::optional<crypto::public_key> sender_key;
        std::optional<smp::queue_mode> mode;
        std::deque<message> messages;
        bool full = false;
        bool delivered = false;
        std::optional<std::uint64_t> subscriber;
    };

    response refuse(smp::error_code code) const;
    queue* by_sender(bytes_view id);
    queue* by_link(bytes_view id);
    void offer(const bytes& recipient_id, queue& q);

    seeded_random& random_;
    std::map<bytes, queue> queues_;
    std::vector<std::pair<std::uint64_t, delivery>> deliveries_;
};

class world {
  public:
    explicit world(std::uint64_t seed, smp::version version = 17);

    /// One agent with its store and its user. What is under `kept` survives a crash.
    struct node {
        std::size_t index = 0;
        std::unique_ptr<agent::engine> engine;
        std::unique_ptr<seeded_random> random;
        std::map<std::pair<agent::table, bytes>, bytes> store;
        std::deque<agent::action::commit> commits;
        std::map<agent::session_id, fake_server*> sessions; ///< that are up
        std::map<agent::session_id, std::size_t> dialing;
        std::vector<bool> dialed; ///< each time: whether somebody waited
        std::uint64_t epoch = 0;
        std::map<agent::request_id, std::function<void(const agent::action::reply&)>> calls;
        agent::request_id next_call = 1;

        struct {
            std::uint64_t last_sequence = 0;
            std::vector<agent::event> events;
            std::string own_name;
        } kept;
        std::vector<agent::event> passing; ///< events that are not stored
        bool allows = true;
    };

    node& add_node(std::string name, std::vector<std::size_t> servers = {0});
    fake_server& add_server(std::string_view address);
    /// Somebody sends to a queue of the first server; `key` is empty for an unsigned SEND.
    void intrude(bytes_view sender_id, const crypto::private_key& key, bytes body);

    agent::request_id call(node& n, std::function<void(const agent::action::reply&)> done);
    /// Runs until nothing is under way and no deadline is left, or `enough` says so.
    void run(const std::function<bool()>& enough = {});
    void crash(node& n);
    void cut(node& n, agent::session_id session);
    /// One step of chaos: crashes, cuts, or nothing.
    void disturb();
    std::uint64_t pick(std::uint64_t below) { return random_.next() % below; }

    std::string create(node& n, bool short_link);
    agent::connection_id join(node& n, std::string_view link);
    std::int64_t send(node& n, agent::connection_id id, std::string_view text);
    std::int64_t offer(node& n, agent::connection_id id, std::uint64_t tag, std::string_view text);

    std::vector<std::unique_ptr<fake_server>> servers;
    std::vector<std::unique_ptr<node>> nodes;
    unsigned disturbance = 0; ///< one step in this many is disturbed; 0: none
    bool lossy_store = false; ///< commits fail
    std::int64_t now = 0;
    std::uint64_t steps = 0;

  private:
    using task = std::function<void()>;
    void restart(node& n);
    void drain(node& n);
    void perform(node& n, agent::any_action action);
    void tell(node& n, const agent::event& what);
    void connect(node& n, const agent::action::dial& dial);
    void execute(node& n, std::shared_ptr<agent::action::command> command);
    void deliver(fake_server& server);
    void post(const std::string& channel, task run);
    std::string channel(const node& n, std::string_view what) const;
    std::uint64_t client(const node& n, agent::session_id session) const;

    seeded_random random_;
    smp::version version_;
    std::map<std::string, std::deque<task>> channels_;
    std::map<std::size_t, std::vector<std::size_t>> node_servers_;
};

/// Events of that kind that the node's user kept.
std::vector<agent::event> kept(const world::node& n, agent::event_kind kind);

} // namespace plexus::test
