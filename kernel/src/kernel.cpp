#include "plexus/kernel/kernel.hpp"

#include <algorithm>
#include <atomic>

#include "abi_list.hpp"
#include "instance.hpp"
#include "plan.hpp"
#include "service_manager.hpp"
#include "signals.hpp"
#include "start_pages.hpp"

namespace plexus::kernel {
namespace {

std::uint32_t log_level(const std::string& name) {
    if (name == "error") return PLEXUS_LOG_ERROR;
    if (name == "warning") return PLEXUS_LOG_WARNING;
    if (name == "debug") return PLEXUS_LOG_DEBUG;
    if (name == "trace") return PLEXUS_LOG_TRACE;
    return PLEXUS_LOG_INFO;
}

/// A function posted by the program itself.
struct posted_step {
    std::function<void()> run;
};

} // namespace

const char* error_domain(kernel_error) { return "plexus.kernel"; }

class kernel::impl final : public operator_actions {
  public:
    using outcome = std::function<void(result<void>)>;

    static result<std::unique_ptr<impl>> make(const config_source& config, kernel_options options) {
        PLEXUS_TRY(plan planned, make_plan(config, options));
        if (!options.only.empty()) planned = part_of(std::move(planned), options.only);
        auto reread = std::move(options.reread);
        const std::vector<std::filesystem::path> folders = options.plugin_folders;
        const std::vector<const plexus_descriptor*> built_in = options.built_in;
        auto self = std::make_unique<impl>();
        self->program_ = options.program;
        PLEXUS_CHECK(self->open_log(*planned.settings, std::move(options.log), options.log_least));
        self->make_loop(*planned.settings, std::move(options.backend));
        self->environment_ = std::make_unique<host_environment>(
            host_environment{self->program_, *self->loop_, *self->log_, self->metrics_,
                             [raw = self.get()](int exit_code) { raw->request_stop(exit_code); }});
        if (reread) self->environment_->actions = self.get();
        self->reread_ = std::move(reread);
        self->plan_options_.plugin_folders = folders;
        self->plan_options_.built_in = built_in;
        PLEXUS_CHECK(self->create(std::move(planned)));
        return self;
    }

    ~impl() override {
        bool ended = false;
        begin_stop([&](const result<void>&) { ended = true; });
        if (loop_) loop_->run_loader([&] { return ended; }); // no loop yet: load failed
        finish();
    }

    void begin_start(outcome done) {
        if (state_ != state::created) {
            done(make_error(kernel_error::failed, "this kernel was started before: load a new one"));
            return;
        }
        state_ = state::starting;
        done_ = std::move(done);
        loop_->start();
        loop_running_ = true;
        for (instance* one : order_) {
            if (result<void> initialised = one->init(); !initialised) {
                fail(initialised.error());
                return;
            }
        }
        start_next();
    }

    void begin_stop(outcome done) {
        if (state_ != state::started) {
            done({});
            return;
        }
        state_ = state::stopping;
        done_ = std::move(done);
        stop_next();
    }

    void request_stop(int exit_code) {
        bool expected = false;
        if (!stop_claimed_.compare_exchange_strong(expected, true)) return;
        exit_code_ = exit_code;
        stop_requested_ = true;
        loop_->post_loader([] {});
    }

    bool reload(std::function<void(result<std::string>)> done) override {
        if (!reread_) return false;
        loop_->post_loader([this, done = std::move(done)] { done(reload_now()); });
        return true;
    }

    result<std::string> reload_now() {
        auto told = try_reload();
        if (!told) log(PLEXUS_LOG_ERROR, "the configuration is not taken over: " + told.error().message());
        return told;
    }

    void log(std::uint32_t level, std::string_view message) {
        if (log_->enabled(level))
            log_->write({level, loop_->wall_ns(), "kernel", loop_->current_shard(), message, nullptr, 0});
    }

