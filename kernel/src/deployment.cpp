#include "deployment.hpp"

#include "plan.hpp"
#include "plexus/abi.hpp"

namespace plexus::kernel {
namespace {

/// What a plexus_deployment handle points to.
struct opened {
    config_source source;
    plan planned;
    std::vector<std::size_t> own; ///< the instances of the command's plugin
    std::vector<plexus_config> sections;
    std::string program;
    std::vector<std::filesystem::path> plugin_folders;
    std::unique_ptr<kernel> running;
};

opened& of(plexus_deployment* handle) { return *reinterpret_cast<opened*>(handle); }

/// The error as plugins pass it on.
error plain(const error& from) { return make_error(status::invalid, from.message()); }

kernel_options options_of(const opened& from) {
    kernel_options out;
    out.program = from.program;
    out.plugin_folders = from.plugin_folders;
    return out;
}

result<const plexus_service*> start(opened& deployment, std::string_view id) {
    if (deployment.running)
        return make_error(status::busy, "a service of this deployment was started already");
    if (deployment.own.empty())
        return make_error(status::not_found,
                          deployment.source.file.string() + " has no instance of the command's plugin");
    for (const graph_edge& edge : deployment.planned.graph.edges[deployment.own.front()]) {
        if (edge.service != id) continue;
        const std::string& provider = deployment.planned.instances[edge.provider].name;
        kernel_options options = options_of(deployment);
        options.only = {provider};
        options.log_least = PLEXUS_LOG_WARNING;
        auto loaded = kernel::load(deployment.source, std::move(options));
        if (!loaded) return plain(loaded.error());
        deployment.running = std::move(loaded).value();
        if (const auto started = deployment.running->start(); !started) return plain(started.error());
        return deployment.running->service(provider, id);
    }
    return make_error(status::not_found,
                      deployment.source.file.string() + " has nothing that provides " + std::string(id));
}

} // namespace

deployments::deployments(std::string own_id, std::string program,
                         std::vector<std::filesystem::path> plugin_folders)
    : id_(std::move(own_id)), program_(std::move(program)), plugin_folders_(std::move(plugin_folders)) {
    table_.service = {sizeof table_, 0, this};
    table_.open = [](void* self, plexus_view path, plexus_deployment** out, plexus_error** failure) {
        return guard(failure, [&]() -> result<void> {
            const auto& mine = *static_cast<const deployments*>(self);
            auto made = std::make_unique<opened>();
            std::filesystem::path file = std::string(text_of(path));
            std::error_code ignored;
            if (std::filesystem::is_directory(file, ignored)) file /= "plexus.toml";
            made->program = mine.program_;
            made->plugin_folders = mine.plugin_folders_;
            auto source = config_source::read(file);
            if (!source) return plain(source.error());
            made->source = std::move(source).value();
            auto planned = make_plan(made->source, options_of(*made));
            if (!planned) return plain(planned.error());
            made->planned = std::move(planned).value();
            for (std::size_t i = 0; i < made->planned.instances.size(); ++i) {
                if (mine.id_ != made->planned.instances[i].library.descriptor->id) continue;
                made->own.push_back(i);
                made->sections.push_back(made->planned.instances[i].values->table());
            }
            *out = reinterpret_cast<plexus_deployment*>(made.release());
            return {};
        });
    };
    table_.config = [](plexus_deployment* handle, std::uint32_t index,
                       plexus_view* name) -> const plexus_config* {
        const opened& from = of(handle);
        if (index >= from.own.size()) return nullptr;
        *name = to_abi(std::string_view(from.planned.instances[from.own[index]].name));
        return &from.sections[index];
    };
    table_.start = [](plexus_deployment* handle, const char* id, const plexus_service** service,
                      plexus_error** failure) {
        return guard(failure, [&]() -> result<void> {
            PLEXUS_TRY(*service, start(of(handle), id));
            return {};
        });
    };
    table_.post = [](plexus_deployment* handle, plexus_task task) -> std::int32_t {
        const auto& running = of(handle).running;
        if (!running || !running->post(0, [task] { task.run(task.context); })) return PLEXUS_E_STOPPING;
        return PLEXUS_OK;
    };
    table_.close = [](plexus_deployment* handle) { delete &of(handle); };
}

} // namespace plexus::kernel
