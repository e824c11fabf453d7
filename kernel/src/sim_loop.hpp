// The kernel's loop in the simulation: one machine's shards, workers and loader as lanes.
#pragma once

#include "sim_core.hpp"
#include "sim_network.hpp"

namespace plexus::kernel::sim {

class sim_loop final : public loop_backend {
  public:
    sim_loop(core& world, network& net, std::string host, std::uint32_t shards, std::uint64_t seed);
    ~sim_loop() override;
    sim_loop(const sim_loop&) = delete;
    sim_loop& operator=(const sim_loop&) = delete;

    void start() override { running_ = true; }
    void stop() override;
    void post_loader(std::function<void()> step) override { loader_.push(std::move(step)); }
    void run_loader(const std::function<bool()>& done) override;
    bool on_loader() const noexcept override;
    std::uint32_t shard_count() const noexcept override { return static_cast<std::uint32_t>(shards_.size()); }
    std::int32_t current_shard() const noexcept override;
    std::unique_ptr<loop_timer> make_timer(const task& fired) override;
    result<std::unique_ptr<loop_watch>> make_watch(int descriptor,
                                                   void (*ready)(void* context, std::uint32_t events),
                                                   void* context, activity* owner) override;
    std::unique_ptr<loop_worker> make_worker(const std::string& name, activity* owner) override;
    void lookup(const std::string& host, std::uint32_t port, activity* owner,
                std::function<void(const lookup_result&)> done) override;
    std::uint64_t monotonic_ns() const noexcept override { return core_.now(); }
    std::int64_t wall_ns() const noexcept override;
    void fill_random(bytes_span out) override;
    bool threads() const noexcept override { return false; }
    const plexus_service* service(std::string_view id, activity& owner) override;

    const std::string& host() const noexcept { return host_; }
    core& world() noexcept { return core_; }
    bool crashed() const noexcept { return crashed_; }
    void crash();
    /// Runs `step` on a shard, for `owner`; dropped if its instance ended.
    void push(std::uint32_t shard, activity* owner, std::function<void()> step);
    /// For workers: the task was counted when it was submitted.
    void push_counted(std::int32_t shard, const task& counted);

    using loop_backend::drop_posted;
    using loop_backend::run_posted;

  protected:
    bool do_post(std::uint32_t shard, const task& posted) override;

  private:
    core& core_;
    network& network_;
    std::string host_;
    chance random_;
    lane loader_;
    std::vector<std::unique_ptr<lane>> shards_;
    std::vector<std::pair<activity*, std::unique_ptr<machine_service>>> services_; ///< in the order of asking
    bool running_ = false;
    bool crashed_ = false;
};

} // namespace plexus::kernel::sim