    instance* find(std::string_view name) const {
        for (const auto& one : instances_)
            if (one->name() == name) return one.get();
        return nullptr;
    }

    enum class state { created, starting, started, stopping, ended };

    state state_ = state::created;
    std::atomic<bool> stop_claimed_{false};
    std::atomic<bool> stop_requested_{false};
    std::atomic<int> exit_code_{0};
    activity own_{"kernel"};
    std::unique_ptr<loop_backend> loop_;
    std::vector<std::unique_ptr<instance>> instances_;
    std::vector<instance*> order_;
    metric_registry metrics_;

    std::string refusing_; ///< the instance whose start ended with PLEXUS_E_DENIED
    /// Around a reload.
    std::function<void(bool begins)> on_reload_;

  private:
    result<std::string> try_reload() {
        if (!reread_)
            return make_error(kernel_error::failed, "the configuration of this program is in no file");
        if (state_ != state::started)
            return make_error(kernel_error::failed, "a program that starts or stops reads no configuration");
        if (on_reload_) on_reload_(true);
        auto told = take_over();
        if (on_reload_) on_reload_(false);
        return told;
    }

    result<std::string> take_over() {
        PLEXUS_TRY(const config_source source, reread_());
        PLEXUS_TRY(plan planned, make_plan(source, plan_options_));
        std::vector<std::string> told;
        for (const plexus_key* key : planned.settings->changed(*settings_))
            told.push_back(
                std::string("kernel.") + key->name +
                (key->name == std::string_view("log.level") ? " is taken over" : " needs a restart"));
        log_->set_level(log_level(planned.settings->find("log.level")->text));
        settings_->take_text("log.level", planned.settings->find("log.level")->text);
        std::string refused;
        for (planned_instance& one : planned.instances) {
            instance* mine = find(one.name);
            if (mine == nullptr || mine->library().descriptor != one.library.descriptor) {
                told.push_back("plugin." + one.name + " needs a restart");
                continue;
            }
            if (const auto taken = mine->reload(std::move(one.values), told); !taken)
                refused += (refused.empty() ? "" : "\n") + taken.error().message();
        }
        for (const auto& mine : instances_) {
            const bool there =
                std::any_of(planned.instances.begin(), planned.instances.end(),
                            [&](const planned_instance& one) { return one.name == mine->name(); });
            if (!there) told.push_back("plugin." + mine->name() + " is gone: that needs a restart");
        }
        std::string text;
        for (const std::string& line : told) {
            log(PLEXUS_LOG_INFO, "reload: " + line);
            text += line + "\n";
        }
        if (!refused.empty()) return make_error(kernel_error::failed, std::move(refused));
        log(PLEXUS_LOG_INFO, told.empty()
                                 ? "reload: the configuration is as it was; its files were read again"
                                 : "reload: done");
        return text;
    }

    result<void> open_log(const value_set& settings, std::function<void(std::string_view)> sink,
                          std::uint32_t least) {
        if (!sink) {
            PLEXUS_TRY(log_writer_, line_writer::open(settings.find("log.file")->text));
            sink = [writer = log_writer_.get()](std::string_view line) { writer->write(line); };
        } else {
            sink = [this, inner = std::move(sink)](std::string_view line) {
                const std::lock_guard lock(sink_mutex_);
                inner(line);
            };
        }
        const std::uint32_t level = log_level(settings.find("log.level")->text);
        log_ = std::make_unique<logger>(least == 0 ? level : std::min(level, least),
                                        settings.find("log.format")->text == "json", std::move(sink));
        return {};
    }

