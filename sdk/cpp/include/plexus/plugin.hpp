// The frame of a plugin in C++: derive from plugin_base, and end one source file with
// PLEXUS_PLUGIN(your_class, ...).
#pragma once

#include "plexus/abi/plugin.h"
#include "plexus/loop.hpp"
#include "plexus/task.hpp"

namespace plexus {

/// An instance. The constructor may keep the host, but calls nothing of it.
class plugin_base {
  public:
    explicit plugin_base(host_ref host) : host_(host) {}
    plugin_base(const plugin_base&) = delete;
    plugin_base& operator=(const plugin_base&) = delete;
    virtual ~plugin_base() = default;

    /// Takes services, checks the configuration. [loader]
    virtual result<void> init() { return {}; }
    /// Begins to work. [shard 0]
    virtual task<result<void>> start() { co_return result<void>(); }
    /// Drains: at its end nothing of the instance is under way. [shard 0]
    virtual task<result<void>> stop() { co_return result<void>(); }
    /// The configuration was read again: takes what of `values` may change, or leaves all as it was. [loader]
    virtual result<void> reload(const config_view& /*values*/) { return {}; }
    /// The table of a provided service. [loader]
    virtual const plexus_service* service(std::string_view) noexcept { return nullptr; }

  protected:
    const host_ref& host() const noexcept { return host_; }

  private:
    host_ref host_;
};

namespace detail {

/// The C table of an instance, and the tasks of its lifecycle.
class plugin_shell {
  public:
    explicit plugin_shell(const plexus_host* host) : host_(host) {
        table_.size = sizeof table_;
        table_.self = this;
        table_.init = [](void* self, plexus_error** failure) { return shell(self)->init(failure); };
        table_.start = [](void* self, plexus_completion done) {
            return shell(self)->drive(done, &plugin_base::start);
        };
        table_.stop = [](void* self, plexus_completion done) {
            return shell(self)->drive(done, &plugin_base::stop);
        };
        table_.destroy = [](void* self) { delete shell(self); };
        table_.get_service = [](void* self, const char* id) -> const plexus_service* {
            return shell(self)->instance->service(id);
        };
        table_.reload = [](void* self, const plexus_config* values, plexus_error** failure) {
            return guard(failure, [&] { return shell(self)->instance->reload(config_view(values)); });
        };
    }
    const plexus_plugin* table() const noexcept { return &table_; }
    std::unique_ptr<plugin_base> instance;

  private:
    static plugin_shell* shell(void* self) noexcept { return static_cast<plugin_shell*>(self); }

    std::int32_t init(plexus_error** failure) noexcept {
        return guard(failure, [this] { return instance->init(); });
    }
    /// Runs start or stop on shard 0 and reports its outcome.
    std::int32_t drive(plexus_completion done, task<result<void>> (plugin_base::*step)()) noexcept {
        return guard(nullptr, [&]() -> result<void> {
            const host_ref host(host_);
            const loop_ref loop(host.service<plexus_loop>(PLEXUS_LOOP_ID));
            const bool posted =
                loop.post(0, [this, done, step] { run((instance.get()->*step)(), done).self.resume(); });
            if (!posted) return make_error(status::stopping, "shard 0 does not run");
            return {};
        });
    }
    /// The completion comes last: after it the host may destroy the instance from another thread.
    static detached run(task<result<void>> work, plexus_completion done) {
        result<void> outcome;
        {
            task<result<void>> mine = std::move(work);
            outcome = co_await mine;
        }
        complete(done, outcome);
    }

    const plexus_host* host_;
    plexus_plugin table_{};
};

template <typename Plugin>
std::int32_t create_plugin(const plexus_host* host, const plexus_plugin** out,
                           plexus_error** failure) noexcept {
    return guard(failure, [&]() -> result<void> {
        auto shell = std::make_unique<plugin_shell>(host);
        shell->instance = std::make_unique<Plugin>(host_ref(host));
        *out = shell.release()->table();
        return {};
    });
}

} // namespace detail

/// What a plugin says of itself; every pointer is to static storage, lists end with nullptr.
struct plugin_info {
    const char* id = nullptr;
    const char* version = nullptr;
    const char* summary = nullptr;
    const char* vendor = "Plexus";
    const char* const* capabilities = nullptr;
    const char* const* provides = nullptr;
    const char* const* requires_ = nullptr;
    const char* const* uses = nullptr;
    std::span<const plexus_key> keys = {};
    std::span<const plexus_command_info> commands = {};
};

template <typename Plugin>
plexus_descriptor make_descriptor(const plugin_info& info) noexcept {
    plexus_descriptor out{};
    out.size = sizeof out;
    out.abi_major = PLEXUS_ABI_MAJOR;
    out.abi_minor = PLEXUS_ABI_MINOR;
    out.abi_least_minor = 0;
    out.id = info.id;
    out.version = info.version;
    out.summary = info.summary;
    out.vendor = info.vendor;
    out.capabilities = info.capabilities;
    out.provides = info.provides;
    out.requires_ = info.requires_;
    out.uses = info.uses;
    out.keys = info.keys.data();
    out.key_count = static_cast<std::uint32_t>(info.keys.size());
    out.commands = info.commands.data();
    out.command_count = static_cast<std::uint32_t>(info.commands.size());
    out.create = detail::create_plugin<Plugin>;
    return out;
}

} // namespace plexus

/// Defines the plugin's entry point. The second argument is a plugin_info with static storage.
#define PLEXUS_PLUGIN(Plugin, info)                                                                          \
    PLEXUS_EXPORT const plexus_descriptor* plexus_plugin_entry(void) {                                       \
        static const plexus_descriptor descriptor = plexus::make_descriptor<Plugin>(info);                   \
        return &descriptor;                                                                                  \
    }
