#include "instance.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "abi_list.hpp"

namespace plexus::kernel {
namespace {

std::string_view status_name(std::int32_t status) {
    static constexpr std::string_view names[] = {
        "ok",     "invalid",     "not found", "exists",        "would block", "cancelled",
        "closed", "timeout",     "limit",     "I/O error",     "full",        "corrupt",
        "busy",   "unsupported", "refused",   "unreachable",   "identity",    "protocol error",
        "denied", "stopping",    "no memory", "internal error"};
    const auto index = static_cast<std::size_t>(status);
    return status >= 0 && index < std::size(names) ? names[index] : "unknown status";
}

} // namespace

/// Waits for the one completion of start or stop; freed by it.
struct instance::ending {
    instance& owner;
    const char* verb;
    std::function<void(result<void>)> done;
    std::atomic<bool> begun{false};

    static void complete(void* context, std::int32_t status, const plexus_error* detail) {
        auto* self = static_cast<ending*>(context);
        self->owner.services_.require(self->begun || !self->owner.environment_.loop.on_loader(),
                                      "a completion is never called inside the call that it completes");
        self->owner.last_status_ = status;
        auto outcome = std::make_shared<result<void>>();
        if (status != PLEXUS_OK) *outcome = self->owner.failed(self->verb, status, detail);
        self->owner.environment_.loop.post_loader([self, outcome] {
            const std::unique_ptr<ending> ended(self);
            ended->done(std::move(*outcome));
        });
    }
};

instance::instance(host_environment& environment, planned_instance planned)
    : environment_(environment), planned_(std::move(planned)),
      activity_(std::make_shared<activity>(planned_.name)),
      services_(environment, *activity_, *planned_.values) {
    host_.size = sizeof host_;
    host_.abi_major = PLEXUS_ABI_MAJOR;
    host_.abi_minor = PLEXUS_ABI_MINOR;
    host_.self = this;
    host_.name = environment_.program.c_str();
    host_.instance = planned_.name.c_str();
    host_.get_service = [](const plexus_host* host, const char* id) -> const plexus_service* {
        const auto* self = static_cast<const instance*>(host->self);
        return id == nullptr ? nullptr : self->find(id);
    };
}

instance::~instance() { destroy(); }

bool instance::has_capability(std::string_view capability) const {
    return abi_contains(planned_.library.descriptor->capabilities, capability);
}

const plexus_service* instance::find(std::string_view id) const {
    if (const char* guard = guarding_capability(id); guard != nullptr && !has_capability(guard))
        return nullptr;
    if (const plexus_service* own = services_.find(id)) return own;
    const auto wired = wiring_.find(id);
    if (wired != wiring_.end()) return wired->second->service(wired->first.c_str());
    return environment_.loop.service(id, *activity_);
}

const plexus_service* instance::service(const char* id) const {
    if (plugin_ == nullptr || !abi_contains(planned_.library.descriptor->provides, id)) return nullptr;
    return plugin_->get_service(plugin_->self, id);
}

error instance::failed(const char* verb, std::int32_t status, const plexus_error* detail) const {
    std::string text = "plugin." + planned_.name + " failed to " + verb + ": ";
    if (detail != nullptr && detail->message.size != 0)
        text += text_of(detail->message);
    else
        text += std::string(status_name(status)) + " (status " + std::to_string(status) + ")";
    return make_error(kernel_error::failed, std::move(text));
}

result<void> instance::create() {
    plexus_error* detail = nullptr;
    const plexus_plugin* made = nullptr;
    const std::int32_t status = planned_.library.descriptor->create(&host_, &made, &detail);
    if (status != PLEXUS_OK) {
        error why = failed("be created", status, detail);
        if (detail != nullptr && detail->release != nullptr) detail->release(detail);
        return why;
    }
    if (made == nullptr || !PLEXUS_HAS(made, get_service) || made->init == nullptr ||
        made->start == nullptr || made->stop == nullptr || made->destroy == nullptr ||
        made->get_service == nullptr)
        return make_error(kernel_error::failed,
                          "plugin." + planned_.name + ": create gave an incomplete plexus_plugin");
    plugin_ = made;
    for (const char* id : abi_list(planned_.library.descriptor->provides))
        if (const plexus_service* table = service(id);
            table == nullptr || table->size < sizeof(plexus_service)) {
            destroy();
            return make_error(kernel_error::failed,
                              "plugin." + planned_.name + " says that it provides " + id +
                                  ", but its get_service gives " +
                                  (table == nullptr ? "null" : "a table without a size"));
        }
    return {};
}

result<void> instance::init() {
    plexus_error* detail = nullptr;
    const std::int32_t status = plugin_->init(plugin_->self, &detail);
    if (status == PLEXUS_OK) return {};
    error why = failed("initialise", status, detail);
    if (detail != nullptr && detail->release != nullptr) detail->release(detail);
    return why;
}

void instance::run(step begin, const char* verb, std::function<void(result<void>)> done) {
    auto* end = new ending{*this, verb, std::move(done)};
    const std::int32_t status = begin(plugin_->self, {&ending::complete, end});
    if (status == PLEXUS_OK) {
        end->begun = true;
        return;
    }
    last_status_ = status;
    const std::unique_ptr<ending> none_will_come(end);
    none_will_come->done(failed(verb, status, nullptr));
}

void instance::start(std::function<void(result<void>)> done) {
    run(plugin_->start, "start", std::move(done));
}
void instance::stop(std::function<void(result<void>)> done) { run(plugin_->stop, "stop", std::move(done)); }

result<void> instance::reload(std::unique_ptr<value_set> values, std::vector<std::string>& told) {
    const bool can = PLEXUS_HAS(plugin_, reload) && plugin_->reload != nullptr;
    plexus_error* detail = nullptr;
    const plexus_config table = values->table();
    const std::int32_t status = can ? plugin_->reload(plugin_->self, &table, &detail) : PLEXUS_OK;
    if (status != PLEXUS_OK) {
        error why = failed("reload, and goes on as it was", status, detail);
        if (detail != nullptr && detail->release != nullptr) detail->release(detail);
        return why;
    }
    const std::string section = "plugin." + planned_.name + ".";
    const auto reloadable = [can](const plexus_key* key) {
        return can && (key->flags & PLEXUS_KEY_RELOADABLE) != 0;
    };
    for (const plexus_key* key : values->changed(reloaded_ ? *reloaded_ : *planned_.values))
        if (reloadable(key)) told.push_back(section + key->name + " is taken over");
    for (const plexus_key* key : values->changed(*planned_.values))
        if (!reloadable(key)) told.push_back(section + key->name + " needs a restart");
    reloaded_ = std::move(values);
    return {};
}

void instance::destroy() {
    if (plugin_ == nullptr) return;
    plugin_->destroy(plugin_->self);
    plugin_ = nullptr;
    activity_->ended = true;
}

std::string instance::left_behind(bool after_destroy) const {
    std::string out;
    const auto count = [&](const std::atomic<std::uint32_t>& counter, const char* what) {
        const std::uint32_t left = counter.load();
        if (left == 0) return;
        out += (out.empty() ? "" : ", ") + std::to_string(left) + " " + what + (left == 1 ? "" : "s");
    };
    count(activity_->timers, "timer");
    count(activity_->watches, "descriptor watch");
    count(activity_->lookups, "name resolution");
    if (after_destroy)
        count(activity_->workers, "worker");
    else
        count(activity_->tasks, "posted task");
    return out;
}

} // namespace plexus::kernel