    void make_loop(const value_set& settings, std::unique_ptr<loop_backend> given) {
        loop_ = std::move(given);
        if (loop_) return;
        asio_loop_options asio;
        asio.shards = static_cast<std::uint32_t>(settings.find("shards")->integer);
        asio.watchdog_ns = static_cast<std::uint64_t>(settings.find("watchdog")->integer);
        asio.stalled = [this, limit = settings.find("watchdog")->integer](std::uint32_t shard,
                                                                          const std::string& name) {
            log(PLEXUS_LOG_WARNING, "a callback of '" + name + "' blocks shard " + std::to_string(shard) +
                                        " for more than " + format_duration(limit));
        };
        loop_ = make_asio_loop(std::move(asio));
    }

    result<void> create(plan planned) {
        settings_ = std::move(planned.settings);
        for (planned_instance& one : planned.instances)
            instances_.push_back(std::make_unique<instance>(*environment_, std::move(one)));
        for (std::size_t i = 0; i < instances_.size(); ++i)
            for (const graph_edge& edge : planned.graph.edges[i])
                instances_[i]->wire(edge.service, *instances_[edge.provider]);
        for (const std::size_t i : planned.graph.order) order_.push_back(instances_[i].get());
        for (std::size_t i = 0; i < order_.size(); ++i) PLEXUS_CHECK(order_[i]->create());
        return {};
    }

    void start_next() {
        if (running_ == order_.size()) {
            state_ = state::started;
            for (instance* one : order_) one->forget_given();
            conclude({});
            return;
        }
        instance* next = order_[running_];
        next->start([this, next](result<void> started) {
            if (!started) {
                if (next->last_status() == PLEXUS_E_DENIED) refusing_ = next->name();
                fail(started.error());
                return;
            }
            ++running_;
            log(PLEXUS_LOG_DEBUG, "started " + next->name());
            start_next();
        });
    }

    void fail(const error& why) {
        failure_ = why;
        stop_next();
    }

    void stop_next() {
        if (running_ == 0) {
            finish();
            conclude(failure_);
            return;
        }
        instance* next = order_[--running_];
        log(PLEXUS_LOG_DEBUG, "stopping " + next->name());
        next->stop([this, next](result<void> stopped) {
            if (!stopped) {
                log(PLEXUS_LOG_ERROR, stopped.error().message());
                if (failure_) failure_ = stopped.error();
            }
            if (const std::string left = next->left_behind(false); !left.empty())
                log(PLEXUS_LOG_WARNING, "plugin." + next->name() + " leaves behind after stop: " + left);
            log(PLEXUS_LOG_DEBUG, "stopped " + next->name());
            stop_next();
        });
    }

    /// Destroys the instances, then ends the loop.
    void finish() {
        if (state_ == state::ended) return;
        state_ = state::ended;
        for (auto one = order_.rbegin(); one != order_.rend(); ++one) {
            (*one)->destroy();
            if (const std::string left = (*one)->left_behind(true); !left.empty())
                log(PLEXUS_LOG_WARNING, "plugin." + (*one)->name() + " leaves behind after destroy: " + left);
        }
        if (loop_running_) loop_->stop();
    }

    void conclude(result<void> how) {
        const outcome done = std::move(done_);
        done_ = {};
        done(std::move(how));
    }

