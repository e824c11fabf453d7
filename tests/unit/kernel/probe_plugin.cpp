#include "probe_plugin.hpp"

#include <gtest/gtest.h>

namespace plexus::test {
namespace {

// A descriptor's create has no context: the world of the running test.
probe_world* current_world = nullptr;

std::vector<const char*> c_list(const std::vector<std::string>& from) {
    std::vector<const char*> out;
    for (const std::string& text : from) out.push_back(text.c_str());
    out.push_back(nullptr);
    return out;
}

} // namespace

struct probe_world::stored {
    probe_spec spec;
    std::vector<const char*> provides, requires_, uses, capabilities;
    plexus_descriptor descriptor{};
};

struct probe_functions {
    static std::int32_t create(const plexus_host* host, const plexus_plugin** out, plexus_error**) {
        auto* self = new probe{current_world, host, host->instance, {}, {}, {}, nullptr};
        self->plugin = {sizeof(plexus_plugin), 0, self, init, start, stop, destroy, get_service, reload};
        self->service = {sizeof(plexus_service), 0, self};
        self->world->record("create " + self->instance);
        *out = &self->plugin;
        return PLEXUS_OK;
    }
    static const probe_spec* find_spec(const probe& self) {
        for (const auto& one : self.world->plugins_)
            if (self.instance.rfind(one->spec.id, 0) == 0)
                return &one->spec; // instances are named ID or ID...
        return nullptr;
    }
    static std::int32_t init(void* context, plexus_error**) {
        auto* self = static_cast<probe*>(context);
        self->spec = find_spec(*self);
        self->world->record("init " + self->instance);
        return self->spec->init ? self->spec->init(*self) : PLEXUS_OK;
    }
    static std::int32_t later(probe* self, plexus_completion done, void (*step)(void*)) {
        self->pending = done;
        return self->loop()->post(self->loop()->service.self, 0, {step, self});
    }
    static void finish(probe& self, const char* what, const std::function<std::int32_t(probe&)>& script) {
        const std::int32_t status = script ? script(self) : PLEXUS_OK;
        self.world->record(what + self.instance);
        self.pending.done(self.pending.context, status, nullptr);
    }
    static std::int32_t start(void* context, plexus_completion done) {
        return later(static_cast<probe*>(context), done, [](void* self) {
            finish(*static_cast<probe*>(self), "start ", static_cast<probe*>(self)->spec->start);
        });
    }
    static std::int32_t stop(void* context, plexus_completion done) {
        return later(static_cast<probe*>(context), done, [](void* self) {
            finish(*static_cast<probe*>(self), "stop ", static_cast<probe*>(self)->spec->stop);
        });
    }
    static void destroy(void* context) {
        const std::unique_ptr<probe> self(static_cast<probe*>(context));
        self->world->record("destroy " + self->instance);
    }
    static std::int32_t reload(void* context, const plexus_config* values, plexus_error**) {
        auto* self = static_cast<probe*>(context);
        self->world->record("reload " + self->instance);
        return self->spec->reload ? self->spec->reload(*self, *values) : PLEXUS_OK;
    }
    static const plexus_service* get_service(void* context, const char*) {
        return &static_cast<probe*>(context)->service;
    }
};

probe_world::probe_world() {
    EXPECT_EQ(current_world, nullptr);
    current_world = this;
}
probe_world::~probe_world() { current_world = nullptr; }

void probe_world::add(probe_spec spec) {
    auto own = std::make_unique<stored>();
    own->spec = std::move(spec);
    own->provides = c_list(own->spec.provides);
    own->requires_ = c_list(own->spec.requires_);
    own->uses = c_list(own->spec.uses);
    own->capabilities = c_list(own->spec.capabilities);
    plexus_descriptor& out = own->descriptor;
    out.size = sizeof out;
    out.abi_major = PLEXUS_ABI_MAJOR;
    out.abi_minor = PLEXUS_ABI_MINOR;
    out.id = own->spec.id.c_str();
    out.version = "1";
    out.provides = own->provides.data();
    out.requires_ = own->requires_.data();
    out.uses = own->uses.data();
    out.capabilities = own->capabilities.data();
    out.keys = own->spec.keys.data();
    out.key_count = static_cast<std::uint32_t>(own->spec.keys.size());
    out.create = probe_functions::create;
    plugins_.push_back(std::move(own));
}

kernel::kernel_options probe_world::options() {
    kernel::kernel_options out;
    out.program = "test 1";
    for (const auto& one : plugins_) out.built_in.push_back(&one->descriptor);
    out.log = [this](std::string_view line) {
        const std::lock_guard lock(mutex_);
        lines_.emplace_back(line);
    };
    return out;
}

void probe_world::record(const std::string& event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(event);
}

std::vector<std::string> probe_world::events() const {
    const std::lock_guard lock(mutex_);
    return events_;
}

std::vector<std::string> probe_world::log_lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
}

bool probe_world::logged(const std::string& part) const {
    for (const std::string& line : log_lines())
        if (line.find(part) != std::string::npos) return true;
    return false;
}

kernel::config_source config(std::string text) { return {std::move(text), {}}; }

} // namespace plexus::test
