#include "host_services.hpp"

#include <cstdio>
#include <cstdlib>

#include "abi_list.hpp"
#include "plexus/abi.hpp"
#include "plexus/abi/draft/deployment.h"

namespace plexus::kernel {
namespace {

struct host_timer {
    std::unique_ptr<loop_timer> timer;
    std::int32_t shard;
};

struct host_watch {
    std::unique_ptr<loop_watch> watch;
    std::int32_t shard;
};

host_services& services(void* self) { return *static_cast<host_services*>(self); }

} // namespace

bool is_host_service(std::string_view id) {
    for (const std::string_view own :
         {PLEXUS_LOG_ID, PLEXUS_CONFIG_ID, PLEXUS_CLOCK_ID, PLEXUS_RANDOM_ID, PLEXUS_LOOP_ID,
          PLEXUS_METRICS_ID, PLEXUS_RESOLVER_ID, PLEXUS_APP_ID, PLEXUS_OPERATOR_ID, PLEXUS_DEPLOYMENTS_ID})
        if (id == own) return true;
    return false;
}

host_services::host_services(host_environment& environment, activity& owner, value_set& values)
    : environment_(environment), owner_(owner), resolver_(environment.loop, owner), config_(values.table()) {
    fill_log();
    fill_time_and_chance();
    fill_loop();
    fill_timers();
    fill_watches();
    fill_workers();
    fill_metrics_and_app();
    fill_operator();
}

const plexus_service* host_services::find(std::string_view id) const {
    if (id == PLEXUS_LOG_ID) return &log_.service;
    if (id == PLEXUS_CLOCK_ID) return &clock_.service;
    if (id == PLEXUS_RANDOM_ID) return &random_.service;
    if (id == PLEXUS_DEPLOYMENTS_ID) return environment_.deployments;
    if (environment_.command_only) return nullptr;
    if (id == PLEXUS_CONFIG_ID) return &config_.service;
    if (id == PLEXUS_LOOP_ID) return &loop_.service;
    if (id == PLEXUS_METRICS_ID) return &metrics_.service;
    if (id == PLEXUS_RESOLVER_ID) return &resolver_.table.service;
    if (id == PLEXUS_APP_ID) return &app_.service;
    if (id == PLEXUS_OPERATOR_ID) return &operator_.service;
    return nullptr;
}

void host_services::write_log(std::uint32_t level, std::string_view message, const plexus_log_field* fields,
                              std::uint32_t field_count) {
    if (!environment_.log.enabled(level)) return;
    environment_.log.write({level, environment_.loop.wall_ns(), owner_.name,
                            environment_.loop.current_shard(), message, fields, field_count});
}

void host_services::require([[maybe_unused]] bool holds, [[maybe_unused]] const char* rule) {
#ifndef NDEBUG
    if (holds) return;
    std::fprintf(stderr, "plexus: the plugin instance '%s' broke a rule: %s\n", owner_.name.c_str(), rule);
    std::abort();
#endif
}

void host_services::require_shard([[maybe_unused]] std::int32_t home, [[maybe_unused]] const char* function) {
#ifndef NDEBUG
    const std::int32_t here = environment_.loop.current_shard();
    if (here >= 0 && here == home) return;
    std::fprintf(stderr, "plexus: the plugin instance '%s' called %s of shard %d from %s %d\n",
                 owner_.name.c_str(), function, home, here < 0 ? "outside the shards:" : "shard", here);
    std::abort();
#endif
}

void host_services::fill_log() {
    log_.service = {sizeof log_, 0, this};
    log_.enabled = [](void* self, std::uint32_t level) -> std::uint32_t {
        return services(self).environment_.log.enabled(level) ? 1 : 0;
    };
    log_.write = [](void* self, std::uint32_t level, plexus_view message, const plexus_log_field* fields,
                    std::uint32_t count) {
        services(self).write_log(level, text_of(message), fields, count);
    };
}

void host_services::fill_time_and_chance() {
    clock_.service = {sizeof clock_, 0, this};
    clock_.monotonic_ns = [](void* self) { return services(self).environment_.loop.monotonic_ns(); };
    clock_.wall_ns = [](void* self) { return services(self).environment_.loop.wall_ns(); };
    random_.service = {sizeof random_, 0, this};
    random_.fill = [](void* self, plexus_span out) {
        services(self).environment_.loop.fill_random({out.data, static_cast<std::size_t>(out.size)});
    };
}

void host_services::fill_loop() {
    loop_.service = {sizeof loop_, 0, this};
    loop_.shard_count = [](void* self) { return services(self).environment_.loop.shard_count(); };
    loop_.current_shard = [](void* self) { return services(self).environment_.loop.current_shard(); };
    loop_.post = [](void* self, std::uint32_t shard, plexus_task posted) -> std::int32_t {
        auto& own = services(self);
        if (posted.run == nullptr || shard >= own.environment_.loop.shard_count()) return PLEXUS_E_INVALID;
        return own.environment_.loop.post(shard, {posted.run, posted.context, &own.owner_})
                   ? PLEXUS_OK
                   : PLEXUS_E_STOPPING;
    };
}

void host_services::fill_timers() {
    loop_.timer_create = [](void* self, plexus_task fired, plexus_timer** timer) -> std::int32_t {
        auto& own = services(self);
        const std::int32_t shard = own.environment_.loop.current_shard();
        if (fired.run == nullptr || timer == nullptr) return PLEXUS_E_INVALID;
        own.require(shard >= 0, "timer_create is [shard]");
        if (shard < 0) return PLEXUS_E_INVALID;
        auto made = own.environment_.loop.make_timer({fired.run, fired.context, &own.owner_});
        own.owner_.timers.fetch_add(1, std::memory_order_relaxed);
        *timer = reinterpret_cast<plexus_timer*>(new host_timer{std::move(made), shard});
        return PLEXUS_OK;
    };
    loop_.timer_arm = [](void* self, plexus_timer* timer, std::uint64_t delay_ns) {
        auto* handle = reinterpret_cast<host_timer*>(timer);
        services(self).require_shard(handle->shard, "timer_arm");
        handle->timer->arm(delay_ns);
    };
    loop_.timer_disarm = [](void* self, plexus_timer* timer) {
        auto* handle = reinterpret_cast<host_timer*>(timer);
        services(self).require_shard(handle->shard, "timer_disarm");
        handle->timer->disarm();
    };
    loop_.timer_destroy = [](void* self, plexus_timer* timer) {
        auto* handle = reinterpret_cast<host_timer*>(timer);
        if (handle == nullptr) return;
        services(self).require_shard(handle->shard, "timer_destroy");
        services(self).owner_.timers.fetch_sub(1, std::memory_order_relaxed);
        delete handle;
    };
}

void host_services::fill_watches() {
    loop_.watch_create = [](void* self, std::int32_t descriptor, void (*ready)(void*, std::uint32_t),
                            void* context, plexus_watch** watch) -> std::int32_t {
        auto& own = services(self);
        const std::int32_t shard = own.environment_.loop.current_shard();
        if (ready == nullptr || watch == nullptr) return PLEXUS_E_INVALID;
        own.require(shard >= 0, "watch_create is [shard]");
        if (shard < 0) return PLEXUS_E_INVALID;
        auto made = own.environment_.loop.make_watch(descriptor, ready, context, &own.owner_);
        if (!made) {
            own.write_log(PLEXUS_LOG_WARNING, made.error().message());
            return made.error().code();
        }
        own.owner_.watches.fetch_add(1, std::memory_order_relaxed);
        *watch = reinterpret_cast<plexus_watch*>(new host_watch{std::move(made).value(), shard});
        return PLEXUS_OK;
    };
    loop_.watch_interest = [](void* self, plexus_watch* watch, std::uint32_t events) {
        auto* handle = reinterpret_cast<host_watch*>(watch);
        services(self).require_shard(handle->shard, "watch_interest");
        handle->watch->interest(events);
    };
    loop_.watch_destroy = [](void* self, plexus_watch* watch) {
        auto* handle = reinterpret_cast<host_watch*>(watch);
        if (handle == nullptr) return;
        services(self).require_shard(handle->shard, "watch_destroy");
        services(self).owner_.watches.fetch_sub(1, std::memory_order_relaxed);
        delete handle;
    };
}

void host_services::fill_workers() {
    loop_.worker_create = [](void* self, const char* name, plexus_worker** worker) -> std::int32_t {
        auto& own = services(self);
        if (name == nullptr || worker == nullptr) return PLEXUS_E_INVALID;
        own.require(own.environment_.loop.on_loader() || own.environment_.loop.current_shard() >= 0,
                    "worker_create is [loader] or [shard]");
        auto made = own.environment_.loop.make_worker(name, &own.owner_);
        own.owner_.workers.fetch_add(1, std::memory_order_relaxed);
        *worker = reinterpret_cast<plexus_worker*>(made.release());
        return PLEXUS_OK;
    };
    loop_.worker_submit = [](void* self, plexus_worker* worker, plexus_task work,
                             plexus_task done) -> std::int32_t {
        auto& own = services(self);
        if (worker == nullptr || work.run == nullptr) return PLEXUS_E_INVALID;
        reinterpret_cast<loop_worker*>(worker)->submit({work.run, work.context, &own.owner_},
                                                       {done.run, done.context, &own.owner_});
        return PLEXUS_OK;
    };
    loop_.worker_destroy = [](void* self, plexus_worker* worker) {
        auto& own = services(self);
        if (worker == nullptr) return;
        own.require(own.environment_.loop.on_loader(), "worker_destroy is [loader]");
        delete reinterpret_cast<loop_worker*>(worker);
        own.owner_.workers.fetch_sub(1, std::memory_order_relaxed);
    };
}

void host_services::fill_metrics_and_app() {
    metrics_.service = {sizeof metrics_, 0, this};
    metrics_.create = [](void* self, std::uint32_t kind, const char* name, const char* help,
                         plexus_metric** out) -> std::int32_t {
        auto& own = services(self);
        if (name == nullptr || out == nullptr) return PLEXUS_E_INVALID;
        metric* made =
            own.environment_.metrics.create(own.owner_.name, kind, name, help == nullptr ? "" : help);
        if (made == nullptr) return PLEXUS_E_INVALID;
        *out = reinterpret_cast<plexus_metric*>(made);
        return PLEXUS_OK;
    };
    metrics_.add = [](void*, plexus_metric* target, std::int64_t amount) {
        reinterpret_cast<metric*>(target)->value.fetch_add(amount, std::memory_order_relaxed);
    };
    metrics_.set = [](void*, plexus_metric* target, std::int64_t value) {
        reinterpret_cast<metric*>(target)->value.store(value, std::memory_order_relaxed);
    };
    app_.service = {sizeof app_, 0, this};
    app_.request_stop = [](void* self, std::int32_t exit_code) {
        services(self).environment_.request_stop(exit_code);
    };
}

void host_services::fill_operator() {
    operator_.service = {sizeof operator_, 0, this};
    operator_.log_level = [](void* self) { return services(self).environment_.log.level(); };
    operator_.set_log_level = [](void* self, std::uint32_t level) -> std::int32_t {
        if (level < PLEXUS_LOG_ERROR || level > PLEXUS_LOG_TRACE) return PLEXUS_E_INVALID;
        services(self).environment_.log.set_level(level);
        return PLEXUS_OK;
    };
    operator_.reload = [](void* self, plexus_view_completion done) -> std::int32_t {
        auto& own = services(self);
        const std::int32_t shard = own.environment_.loop.current_shard();
        own.require(shard >= 0, "reload is [shard]");
        if (shard < 0) return PLEXUS_E_INVALID;
        if (own.environment_.actions == nullptr) return PLEXUS_E_UNSUPPORTED;
        own.owner_.tasks.fetch_add(1, std::memory_order_relaxed); // until the answer is posted
        const bool asked = own.environment_.actions->reload([&own, shard, done](result<std::string> outcome) {
            struct answer {
                result<std::string> outcome;
                plexus_view_completion done;
            };
            auto kept = std::make_unique<answer>(answer{std::move(outcome), done});
            const task posted{[](void* context) {
                                  const std::unique_ptr<answer> mine(static_cast<answer*>(context));
                                  plexus_error failure{};
                                  if (!mine->outcome) failure = lend(mine->outcome.error());
                                  const auto text = mine->outcome ? view_of(*mine->outcome) : plexus_view{};
                                  mine->done.done(mine->done.context,
                                                  mine->outcome ? PLEXUS_OK : PLEXUS_E_INVALID,
                                                  mine->outcome ? nullptr : &failure, text);
                              },
                              kept.get(), &own.owner_};
            if (own.environment_.loop.post(static_cast<std::uint32_t>(shard), posted)) (void)kept.release();
            own.owner_.tasks.fetch_sub(1, std::memory_order_relaxed);
        });
        if (asked) return PLEXUS_OK;
        own.owner_.tasks.fetch_sub(1, std::memory_order_relaxed);
        return PLEXUS_E_UNSUPPORTED;
    };
    operator_.metrics = [](void* self, void (*out)(void*, plexus_view), void* context) {
        out(context, view_of(services(self).environment_.metrics.render()));
    };
}

} // namespace plexus::kernel
