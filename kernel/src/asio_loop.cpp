#include "asio_loop.hpp"

#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "thread.hpp"

namespace plexus::kernel {
namespace {

namespace asio = boost::asio;

thread_local shard* calling_shard = nullptr;

std::uint64_t steady_ns() noexcept {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                          std::chrono::steady_clock::now().time_since_epoch())
                                          .count());
}

class thread_worker final : public loop_worker {
  public:
    thread_worker(asio_loop& loop, const std::string& name)
        : loop_(loop), thread_(make_thread(name, [this] { work(); })) {}

    ~thread_worker() override {
        {
            const std::lock_guard lock(mutex_);
            ends_ = true;
        }
        wake_.notify_one();
        thread_.join();
    }
    thread_worker(const thread_worker&) = delete;
    thread_worker& operator=(const thread_worker&) = delete;

  protected:
    void do_submit(const task& work, const task& done) override {
        {
            const std::lock_guard lock(mutex_);
            queue_.push_back({work, done, loop_.current_shard()});
        }
        wake_.notify_one();
    }

  private:
    struct job {
        task work;
        task done;
        std::int32_t shard;
    };

    void work() {
        std::unique_lock lock(mutex_);
        while (true) {
            wake_.wait(lock, [this] { return ends_ || !queue_.empty(); });
            if (queue_.empty()) return;
            const job next = queue_.front();
            queue_.pop_front();
            lock.unlock();
            asio_loop::run_posted(next.work);
            if (next.done.run != nullptr) {
                if (next.shard >= 0)
                    loop_.post_counted(static_cast<std::uint32_t>(next.shard), next.done);
                else
                    asio_loop::run_posted(next.done);
            }
            lock.lock();
        }
    }

    asio_loop& loop_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<job> queue_;
    bool ends_ = false;
    std::thread thread_;
};

} // namespace

class shard_timer final : public loop_timer {
  public:
    shard_timer(shard& home, const task& fired) : home_(home), fired_(fired) {}
    ~shard_timer() override { disarm(); }
    shard_timer(const shard_timer&) = delete;
    shard_timer& operator=(const shard_timer&) = delete;

    void arm(std::uint64_t delay_ns) override {
        const std::uint64_t now = steady_ns();
        const std::uint64_t deadline = delay_ns > UINT64_MAX - now ? UINT64_MAX - 1 : now + delay_ns;
        const timer_entry entry{deadline, home_.armings++, this};
        if (armed_) {
            auto node = home_.timers.extract(place_);
            node.value() = entry;
            place_ = home_.timers.insert(std::move(node)).position;
        } else {
            place_ = home_.timers.insert(entry).first;
            armed_ = true;
        }
        home_.schedule();
    }

    void disarm() override {
        if (!armed_) return;
        home_.timers.erase(place_);
        armed_ = false;
    }

    /// Due: it is no longer in the queue.
    void fire() {
        armed_ = false;
        const task fired = fired_;
        const callback_scope scope(home_.pulse, fired.owner);
        asio_loop::run_fired(fired);
    }

  private:
    shard& home_;
    const task fired_;
    timer_queue::iterator place_;
    bool armed_ = false;
};

class shard_watch final : public loop_watch {
  public:
    shard_watch(shard& home, int descriptor, void (*ready)(void*, std::uint32_t), void* context,
                activity* owner)
        : home_(home), descriptor_(descriptor), ready_(ready), context_(context), owner_(owner) {
        if (home_.free_slots.empty()) {
            slot_ = static_cast<std::uint32_t>(home_.watches.size());
            home_.watches.push_back(this);
        } else {
            slot_ = home_.free_slots.back();
            home_.free_slots.pop_back();
            home_.watches[slot_] = this;
        }
        generation_ = home_.watch_generation++;
    }
    ~shard_watch() override {
        if (added_) epoll_ctl(home_.epoll.native_handle(), EPOLL_CTL_DEL, descriptor_, nullptr);
        home_.watches[slot_] = nullptr;
        home_.free_slots.push_back(slot_);
    }
    shard_watch(const shard_watch&) = delete;
    shard_watch& operator=(const shard_watch&) = delete;

    /// Into the set, without interest (an edge of HUP or ERR may still come, and is passed over). 0 or errno.
    int add() {
        if (control(EPOLL_CTL_ADD) != 0) return errno;
        added_ = true;
        return 0;
    }

    void interest(std::uint32_t events) override {
        events &= PLEXUS_READABLE | PLEXUS_WRITABLE;
        if (events == interest_) return;
        interest_ = events;
        control(EPOLL_CTL_MOD);
    }

    std::uint32_t generation() const noexcept { return generation_; }

