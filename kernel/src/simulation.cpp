#include "plexus/kernel/simulation.hpp"

#include "sim_loop.hpp"
#include "sim_network.hpp"

namespace plexus::kernel {

class simulation::impl {
  public:
    explicit impl(std::uint64_t seed) : world(seed), net(world), seeds(seed ^ 0x706c65787573) {}
    sim::core world;
    sim::network net;
    sim::chance seeds; ///< of the machines' random bytes
};

simulation::simulation(std::uint64_t seed) : impl_(std::make_unique<impl>(seed)) {}
simulation::~simulation() = default;

std::unique_ptr<loop_backend> simulation::machine(const std::string& host, std::uint32_t shards) {
    return std::make_unique<sim::sim_loop>(impl_->world, impl_->net, host, shards, impl_->seeds.next());
}

bool simulation::step() { return impl_->world.step(); }

bool simulation::run_until(const std::function<bool()>& done, std::chrono::nanoseconds limit) {
    const std::chrono::nanoseconds end = now() + limit;
    while (!done())
        if (now() >= end || !step()) return false;
    return true;
}

void simulation::run_for(std::chrono::nanoseconds time) {
    bool over = false;
    after(time, [&over] { over = true; });
    while (!over) step();
}

std::chrono::nanoseconds simulation::now() const noexcept {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(impl_->world.now()));
}
std::uint64_t simulation::steps() const noexcept { return impl_->world.steps(); }
std::uint64_t simulation::bytes() const noexcept { return impl_->world.bytes(); }
std::uint64_t simulation::trace() const noexcept { return impl_->world.trace(); }
std::uint64_t simulation::choose(std::uint64_t limit) noexcept { return impl_->world.tests.below(limit); }

void simulation::after(std::chrono::nanoseconds delay, std::function<void()> step) {
    impl_->world.at(impl_->world.now() + static_cast<std::uint64_t>(delay.count()), std::move(step));
}

sim_network_profile& simulation::network() noexcept { return impl_->net.profile; }

void simulation::crash(const std::string& host) {
    if (sim::sim_loop* loop = impl_->net.machine(host); loop != nullptr) impl_->net.crash(*loop);
}
void simulation::cut(const std::string& one, const std::string& other) { impl_->net.cut(one, other); }
void simulation::stall(const std::string& one, const std::string& other, std::chrono::nanoseconds time) {
    impl_->net.stall(one, other, static_cast<std::uint64_t>(time.count()));
}

} // namespace plexus::kernel
