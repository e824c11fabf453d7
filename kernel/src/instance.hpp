// One instance of a plugin in the kernel: its host, its services, its life.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>

#include "host_services.hpp"
#include "plan.hpp"

namespace plexus::kernel {

class instance {
  public:
    instance(host_environment& environment, planned_instance planned);
    ~instance();
    instance(const instance&) = delete;
    instance& operator=(const instance&) = delete;

    void wire(const std::string& service, instance& provider) { wiring_[service] = &provider; }

    result<void> create();
    result<void> init();
    /// `done` is called on the loader. One at a time.
    void start(std::function<void(result<void>)> done);
    void stop(std::function<void(result<void>)> done);
    void destroy();
    /// How the last start or stop ended.
    std::int32_t last_status() const noexcept { return last_status_; }
    /// Given secrets (kernel_options) are wiped.
    void forget_given() { planned_.values->forget_given(); }
    /// Hands over new values while it is started. A line for each key that changed or needs a restart, in
    /// `told`.
    result<void> reload(std::unique_ptr<value_set> values, std::vector<std::string>& told);

    /// What it left behind in the loop, for people; empty: nothing. `after_destroy` counts workers too.
    std::string left_behind(bool after_destroy) const;

    const std::string& name() const noexcept { return planned_.name; }
    const plugin_library& library() const noexcept { return planned_.library; }
    const plexus_service* service(const char* id) const;
    host_services& services() noexcept { return services_; }
    std::shared_ptr<activity> what_runs() const noexcept { return activity_; }

  private:
    struct ending;
    using step = std::int32_t (*)(void* self, plexus_completion done);

    const plexus_service* find(std::string_view id) const;
    void run(step begin, const char* verb, std::function<void(result<void>)> done);
    error failed(const char* verb, std::int32_t status, const plexus_error* detail) const;
    bool has_capability(std::string_view capability) const;

    host_environment& environment_;
    planned_instance planned_;
    std::unique_ptr<value_set> reloaded_; ///< the values that were taken last, if it was reloaded
    std::shared_ptr<activity> activity_;
    host_services services_;
    plexus_host host_{};
    std::map<std::string, instance*, std::less<>> wiring_;
    const plexus_plugin* plugin_ = nullptr;
    std::atomic<std::int32_t> last_status_{PLEXUS_OK};
};

} // namespace plexus::kernel