    void report(std::uint32_t events) {
        std::uint32_t holding = 0;
        if ((events & EPOLLIN) != 0) holding |= PLEXUS_READABLE;
        if ((events & EPOLLOUT) != 0) holding |= PLEXUS_WRITABLE;
        if ((events & (EPOLLHUP | EPOLLERR)) != 0)
            holding |= PLEXUS_HANGUP | PLEXUS_READABLE | PLEXUS_WRITABLE;
        holding &= interest_ | PLEXUS_HANGUP;
        if ((holding & interest_) == 0 || owner_->ended.load(std::memory_order_relaxed)) return;
        const callback_scope scope(home_.pulse, owner_);
        ready_(context_, holding);
    }

  private:
    int control(int operation) {
        epoll_event event{};
        event.events = interest_ == 0 ? EPOLLET : 0U;
        if ((interest_ & PLEXUS_READABLE) != 0) event.events |= EPOLLIN;
        if ((interest_ & PLEXUS_WRITABLE) != 0) event.events |= EPOLLOUT;
        event.data.u64 = std::uint64_t{generation_} << 32 | slot_;
        return epoll_ctl(home_.epoll.native_handle(), operation, descriptor_, &event);
    }

    shard& home_;
    const int descriptor_;
    void (*const ready_)(void*, std::uint32_t);
    void* const context_;
    activity* const owner_;
    std::uint32_t slot_ = 0;
    std::uint32_t generation_ = 0;
    std::uint32_t interest_ = 0;
    bool added_ = false;
};

// ---- shard

shard::shard(asio_loop& owner, std::uint32_t number)
    : loop(owner), index(number), wake(context), epoll(context), work_(context.get_executor()) {
    const int descriptor = epoll_create1(EPOLL_CLOEXEC);
    if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
    epoll.assign(descriptor);
}

shard::~shard() { join(); }

void shard::start() {
    await_watches();
    thread_ = make_thread("plexus-shard-" + std::to_string(index), [this] {
        calling_shard = this;
        context.run();
        calling_shard = nullptr;
    });
}

void shard::request_end() {
    asio::post(context, [this] {
        work_.reset();
        wake.cancel();
        epoll.cancel();
    });
}

void shard::join() {
    if (thread_.joinable()) thread_.join();
}

void shard::schedule() {
    if (timers.empty() || timers.begin()->deadline >= wake_at) return;
    wake_at = timers.begin()->deadline;
    constexpr std::uint64_t most = std::uint64_t{1} << 62; // what the clock's signed count can hold
    wake.expires_at(std::chrono::steady_clock::time_point(
        std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(wake_at, most)))));
    wake.async_wait([this](const boost::system::error_code& failure) {
        if (!failure) fire_timers();
    });
}

void shard::fire_timers() {
    const std::uint64_t now = steady_ns();
    const std::uint64_t limit =
        armings; // a timer that is armed again by its callback waits for the next round
    wake_at = 0; // no rescheduling in between
    while (!timers.empty() && timers.begin()->deadline <= now && timers.begin()->arming < limit) {
        shard_timer* due = timers.begin()->timer;
        timers.erase(timers.begin());
        due->fire();
    }
    wake_at = UINT64_MAX;
    schedule();
}

void shard::await_watches() {
    epoll.async_wait(asio::posix::stream_descriptor::wait_read,
                     [this](const boost::system::error_code& failure) {
                         if (failure) return;
                         dispatch_watches();
                         await_watches();
                     });
}

void shard::dispatch_watches() {
    epoll_event events[64];
    const int count = epoll_wait(epoll.native_handle(), events, 64, 0);
    for (int i = 0; i < count; ++i) {
        // A callback may destroy other watches, and their slots may be taken again.
        const auto slot = static_cast<std::uint32_t>(events[i].data.u64);
        const auto generation = static_cast<std::uint32_t>(events[i].data.u64 >> 32);
        shard_watch* watch = watches[slot];
        if (watch != nullptr && watch->generation() == generation) watch->report(events[i].events);
    }
}

// ---- loop

asio_loop::asio_loop(asio_loop_options options)
    : options_(std::move(options)), loader_(std::this_thread::get_id()) {
    std::uint32_t count = options_.shards;
    if (count == 0) count = std::max(1U, std::thread::hardware_concurrency());
    for (std::uint32_t i = 0; i < count; ++i) shards_.push_back(std::make_unique<shard>(*this, i));
}

asio_loop::~asio_loop() { stop(); }

void asio_loop::start() {
    running_ = true;
    for (auto& one : shards_) one->start();
    if (options_.watchdog_ns != 0) watchdog_ = make_thread("plexus-watchdog", [this] { watch_for_stalls(); });
}

void asio_loop::stop() {
    if (!running_.exchange(false)) return;
    lookups_.close();
    for (auto& one : shards_) one->request_end();
    for (auto& one : shards_) one->join();
    {
        const std::lock_guard lock(watchdog_mutex_);
        watchdog_ends_ = true;
    }
    watchdog_wake_.notify_one();
    if (watchdog_.joinable()) watchdog_.join();
}

