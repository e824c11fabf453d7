// A machine of a simulation: a kernel that a test starts, crashes and starts again.
#pragma once

#include "plexus/kernel/kernel.hpp"
#include "plexus/kernel/simulation.hpp"

#include <string>
#include <vector>

namespace plexus::test {

class machine {
  public:
    /// `config` is the TOML of its kernel.
    machine(kernel::simulation& world, std::string host, std::string config);
    ~machine(); ///< stops it
    machine(const machine&) = delete;
    machine& operator=(const machine&) = delete;

    /// Throws with the kernel's sentence if it does not start.
    void start();
    /// The same in steps of the simulation: see started().
    void begin_start();
    bool running() const noexcept { return kernel_ != nullptr; }
    bool started() const noexcept { return started_; }
    void stop();
    /// At once, whatever it does; then what is left of it is ended. start() makes a new one of it.
    void crash();

    const std::string& host() const noexcept { return host_; }
    kernel::kernel& kernel() { return *kernel_; }
    template <typename Table>
    const Table* service(std::string_view instance, std::string_view id) {
        return reinterpret_cast<const Table*>(kernel_->service(instance, id));
    }
    /// Runs `step` on a shard, and the simulation until then.
    void on_shard(std::uint32_t shard, const std::function<void()>& step) { kernel_->call(shard, step); }

    /// Before what a test made of the kernel's services dies with it; cleared by it.
    std::function<void()> before_end;
    std::vector<std::string> log;
    /// Lines of the log that say that an instance left work behind.
    std::vector<std::string> left_behind() const;

  private:
    void load();
    void end();

    kernel::simulation& world_;
    std::string host_;
    std::string config_;
    std::unique_ptr<kernel::kernel> kernel_;
    bool starting_ = false;
    bool started_ = false;
    result<void> outcome_;
};

} // namespace plexus::test
