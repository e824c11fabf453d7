// A crowd of clients of one server: connections, the queues that they own, and the loop in which one phase
// of a workload after the other runs. Every workload is a few phases of one load.
#pragma once

#include "connection.hpp"
#include "progress.hpp"
#include "system_random.hpp"

#include <functional>

namespace plexus::bench {

/// A queue as its recipient and its sender know it. Both use connections of the load, by number.
struct load_queue {
    signer recipient;
    signer sender;
    entity_id recipient_id;
    entity_id sender_id;
    crypto::box_key body_key;
    std::uint32_t recipient_connection = 0;
    std::uint32_t sender_connection = 0;
};

struct load_options {
    crypto::key_type authorization = crypto::key_type::ed25519;
    bool messages = true;              ///< whether bodies will be opened: a key agreement for each queue
    std::chrono::seconds patience{60}; ///< without anything from the server until a phase fails
};

class load final : private connection::events {
  public:
    load(const target& to, load_options options);
    load(const load&) = delete;
    load& operator=(const load&) = delete;
    ~load() { close_connections(); }

    const target& to() const noexcept { return to_; }
    std::vector<load_queue>& queues() noexcept { return queues_; }
    connection& at(std::uint32_t index) { return *connections_[index]; }
    std::size_t connections() const noexcept { return connections_.size(); }
    boost::asio::io_context& io() noexcept { return io_; }

    /// Opens so many more, and waits for their hellos.
    result<void> open_connections(std::size_t count);
    void close_connections();
    /// A new connection in the place of one; its queues have to be subscribed again.
    void replace(std::uint32_t index);

    /// Adds queues, dealt to recipients' connections from `first` on, `count` of them.
    result<void> create_queues(std::size_t queues, bool subscribe, std::uint32_t first, std::uint32_t count);
    /// Secures all queues from number `begin` on for senders, dealt to connections from `first` on.
    result<void> secure_queues(std::size_t begin, std::uint32_t first, std::uint32_t count);
    /// For messages: connections, of which the first half receives and the rest sends, and queues between
    /// them. One connection does both.
    result<void> open_pairs(std::size_t connections, std::size_t queues);
    result<void> subscribe_queues();
    result<void> delete_queues();

    /// NEW for that queue, whose key is made already.
    smp::cmd::create new_queue(const load_queue& queue, const crypto::public_key& body_key,
                               bool subscribe) const;

    // For phases of a workload's own: what run() tells, and what ends it.
    using receive_handler = std::function<void(connection&, incoming&)>;
    using lost_handler = std::function<void(connection&, const error&)>;
    /// Runs the loop until `done`; what is received goes to `take`. A lost connection is an error unless
    /// `lost` takes it. Without a sign of life for `patience` it is an error.
    result<void> run(const receive_handler& take, const std::function<bool()>& done,
                     const lost_handler& lost = {});
    /// Where what is no answer to the load's own commands goes while it creates, secures, subscribes or
    /// deletes queues. Empty: messages are passed over, anything else is an error.
    receive_handler unasked;
    /// Ends the phase with an error.
    void fail(error why);
    /// Lets time pass; the server may close connections and send nothing.
    result<void> pause(std::chrono::milliseconds time);
    /// What a server said where OK was expected; nothing if it was OK.
    static std::optional<error> refusal(const char* command, const smp::message& content);

    progress& shown() noexcept { return progress_; }

  private:
    void collected(connection& on) override { dirty_.push_back(on.index()); }
    void ready(connection& on) override;
    void received(connection& on, incoming& what) override;
    void lost(connection& on, const error& why) override;
    void flush();
    std::shared_ptr<connection> make_connection(std::uint32_t index);

    /// One command for each of some queues, so many under way at once on each connection.
    struct pipeline {
        const char* doing;
        std::size_t begin;
        std::uint32_t load_queue::*connection;
        std::function<void(class connection&, load_queue&, std::uint64_t)> send;
        std::function<std::optional<error>(load_queue&, const smp::message&)> take;
    };
    result<void> run(const pipeline& work);

    const target& to_;
    load_options options_;
    boost::asio::io_context io_;
    system_random random_;
    std::vector<std::shared_ptr<connection>> connections_;
    std::vector<load_queue> queues_;
    std::vector<std::uint32_t> dirty_;
    const receive_handler* take_ = nullptr;
    const lost_handler* lost_ = nullptr;
    std::size_t opening_ = 0; ///< not ready yet
    std::uint64_t signs_of_life_ = 0;
    std::optional<error> failure_;
    progress progress_;
};

} // namespace plexus::bench
