// The simulation: several kernels ("machines") in one thread and virtual time, in which every shard, worker,
// timer and packet is a task, in an order that follows from a seed. Used by tests, which script the faults.
//
//   simulation world(seed);
//   options.backend = world.machine("server");
//   auto server = kernel::load(config, std::move(options)); ... server->start();
//   world.run_until([&] { return done; });
//   world.crash("server"); server.reset(); // drains; then a new machine("server") starts on what is stored
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "plexus/kernel/loop_backend.hpp"

namespace plexus::kernel {

/// How the network between machines behaves; each range is drawn from anew for every packet or connection.
struct sim_network_profile {
    std::uint64_t delay_least_ns = 100'000;
    std::uint64_t delay_most_ns = 30'000'000;
    std::uint64_t window_least = 2'000; ///< bytes under way before a writer has to wait
    std::uint64_t window_most = 200'000;
    std::uint32_t partial_percent = 25; ///< reads and writes that take less than they could
};

class PLEXUS_KERNEL_API simulation {
  public:
    explicit simulation(std::uint64_t seed);
    ~simulation(); ///< after the kernels that run in it
    simulation(const simulation&) = delete;
    simulation& operator=(const simulation&) = delete;

    /// The loop of a machine's kernel; one at a time for each host name. After a crash and the kernel's end
    /// the name can be used again.
    std::unique_ptr<loop_backend> machine(const std::string& host, std::uint32_t shards = 2);

    /// Runs one task; false if there is nothing left to do, now or later. Not from within a task.
    bool step();
    /// Runs until `done`, asked after each step, holds: true; or until `limit` of virtual time has passed, or
    /// nothing is left to do: false.
    bool run_until(const std::function<bool()>& done, std::chrono::nanoseconds limit = std::chrono::hours(1));
    void run_for(std::chrono::nanoseconds time);

    std::chrono::nanoseconds now() const noexcept; ///< virtual, since the simulation began
    std::uint64_t steps() const noexcept;
    /// A digest of every step so far and of all bytes on the network: equal for equal runs.
    std::uint64_t trace() const noexcept;
    /// That arrived over the network so far.
    std::uint64_t bytes() const noexcept;
    /// A choice of the test's own, from 0 to below `limit`, by the seed.
    std::uint64_t choose(std::uint64_t limit) noexcept;
    /// Runs `step` when that time has passed, outside all machines.
    void after(std::chrono::nanoseconds delay, std::function<void()> step);

    // ---- faults

    sim_network_profile& network() noexcept;
    /// The machine's streams and listeners end, later ones fail, and its services say so
    /// (plexus/abi/draft/sim.h). Its kernel goes on, cut off, so that it can be stopped. The others hear of
    /// it at once or much later.
    void crash(const std::string& host);
    /// Connections between the two break, what is under way is lost; new ones can be made at once.
    void cut(const std::string& one, const std::string& other);
    /// Nothing arrives between the two for that time; nothing is lost.
    void stall(const std::string& one, const std::string& other, std::chrono::nanoseconds time);

  private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace plexus::kernel