    std::string program_;
    std::mutex sink_mutex_;
    std::unique_ptr<line_writer> log_writer_;
    std::function<result<config_source>()> reread_;
    kernel_options plan_options_; ///< for reading the configuration again
    std::unique_ptr<value_set> settings_;
    std::unique_ptr<logger> log_;
    std::unique_ptr<host_environment> environment_;
    std::size_t running_ = 0; ///< the first so many of order_ are started
    bool loop_running_ = false;
    result<void> failure_;
    outcome done_;
};

kernel::kernel(std::unique_ptr<impl> state) : impl_(std::move(state)) {}
kernel::~kernel() = default;

result<std::unique_ptr<kernel>> kernel::load(const config_source& config, kernel_options options) {
    PLEXUS_TRY(auto state, impl::make(config, std::move(options)));
    return std::unique_ptr<kernel>(new kernel(std::move(state)));
}

result<void> kernel::check(const config_source& config, const kernel_options& options) {
    if (auto planned = make_plan(config, options); !planned) return planned.error();
    return {};
}

void kernel::begin_start(std::function<void(result<void>)> done) { impl_->begin_start(std::move(done)); }
void kernel::begin_stop(std::function<void(result<void>)> done) { impl_->begin_stop(std::move(done)); }

result<void> kernel::start() {
    result<void> outcome;
    bool ended = false;
    begin_start([&](result<void> how) {
        outcome = std::move(how);
        ended = true;
    });
    impl_->loop_->run_loader([&] { return ended; });
    return outcome;
}

result<void> kernel::stop() {
    result<void> outcome;
    bool ended = false;
    begin_stop([&](result<void> how) {
        outcome = std::move(how);
        ended = true;
    });
    impl_->loop_->run_loader([&] { return ended; });
    return outcome;
}

int kernel::run(const std::function<void()>& started,
                const std::function<bool(std::string_view instance)>& refused) {
    service_manager manager(*impl_->loop_, impl_->own_);
    impl_->on_reload_ = [&manager](bool begins) { begins ? manager.reloading() : manager.ready(); };
    const termination_signals signals([this] { request_stop(0); },
                                      [this] { (void)impl_->reload([](const result<std::string>&) {}); });
    if (const auto up = start(); !up) {
        impl_->on_reload_ = {};
        const bool known = refused && !impl_->refusing_.empty() && refused(impl_->refusing_);
        if (!known) impl_->log(PLEXUS_LOG_ERROR, up.error().message());
        return 1;
    }
    std::string up_now;
    for (const std::string& name : instances()) up_now += (up_now.empty() ? "up: " : ", ") + name;
    impl_->log(PLEXUS_LOG_INFO, up_now.empty() ? "up, without any plugin" : up_now);
    release_start_pages();
    manager.ready();
    if (started) started();
    impl_->loop_->run_loader([this] { return stop_requested(); });
    manager.stopping();
    const auto down = stop();
    impl_->on_reload_ = {};
    if (!down) return 1; // logged
    return exit_code();
}

result<std::string> kernel::reload() { return impl_->reload_now(); }

void kernel::request_stop(int exit_code) { impl_->request_stop(exit_code); }
bool kernel::stop_requested() const noexcept { return impl_->stop_requested_; }
int kernel::exit_code() const noexcept { return impl_->exit_code_; }

const plexus_service* kernel::service(std::string_view instance_name, std::string_view id) const {
    const instance* one = impl_->find(instance_name);
    return one == nullptr ? nullptr : one->service(std::string(id).c_str());
}

std::vector<std::string> kernel::instances() const {
    std::vector<std::string> out;
    for (const instance* one : impl_->order_) out.push_back(one->name());
    return out;
}

bool kernel::post(std::uint32_t shard, std::function<void()> step) {
    auto owned = std::make_unique<posted_step>(posted_step{std::move(step)});
    const task posted{[](void* context) {
                          const std::unique_ptr<posted_step> own(static_cast<posted_step*>(context));
                          own->run();
                      },
                      owned.get(), &impl_->own_};
    if (!impl_->loop_->post(shard, posted)) return false;
    (void)owned.release(); // the task's now
    return true;
}

void kernel::call(std::uint32_t shard, const std::function<void()>& step) {
    bool ended = false;
    const bool posted = post(shard, [&] {
        step();
        impl_->loop_->post_loader([&ended] { ended = true; });
    });
    if (posted) impl_->loop_->run_loader([&] { return ended; });
}

void kernel::run_until(const std::function<bool()>& done) { impl_->loop_->run_loader(done); }
void kernel::wake() {
    impl_->loop_->post_loader([] {});
}

loop_backend& kernel::backend() noexcept { return *impl_->loop_; }
std::string kernel::metrics() const { return impl_->metrics_.render(); }

} // namespace plexus::kernel
