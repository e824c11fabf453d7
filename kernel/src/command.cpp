#include "plexus/kernel/command.hpp"

#include <algorithm>

#include "abi_list.hpp"
#include "deployment.hpp"
#include "instance.hpp"
#include "plexus/kernel/kernel.hpp"

namespace plexus::kernel {

offered_commands find_commands(const plugin_catalog& catalog) {
    offered_commands out;
    for (const std::string& name : catalog.names()) {
        auto library = catalog.open(name);
        if (!library) {
            out.refused.push_back(library.error().message());
            continue;
        }
        for (std::uint32_t i = 0; i < library->descriptor->command_count; ++i)
            out.commands.push_back({*library, &library->descriptor->commands[i]});
    }
    std::stable_sort(out.commands.begin(), out.commands.end(),
                     [](const plugin_command& a, const plugin_command& b) {
                         return std::string_view(a.info->name) < std::string_view(b.info->name);
                     });
    return out;
}

namespace {

result<void> take_input(const plexus_command_info& info, const command_input& input, value_set& options) {
    std::string wrong;
    const auto add = [&](const std::string& what) { wrong += (wrong.empty() ? "" : "\n") + what; };
    for (const auto& [name, text] : input.options)
        if (const std::string fault = options.take_text(name, text); !fault.empty())
            add("--" + name + ": " + fault);
    for (const std::string& missing : options.complete()) {
        const bool given = std::any_of(input.options.begin(), input.options.end(),
                                       [&](const auto& option) { return option.first == missing; });
        if (!given) add("--" + missing + " is required");
    }
    const std::size_t count = input.arguments.size();
    if (count < info.argument_least || count > info.argument_most) {
        std::string expected = std::to_string(info.argument_least);
        if (info.argument_most != info.argument_least)
            expected += " to " + std::to_string(info.argument_most);
        add(std::string(info.name) + " takes " + expected + " argument" + (expected == "1" ? "" : "s") +
            (info.arguments != nullptr ? std::string(" (") + info.arguments + ")" : "") + ", and " +
            std::to_string(count) + (count == 1 ? " was given" : " were given"));
    }
    if (wrong.empty()) return {};
    return make_error(kernel_error::command, std::move(wrong));
}

} // namespace

result<int> run_command(const plugin_command& command, const command_input& input) {
    std::error_code failure;
    value_set options(std::span(command.info->options, command.info->option_count),
                      std::filesystem::current_path(failure));
    PLEXUS_CHECK(take_input(*command.info, input, options));

    PLEXUS_TRY(const auto writer, line_writer::open({}));
    logger log(PLEXUS_LOG_WARNING, false, [&](std::string_view line) { writer->write(line); });
    asio_loop_options one_shard;
    one_shard.shards = 1;
    const auto loop = make_asio_loop(std::move(one_shard)); // for the clock and chance; it never runs
    metric_registry metrics;
    const deployments reachable(command.library.descriptor->id, input.program, input.plugin_folders);
    host_environment environment{input.program, *loop, log, metrics, [](int) {}, true, reachable.service()};
    planned_instance planned{
        command.library.descriptor->id, command.library,
        std::make_unique<value_set>(std::span<const plexus_key>(), std::filesystem::path())};
    instance owner(environment, std::move(planned));
    PLEXUS_CHECK(owner.create());
    const auto* service = reinterpret_cast<const plexus_command*>(owner.service(PLEXUS_COMMAND_ID));
    if (service == nullptr || !PLEXUS_HAS(&service->service, self) ||
        service->service.size < sizeof(plexus_command))
        return make_error(kernel_error::failed,
                          "plugin " + command.library.name + " gives no usable " PLEXUS_COMMAND_ID);

    std::vector<plexus_view> arguments;
    for (const std::string& argument : input.arguments) arguments.push_back(view_of(argument));
    const plexus_config table = options.table();
    const auto print = [](void* context, std::uint32_t to_error, plexus_view text) {
        static_cast<const command_input*>(context)->print(to_error != 0, text_of(text));
    };
    std::int32_t exit_code = 0;
    plexus_error* detail = nullptr;
    const std::int32_t status = service->run(service->service.self, command.info->name, &table,
                                             arguments.data(), static_cast<std::uint32_t>(arguments.size()),
                                             print, const_cast<command_input*>(&input), &exit_code, &detail);
    if (status == PLEXUS_OK) return static_cast<int>(exit_code);
    std::string text =
        detail != nullptr ? std::string(text_of(detail->message)) : "status " + std::to_string(status);
    if (detail != nullptr && detail->release != nullptr) detail->release(detail);
    return make_error(kernel_error::failed, std::string(command.info->name) + ": " + text);
}

} // namespace plexus::kernel
