#include "fake_host.hpp"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <poll.h>

namespace plexus::test {

using steady = std::chrono::steady_clock;

struct fake_host::watch_state {
    std::int32_t shard;
    int descriptor;
    void (*ready)(void*, std::uint32_t);
    void* context;
    std::uint32_t interest = 0;
};

struct fake_host::timer_state {
    std::int32_t shard;
    plexus_task fired;
    bool armed = false;
    steady::time_point due;
};

struct fake_host_calls {
    static fake_host& of(void* self) { return *static_cast<fake_host*>(self); }

    static const plexus_service* get_service(const plexus_host* host, const char* id) {
        auto& self = of(host->self);
        const std::string_view name(id);
        if (name == PLEXUS_LOOP_ID) return &self.loop_.service;
        if (name == PLEXUS_LOG_ID) return &self.log_.service;
        if (name == PLEXUS_CONFIG_ID) return &self.config_.service;
        if (name == PLEXUS_CLOCK_ID) return &self.clock_.service;
        if (name == PLEXUS_RESOLVER_ID) return &self.resolver_.service;
        if (name == "plexus.carrier/1") return self.lower;
        return nullptr;
    }

    static std::int32_t post(void* self, std::uint32_t shard, plexus_task task) {
        of(self).queues_.at(shard).push_back(task);
        return PLEXUS_OK;
    }

    static std::int32_t timer_create(void* self, plexus_task fired, plexus_timer** out) {
        auto* made = new fake_host::timer_state{of(self).shard, fired, false, {}};
        of(self).timer_list_.push_back(made);
        ++of(self).timers;
        *out = reinterpret_cast<plexus_timer*>(made);
        return PLEXUS_OK;
    }
    static fake_host::timer_state& timer(plexus_timer* raw) {
        return *reinterpret_cast<fake_host::timer_state*>(raw);
    }
    static void timer_arm(void* self, plexus_timer* raw, std::uint64_t delay) {
        EXPECT_EQ(of(self).shard, timer(raw).shard);
        timer(raw).armed = true;
        timer(raw).due = steady::now() + std::chrono::nanoseconds(delay);
    }
    static void timer_disarm(void*, plexus_timer* raw) { timer(raw).armed = false; }
    static void timer_destroy(void* self, plexus_timer* raw) {
        EXPECT_EQ(of(self).shard, timer(raw).shard);
        std::erase(of(self).timer_list_, &timer(raw));
        --of(self).timers;
        delete &timer(raw);
    }

    static std::int32_t watch_create(void* self, std::int32_t descriptor, void (*ready)(void*, std::uint32_t),
                                     void* context, plexus_watch** out) {
        auto* made = new fake_host::watch_state{of(self).shard, descriptor, ready, context};
        of(self).watch_list_.push_back(made);
        ++of(self).watches;
        *out = reinterpret_cast<plexus_watch*>(made);
        return PLEXUS_OK;
    }
    static fake_host::watch_state& watch(plexus_watch* raw) {
        return *reinterpret_cast<fake_host::watch_state*>(raw);
    }
    static void watch_interest(void* self, plexus_watch* raw, std::uint32_t events) {
        EXPECT_EQ(of(self).shard, watch(raw).shard);
        watch(raw).interest = events;
    }
    static void watch_destroy(void* self, plexus_watch* raw) {
        EXPECT_EQ(of(self).shard, watch(raw).shard);
        std::erase(of(self).watch_list_, &watch(raw));
        --of(self).watches;
        delete &watch(raw);
    }

    static std::int32_t get_text(void* self, const char* key, plexus_view* value) {
        const auto found = of(self).texts.find(key);
        if (found == of(self).texts.end()) return PLEXUS_E_NOT_FOUND;
        *value = {reinterpret_cast<const std::uint8_t*>(found->second.data()), found->second.size()};
        return PLEXUS_OK;
    }
    static std::int32_t get_integer(void* self, const char* key, std::int64_t* value) {
        const auto found = of(self).integers.find(key);
        if (found == of(self).integers.end()) return PLEXUS_E_NOT_FOUND;
        *value = found->second;
        return PLEXUS_OK;
    }

