#include "sim_loop.hpp"

#include <stdexcept>

namespace plexus::kernel::sim {

namespace {

constexpr std::int64_t first_wall_ns = 1'767'225'600'000'000'000; // 2026-01-01 UTC

class lane_worker final : public loop_worker {
  public:
    explicit lane_worker(sim_loop& loop) : loop_(loop), lane_(loop.world(), loop, lane_kind::worker, -1) {}
    ~lane_worker() override {
        while (!lane_.empty()) lane_.run_front();
    }
    lane_worker(const lane_worker&) = delete;
    lane_worker& operator=(const lane_worker&) = delete;

  protected:
    void do_submit(const task& work, const task& done) override {
        lane_.push([work] { sim_loop::run_posted(work); });
        if (done.run == nullptr) return;
        lane_.push([&loop = loop_, done, from = loop_.current_shard()] { loop.push_counted(from, done); });
    }

  private:
    sim_loop& loop_;
    lane lane_;
};

} // namespace

sim_loop::sim_loop(core& world, network& net, std::string host, std::uint32_t shards, std::uint64_t seed)
    : core_(world), network_(net), host_(std::move(host)), random_(seed),
      loader_(world, *this, lane_kind::loader, -1) {
    for (std::uint32_t i = 0; i < std::max(1U, shards); ++i)
        shards_.push_back(
            std::make_unique<lane>(world, *this, lane_kind::shard, static_cast<std::int32_t>(i)));
    network_.attach(*this);
}

sim_loop::~sim_loop() {
    stop();
    network_.detach(*this);
}

void sim_loop::crash() {
    crashed_ = true;
    for (auto& one : services_) one.second->crash();
}

void sim_loop::stop() {
    if (!running_) return;
    for (bool ran = true; ran;) {
        ran = false;
        for (auto& one : shards_)
            for (; !one->empty(); ran = true) one->run_front();
    }
    running_ = false;
}

void sim_loop::run_loader(const std::function<bool()>& done) {
    while (!done())
        if (!core_.step())
            throw std::runtime_error("the simulation stands still: the machine " + host_ +
                                     " waits for something that nobody will do");
}

bool sim_loop::on_loader() const noexcept {
    const lane* running = core_.current();
    return running == nullptr || running == &loader_;
}

std::int32_t sim_loop::current_shard() const noexcept {
    const lane* running = core_.current();
    return running != nullptr && &running->loop() == this ? running->shard() : -1;
}

bool sim_loop::do_post(std::uint32_t shard, const task& posted) {
    if (!running_ || shard >= shards_.size()) return false;
    shards_[shard]->push([posted] { run_posted(posted); });
    return true;
}

void sim_loop::push(std::uint32_t shard, activity* owner, std::function<void()> step) {
    if (!running_) return;
    shards_[shard]->push([owner, step = std::move(step)] {
        if (!owner->ended) step();
    });
}

void sim_loop::push_counted(std::int32_t shard, const task& counted) {
    if (shard < 0)
        run_posted(counted);
    else if (!do_post(static_cast<std::uint32_t>(shard), counted))
        drop_posted(counted);
}

std::unique_ptr<loop_timer> sim_loop::make_timer(const task& fired) {
    const std::int32_t shard = current_shard();
    if (shard < 0) throw std::logic_error("a timer was made outside the shards");
    return std::make_unique<sim_timer>(*shards_[static_cast<std::size_t>(shard)],
                                       [fired] { run_fired(fired); });
}

result<std::unique_ptr<loop_watch>> sim_loop::make_watch(int descriptor, void (*)(void*, std::uint32_t),
                                                         void*, activity*) {
    return error("plexus", PLEXUS_E_UNSUPPORTED,
                 "cannot watch descriptor " + std::to_string(descriptor) + ": the simulation has none");
}

std::unique_ptr<loop_worker> sim_loop::make_worker(const std::string&, activity*) {
    return std::make_unique<lane_worker>(*this);
}

void sim_loop::lookup(const std::string& host, std::uint32_t, activity* owner,
                      std::function<void(const lookup_result&)> done) {
    lookup_result answer;
    answer.status = PLEXUS_E_NOT_FOUND;
    answer.message = "the simulation resolves no names: " + host + " is reached over its own network alone";
    push(static_cast<std::uint32_t>(current_shard()), owner,
         [done = std::move(done), answer = std::move(answer)] { done(answer); });
}

std::int64_t sim_loop::wall_ns() const noexcept {
    return first_wall_ns + static_cast<std::int64_t>(core_.now());
}

void sim_loop::fill_random(bytes_span out) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
        if (i % 8 == 0) word = random_.next();
        out[i] = static_cast<std::uint8_t>(word >> i % 8 * 8);
    }
}

const plexus_service* sim_loop::service(std::string_view id, activity& owner) {
    if (id != PLEXUS_SIM_ID) return nullptr;
    for (const auto& one : services_)
        if (one.first == &owner) return one.second->table();
    services_.emplace_back(&owner, std::make_unique<machine_service>(network_, *this, owner));
    return services_.back().second->table();
}

} // namespace plexus::kernel::sim