void asio_loop::post_loader(std::function<void()> step) {
    // Notified under the lock: the loader may end this object as soon as it has run the step.
    const std::lock_guard lock(loader_mutex_);
    loader_steps_.push_back(std::move(step));
    loader_wake_.notify_one();
}

void asio_loop::run_loader(const std::function<bool()>& done) {
    while (!done()) {
        std::unique_lock lock(loader_mutex_);
        loader_wake_.wait(lock, [this] { return !loader_steps_.empty(); });
        const std::function<void()> step = std::move(loader_steps_.front());
        loader_steps_.pop_front();
        lock.unlock();
        step();
    }
}

std::int32_t asio_loop::current_shard() const noexcept {
    const shard* calling = calling_shard;
    return calling != nullptr && &calling->loop == this ? static_cast<std::int32_t>(calling->index) : -1;
}

shard& asio_loop::here() {
    if (current_shard() < 0) {
        std::fputs("plexus: a function tagged [shard] was called outside the shards\n", stderr);
        std::abort();
    }
    return *calling_shard;
}

bool asio_loop::do_post(std::uint32_t target, const task& posted) {
    if (!running_.load(std::memory_order_acquire) || target >= shards_.size()) return false;
    shard& there = *shards_[target];
    asio::post(there.context, [&there, posted] {
        const callback_scope scope(there.pulse, posted.owner);
        run_posted(posted);
    });
    return true;
}

void asio_loop::post_counted(std::uint32_t target, const task& counted) {
    if (!do_post(target, counted)) drop_posted(counted);
}

std::unique_ptr<loop_timer> asio_loop::make_timer(const task& fired) {
    return std::make_unique<shard_timer>(here(), fired);
}

result<std::unique_ptr<loop_watch>> asio_loop::make_watch(int descriptor,
                                                          void (*ready)(void* context, std::uint32_t events),
                                                          void* context, activity* owner) {
    auto watch = std::make_unique<shard_watch>(here(), descriptor, ready, context, owner);
    if (const int code = watch->add(); code != 0)
        return error("plexus", code == EPERM ? PLEXUS_E_UNSUPPORTED : PLEXUS_E_IO,
                     "cannot watch descriptor " + std::to_string(descriptor) + ": " +
                         std::generic_category().message(code));
    return std::unique_ptr<loop_watch>(std::move(watch));
}

std::unique_ptr<loop_worker> asio_loop::make_worker(const std::string& name, activity*) {
    return std::make_unique<thread_worker>(*this, name);
}

void asio_loop::lookup(const std::string& host, std::uint32_t port, activity* owner,
                       std::function<void(const lookup_result&)> done) {
    shard& home = here();
    lookups_.lookup(host, port, [&home, owner, done = std::move(done)](lookup_result answer) {
        asio::post(home.context, [&home, owner, done, answer = std::move(answer)] {
            const callback_scope scope(home.pulse, owner);
            done(answer);
        });
    });
}

std::uint64_t asio_loop::monotonic_ns() const noexcept { return steady_ns(); }

std::int64_t asio_loop::wall_ns() const noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

void asio_loop::fill_random(bytes_span out) {
    while (!out.empty()) {
        const ssize_t filled = getrandom(out.data(), out.size(), 0);
        if (filled < 0 && errno == EINTR) continue;
        if (filled < 0) {
            std::perror("plexus: getrandom");
            std::abort();
        }
        out = out.subspan(static_cast<std::size_t>(filled));
    }
}

void asio_loop::watch_for_stalls() {
    struct sample {
        std::uint64_t beat = 0;
        std::uint64_t since = 0;
        bool reported = false;
    };
    std::vector<sample> samples(shards_.size());
    const auto period = std::chrono::nanoseconds(options_.watchdog_ns / 4 + 1);
    std::unique_lock lock(watchdog_mutex_);
    while (!watchdog_wake_.wait_for(lock, period, [this] { return watchdog_ends_; })) {
        const std::uint64_t now = steady_ns();
        for (std::size_t i = 0; i < samples.size(); ++i) {
            const shard_pulse& pulse = shards_[i]->pulse;
            sample& last = samples[i];
            const std::uint64_t beat = pulse.beat.load(std::memory_order_acquire);
            if (beat != last.beat) last = {beat, now, false};
            if (beat % 2 == 0 || last.reported || now - last.since < options_.watchdog_ns) continue;
            last.reported = true;
            const activity* owner = pulse.current.load(std::memory_order_relaxed);
            if (options_.stalled && owner != nullptr)
                options_.stalled(static_cast<std::uint32_t>(i), owner->name);
        }
    }
}

std::unique_ptr<loop_backend> make_asio_loop(asio_loop_options options) {
    return std::make_unique<asio_loop>(std::move(options));
}

} // namespace plexus::kernel