    /// "two.test" has an address where nobody is, then 127.0.0.1.
    static std::int32_t resolve(void* self, plexus_view host, std::uint32_t port,
                                void (*done)(void*, std::int32_t, const plexus_error*, const plexus_address*,
                                             std::uint32_t),
                                void* context, plexus_operation** operation) {
        if (operation != nullptr) *operation = nullptr;
        of(self).resolved.emplace_back(reinterpret_cast<const char*>(host.data), host.size);
        struct job {
            std::string host;
            std::uint32_t port;
            decltype(done) call;
            void* context;
        };
        auto* made =
            new job{std::string(reinterpret_cast<const char*>(host.data), host.size), port, done, context};
        const plexus_task task{[](void* raw) {
                                   const std::unique_ptr<job> mine(static_cast<job*>(raw));
                                   std::vector<plexus_address> found(1);
                                   found[0].family = 4;
                                   found[0].port = mine->port;
                                   const bool two = mine->host == "two.test";
                                   if (two) {
                                       found.push_back(found[0]);
                                       ::inet_pton(AF_INET, "127.0.0.1", found[1].bytes);
                                       ::inet_pton(AF_INET, "127.83.83.83", found[0].bytes);
                                   }
                                   if (two || ::inet_pton(AF_INET, mine->host.c_str(), found[0].bytes) == 1)
                                       return mine->call(mine->context, PLEXUS_OK, nullptr, found.data(),
                                                         static_cast<std::uint32_t>(found.size()));
                                   mine->call(mine->context, PLEXUS_E_NOT_FOUND, nullptr, nullptr, 0);
                               },
                               made};
        return post(self, static_cast<std::uint32_t>(of(self).shard), task);
    }
};

fake_host::fake_host(std::uint32_t shards) : queues_(shards) {
    using calls = fake_host_calls;
    host_ = {sizeof host_, PLEXUS_ABI_MAJOR, PLEXUS_ABI_MINOR, 0,
             this,         "test",           "transport",      &calls::get_service};
    loop_.service = {sizeof loop_, 0, this};
    loop_.shard_count = [](void* self) { return static_cast<std::uint32_t>(calls::of(self).queues_.size()); };
    loop_.current_shard = [](void* self) { return calls::of(self).shard; };
    loop_.post = &calls::post;
    loop_.timer_create = &calls::timer_create;
    loop_.timer_arm = &calls::timer_arm;
    loop_.timer_disarm = &calls::timer_disarm;
    loop_.timer_destroy = &calls::timer_destroy;
    loop_.watch_create = &calls::watch_create;
    loop_.watch_interest = &calls::watch_interest;
    loop_.watch_destroy = &calls::watch_destroy;
    log_.service = {sizeof log_, 0, this};
    log_.enabled = [](void*, std::uint32_t) -> std::uint32_t { return 1; };
    log_.write = [](void* self, std::uint32_t, plexus_view message, const plexus_log_field*, std::uint32_t) {
        calls::of(self).log.emplace_back(reinterpret_cast<const char*>(message.data), message.size);
    };
    config_.service = {sizeof config_, 0, this};
    config_.get_text = &calls::get_text;
    config_.get_integer = &calls::get_integer;
    clock_.service = {sizeof clock_, 0, this};
    clock_.monotonic_ns = [](void*) {
        return static_cast<std::uint64_t>(steady::now().time_since_epoch().count());
    };
    clock_.wall_ns = [](void*) -> std::int64_t {
        return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
    };
    resolver_.service = {sizeof resolver_, 0, this};
    resolver_.resolve = &calls::resolve;
}

fake_host::~fake_host() {
    EXPECT_EQ(timers, 0U);
    EXPECT_EQ(watches, 0U);
}

void fake_host::turn() {
    bool worked = false;
    for (std::size_t i = 0; i < queues_.size(); ++i) {
        if (queues_[i].empty()) continue;
        const plexus_task task = queues_[i].front();
        queues_[i].pop_front();
        shard = static_cast<std::int32_t>(i);
        task.run(task.context);
        worked = true;
    }
    const auto now = steady::now();
    for (const auto* one : std::vector<timer_state*>(timer_list_)) {
        if (std::find(timer_list_.begin(), timer_list_.end(), one) == timer_list_.end()) continue;
        if (!one->armed || one->due > now) continue;
        const_cast<timer_state*>(one)->armed = false;
        shard = one->shard;
        const plexus_task fired = one->fired;
        fired.run(fired.context);
        worked = true;
    }
    std::vector<pollfd> polled;
    const std::vector<watch_state*> watched(watch_list_);
    for (const auto* one : watched) {
        const short events = static_cast<short>(((one->interest & PLEXUS_READABLE) != 0 ? POLLIN : 0) |
                                                ((one->interest & PLEXUS_WRITABLE) != 0 ? POLLOUT : 0));
        polled.push_back(pollfd{events == 0 ? -1 : one->descriptor, events, 0});
    }
    if (::poll(polled.data(), polled.size(), worked ? 0 : 1) <= 0) {
        shard = -1;
        return;
    }
    for (std::size_t i = 0; i < watched.size(); ++i) {
        if (polled[i].revents == 0) continue;
        if (std::find(watch_list_.begin(), watch_list_.end(), watched[i]) == watch_list_.end()) continue;
        const bool broken = (polled[i].revents & (POLLERR | POLLHUP)) != 0;
        std::uint32_t events = 0;
        if ((polled[i].revents & POLLIN) != 0 || broken) events |= PLEXUS_READABLE;
        if ((polled[i].revents & POLLOUT) != 0 || broken) events |= PLEXUS_WRITABLE;
        events &= watched[i]->interest;
        shard = watched[i]->shard;
        if (events != 0) watched[i]->ready(watched[i]->context, events);
    }
    shard = -1;
}

bool fake_host::run_until(const std::function<bool()>& done) {
    const auto end = steady::now() + std::chrono::minutes(2);
    while (!done()) {
        if (steady::now() > end) return false;
        turn();
    }
    return true;
}

void fake_host::on_shard(std::uint32_t where, std::function<void()> step) {
    struct job {
        std::function<void()> step;
        bool over = false;
    } mine{std::move(step)};
    const plexus_task task{[](void* raw) {
                               auto* self = static_cast<job*>(raw);
                               self->step();
                               self->over = true;
                           },
                           &mine};
    fake_host_calls::post(this, where, task);
    EXPECT_TRUE(run_until([&mine] { return mine.over; }));
}

bool fake_host::logged(std::string_view part) const {
    return std::any_of(log.begin(), log.end(),
                       [part](const std::string& line) { return line.find(part) != std::string::npos; });
}

instance::instance(fake_host& host, const char* library) : host_(host) {
    void* loaded = ::dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (loaded == nullptr) throw std::runtime_error(::dlerror());
    const auto entry = reinterpret_cast<plexus_plugin_entry_function>(::dlsym(loaded, PLEXUS_PLUGIN_ENTRY));
    if (entry == nullptr) throw std::runtime_error(::dlerror());
    if (entry()->create(host.table(), &plugin_, nullptr) != PLEXUS_OK ||
        plugin_->init(plugin_->self, nullptr) != PLEXUS_OK)
        throw std::runtime_error("no instance");
    step(plugin_->start);
    running_ = true;
}

void instance::step(std::int32_t (*function)(void*, plexus_completion)) {
    bool over = false;
    const plexus_completion done{[](void* context, std::int32_t status, const plexus_error*) {
                                     EXPECT_EQ(status, PLEXUS_OK);
                                     *static_cast<bool*>(context) = true;
                                 },
                                 &over};
    EXPECT_EQ(function(plugin_->self, done), PLEXUS_OK);
    EXPECT_TRUE(host_.run_until([&over] { return over; }));
}

void instance::stop() {
    if (running_) step(plugin_->stop);
    running_ = false;
}

instance::~instance() {
    stop();
    plugin_->destroy(plugin_->self);
}

} // namespace plexus::test
