// The network of the simulation: raw streams between machines, with delays, partial reads and writes, and
// faults; and the service through which the plugins of a machine reach it.
#pragma once

#include "plexus/abi/draft/sim.h"
#include "plexus/kernel/simulation.hpp"
#include "sim_core.hpp"

#include <optional>

namespace plexus::kernel::sim {
struct listening;
}
struct plexus_listener_handle {
    std::shared_ptr<plexus::kernel::sim::listening> shared;
};

namespace plexus::kernel::sim {

class network;
class sim_end;

/// Two ends, either of which may be gone. Shared by them and by what is under way.
struct connection {
    std::string hosts[2];
    sim_end* ends[2] = {nullptr, nullptr};
    std::shared_ptr<std::uint32_t> place; ///< among the listener's connections
    bool dead = false;                    ///< cut: nothing arrives any more
};

/// One end of a stream, on a shard of a machine.
class sim_end final : public plexus_stream {
  public:
    sim_end(network& net, std::shared_ptr<connection> shared, int side, sim_loop& loop, std::uint32_t shard,
            activity& owner);
    ~sim_end();
    sim_end(const sim_end&) = delete;
    sim_end& operator=(const sim_end&) = delete;

    void break_with(error reason);
    void arrived(bytes_view data);
    void peer_ended();
    /// The peer has read so many bytes.
    void taken(std::size_t count);
    void detach() noexcept { loop_ = nullptr; }
    const sim_loop* loop() const noexcept { return loop_; }
    const std::shared_ptr<connection>& shared() const noexcept { return shared_; }

  private:
    struct segment {
        bytes data; ///< empty: the end of the direction
    };
    static const plexus_stream_api table;
    static sim_end& of(plexus_stream* raw) noexcept { return *static_cast<sim_end*>(raw); }

    std::int32_t try_read(plexus_span out, std::uint64_t* taken);
    std::int32_t try_write(plexus_view in, std::uint64_t* given);
    void shutdown();
    void set_handler(const plexus_stream_handler* handler, void* context);
    bool readable() const noexcept { return !inbox_.empty() || peer_ended_ || failure_; }
    bool writable() const noexcept { return under_way_ < window_ || failure_; }
    void notify();
    void call_back();
    void send(segment one);
    static void deliver(network& net, const std::shared_ptr<connection>& shared, int from,
                        const std::shared_ptr<std::deque<segment>>& way);

    network& net_;
    std::shared_ptr<connection> shared_;
    int side_;
    sim_loop* loop_;
    std::uint32_t shard_;
    activity& owner_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    const plexus_stream_handler* handler_ = nullptr;
    void* context_ = nullptr;
    std::deque<std::uint8_t> inbox_;
    std::shared_ptr<std::deque<segment>> way_ = std::make_shared<std::deque<segment>>(); ///< to the peer
    std::uint64_t last_arrival_ = 0; ///< of what is under way
    std::size_t window_;
    std::size_t under_way_ = 0; ///< given and not yet read by the peer
    std::optional<error> failure_;
    plexus_error lent_{};
    bool waits_read_ = false;
    bool waits_write_ = false;
    bool notified_ = false;
    bool ended_ = false;
    bool peer_ended_ = false;
};

/// Who listens on a port of a host. Shared by the handle, the network and what is under way.
struct listening {
    sim_loop* loop;
    activity* owner;
    plexus_accept_function accepted;
    void* context;
    std::string host;
    std::uint32_t port;
    std::uint32_t connections_most;
    std::uint32_t next_shard = 0;
    bool closed = false;
    std::shared_ptr<std::uint32_t> connections = std::make_shared<std::uint32_t>(0);
};

class network {
  public:
    explicit network(core& world) : world_(world) {}

    void attach(sim_loop& loop);
    void detach(sim_loop& loop);
    void add(sim_end& one) { ends_.push_back(&one); }
    void remove(sim_end& one) { std::erase(ends_, &one); }

    result<std::shared_ptr<listening>> listen(sim_loop& loop, activity& owner,
                                              const plexus_listen_options& options,
                                              plexus_accept_function accepted, void* context);
    void close(listening& one);
    /// `arrived` runs outside all machines; null: refused, with the reason.
    void connect(const std::string& from, const std::string& host, std::uint32_t port,
                 std::function<void(std::shared_ptr<connection> made, std::optional<error> why)> arrived);

    void crash(sim_loop& loop);
    void cut(const std::string& one, const std::string& other);
    void stall(const std::string& one, const std::string& other, std::uint64_t time);
    sim_loop* machine(const std::string& host) const;

    /// When a packet that is sent now arrives.
    std::uint64_t arrival(const std::string& from, const std::string& to);
    std::uint64_t stalled_until(const std::string& one, const std::string& other) const;
    core& world() noexcept { return world_; }
    sim_network_profile profile;

  private:
    static std::pair<std::string, std::string> pair_of(const std::string& one, const std::string& other);
    void kill(const std::shared_ptr<connection>& shared, std::uint64_t spread_ns, const char* why);

    core& world_;
    std::map<std::string, sim_loop*> machines_;
    std::map<std::pair<std::string, std::uint32_t>, std::shared_ptr<listening>> listeners_;
    std::map<std::pair<std::string, std::string>, std::uint64_t> stalls_;
    std::vector<sim_end*> ends_; ///< in the order of their making
    std::uint32_t next_port_ = 49152;
};

/// plexus.sim/1 of one instance of a plugin.
class machine_service {
  public:
    machine_service(network& net, sim_loop& loop, activity& owner);
    machine_service(const machine_service&) = delete;
    machine_service& operator=(const machine_service&) = delete;
    ~machine_service();
    /// What is under way fails.
    void crash();
    const plexus_service* table() const noexcept { return &sim_.service; }

  private:
    struct call;
    using connected = void (*)(void*, std::int32_t, const plexus_error*, plexus_stream*);

    result<void> connect(const plexus_connect_options& options, connected done, void* context,
                         plexus_operation** operation);
    void finish(const std::shared_ptr<call>& which, std::shared_ptr<connection> made,
                std::optional<error> why);
    void fill_transport();
    void fill_listener();
    static machine_service& of(void* self) noexcept { return *static_cast<machine_service*>(self); }

    network& network_;
    sim_loop& loop_;
    activity& owner_;
    std::vector<std::weak_ptr<call>> calls_;
    plexus_sim sim_{};
    plexus_transport transport_{};
    plexus_listener listener_{};
    std::vector<std::unique_ptr<plexus_listener_handle>> listeners_;
};

} // namespace plexus::kernel::sim
