#include "plan.hpp"

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>
#include <system_error>

#include "abi_list.hpp"
#include "nearest.hpp"

namespace plexus::kernel {
namespace {

#ifdef NDEBUG
constexpr const char* watchdog_preset = "0s";
#else
constexpr const char* watchdog_preset = "250ms";
#endif

constexpr std::int64_t hour = 3'600'000'000'000;

const plexus_key kernel_keys[] = {
    {"plugins", PLEXUS_KEY_TEXT_LIST, PLEXUS_KEY_PATH, "", nullptr, 0, 0, "further folders with plugins"},
    {"shards", PLEXUS_KEY_INTEGER, 0, "0", nullptr, 0, 256, "event loops, each a thread; 0: one a core"},
    {"watchdog", PLEXUS_KEY_DURATION, 0, watchdog_preset, nullptr, 0, hour,
     "a callback that runs longer is reported; 0s: none"},
    {"log.level", PLEXUS_KEY_TEXT, 0, "info", "error|warning|info|debug|trace", 0, 0,
     "the least level that is logged"},
    {"log.format", PLEXUS_KEY_TEXT, 0, "text", "text|json", 0, 0, "how lines look"},
    {"log.file", PLEXUS_KEY_TEXT, PLEXUS_KEY_PATH, "", nullptr, 0, 0, "empty: standard error"},
};

bool is_instance_name(std::string_view name) {
    return !name.empty() && name.size() <= 64 &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
               std::string_view::npos;
}

std::filesystem::path folder_of(const config_source& config) {
    std::error_code failure;
    const auto whole = std::filesystem::absolute(config.file, failure);
    if (config.file.empty() || failure) return std::filesystem::current_path(failure);
    return whole.parent_path();
}

std::string shown_name(const config_source& config) {
    return config.file.empty() ? "config" : config.file.string();
}

class planner {
  public:
    planner(const config_source& config, const kernel_options& options)
        : config_(config), options_(options), problems_(shown_name(config)) {}

    result<plan> make() {
        const document_value root = parse_document(config_.text, problems_);
        if (!problems_.empty()) return failure();
        static const std::vector<std::string> sections = {"kernel", "plugin"};
        for (const document_entry& entry : root.entries) {
            if (entry.key != "kernel" && entry.key != "plugin")
                problems_.add(entry.where,
                              "unknown section " + entry.key + did_you_mean(entry.key, sections));
            else if (entry.value.kind != value_kind::table)
                problems_.add(entry.where, entry.key + " must be a table: [" + entry.key + "]");
        }
        take_settings(root.find("kernel"));
        if (const document_value* plugins = root.find("plugin");
            plugins != nullptr && plugins->kind == value_kind::table)
            for (const document_entry& entry : plugins->entries) take_instance(entry);
        for (const given_secret& secret : options_.secrets)
            if (root.find("plugin") == nullptr || root.find("plugin")->find(secret.instance) == nullptr)
                problems_.add({}, "a secret is given for plugin." + secret.instance + ", which is not there");
        if (all_loaded_) {
            check_identities();
            plan_.graph = make_graph(nodes_, problems_);
        }
        if (!problems_.empty()) return failure();
        return std::move(plan_);
    }

  private:
    error failure() const { return make_error(kind_, problems_.render()); }

    void take_settings(const document_value* section) {
        plan_.settings = std::make_unique<value_set>(kernel_keys, folder_of(config_));
        static const document_value empty;
        plan_.settings->take(section != nullptr && section->kind == value_kind::table ? *section : empty,
                             "kernel", {}, problems_);
        std::vector<std::filesystem::path> folders;
        if (const key_value* own = plan_.settings->find("plugins"))
            folders.assign(own->list.begin(), own->list.end());
        if (options_.plugin_folders.empty()) folders.push_back(default_plugin_folder());
        folders.insert(folders.end(), options_.plugin_folders.begin(), options_.plugin_folders.end());
        catalog_ = std::make_unique<plugin_catalog>(std::move(folders), options_.built_in);
    }

    void take_instance(const document_entry& entry) {
        const std::string section = "plugin." + entry.key;
        if (entry.value.kind != value_kind::table) {
            problems_.add(entry.where, section + " must be a table: [" + section + "]");
            return;
        }
        if (!is_instance_name(entry.key)) {
            problems_.add(entry.where, "'" + entry.key +
                                           "' is no name for an instance: use up to 64 of A-Z a-z 0-9 - _ .");
            return;
        }
        const document_value& table = entry.value;
        std::string library_name = entry.key;
        if (const document_value* library = table.find("library"); library != nullptr) {
            if (library->kind == value_kind::text)
                library_name = library->text;
            else
                problems_.add(library->where, section + ".library: expected a text, found " +
                                                  std::string(kind_name(library->kind)));
        }
        graph_node node{entry.key, nullptr, entry.where, {}};
        take_choices(table, section, node);

        auto library = catalog_->open(library_name);
        if (!library) {
            all_loaded_ = false;
            const std::string& message = library.error().message();
            for (std::size_t from = 0; from <= message.size();) { // a problem for each line
                const std::size_t end = std::min(message.find('\n', from), message.size());
                problems_.add(entry.where, message.substr(from, end - from));
                from = end + 1;
            }
            kind_ = kernel_error::plugin;
            return;
        }
        node.descriptor = library->descriptor;
        auto values = std::make_unique<value_set>(
            std::span(library->descriptor->keys, library->descriptor->key_count), folder_of(config_));
        for (const given_secret& secret : options_.secrets) {
            if (secret.instance != entry.key) continue;
            if (const std::string wrong = values->take_given(secret.key, secret.value); !wrong.empty())
                problems_.add(entry.where, section + ": " + wrong);
        }
        values->take(table, section, {"library", "services"}, problems_);
        plan_.instances.push_back({entry.key, std::move(library).value(), std::move(values)});
        nodes_.push_back(std::move(node));
    }

    void take_choices(const document_value& table, const std::string& section, graph_node& node) {
        const document_value* services = table.find("services");
        if (services == nullptr) return;
        if (services->kind != value_kind::table) {
            problems_.add(services->where,
                          section + ".services: expected a table such as { \"plexus.store/1\" = \"store\" }");
            return;
        }
        for (const document_entry& choice : services->entries) {
            if (choice.value.kind == value_kind::text)
                node.choices[choice.key] = {choice.value.text, choice.where};
            else
                problems_.add(choice.where, section + ".services.'" + choice.key +
                                                "': expected the name of an instance, found " +
                                                std::string(kind_name(choice.value.kind)));
        }
    }

    void check_identities() {
        std::map<std::string, const plugin_library*> seen;
        for (std::size_t i = 0; i < plan_.instances.size(); ++i) {
            const plugin_library& library = plan_.instances[i].library;
            const auto [first, is_new] = seen.try_emplace(library.descriptor->id, &library);
            if (!is_new && first->second->descriptor != library.descriptor) {
                problems_.add(nodes_[i].where, "two plugins have the id '" + first->first +
                                                   "': " + first->second->file.string() + " and " +
                                                   library.file.string() + "; keep one of them");
                kind_ = kernel_error::plugin;
            }
        }
    }

    const config_source& config_;
    const kernel_options& options_;
    problem_list problems_;
    kernel_error kind_ = kernel_error::config;
    std::unique_ptr<plugin_catalog> catalog_;
    std::vector<graph_node> nodes_;
    bool all_loaded_ = true;
    plan plan_;
};

} // namespace

result<plan> make_plan(const config_source& config, const kernel_options& options) {
    return planner(config, options).make();
}

plan part_of(plan whole, const std::vector<std::string>& names) {
    std::vector<std::size_t> kept;
    const auto keep = [&](std::size_t one) {
        if (std::find(kept.begin(), kept.end(), one) == kept.end()) kept.push_back(one);
    };
    for (std::size_t i = 0; i < whole.instances.size(); ++i)
        if (std::find(names.begin(), names.end(), whole.instances[i].name) != names.end()) keep(i);
    for (std::size_t next = 0; next < kept.size(); ++next)
        for (const graph_edge& edge : whole.graph.edges[kept[next]])
            if (edge.required) keep(edge.provider);

    plan out;
    out.settings = std::move(whole.settings);
    std::vector<std::optional<std::size_t>> place(whole.instances.size());
    for (std::size_t i = 0; i < kept.size(); ++i) {
        place[kept[i]] = i;
        out.instances.push_back(std::move(whole.instances[kept[i]]));
    }
    for (const std::size_t one : kept) {
        auto& edges = out.graph.edges.emplace_back();
        for (graph_edge& edge : whole.graph.edges[one]) {
            if (!place[edge.provider]) continue;
            edge.provider = *place[edge.provider];
            edges.push_back(std::move(edge));
        }
    }
    for (const std::size_t one : whole.graph.order)
        if (place[one]) out.graph.order.push_back(*place[one]);
    return out;
}

result<std::string> explain(const config_source& config, const kernel_options& options) {
    PLEXUS_TRY(const plan planned, make_plan(config, options));
    std::string out;
    for (const std::size_t i : planned.graph.order) {
        const planned_instance& one = planned.instances[i];
        out += one.name;
        if (one.library.name != one.name) out += " (" + one.library.name + ")";
        out += "\n";
        const auto of = [&](const graph_edge& edge) {
            return edge.service + " of " + planned.instances[edge.provider].name;
        };
        for (const graph_edge& edge : planned.graph.edges[i])
            out += "  " + std::string(edge.required ? "requires " : "uses ") + of(edge) +
                   (edge.chosen ? ", chosen under services" : ", the only provider") + "\n";
        for (const char* id : abi_list(one.library.descriptor->uses)) {
            const auto& edges = planned.graph.edges[i];
            const bool wired =
                std::any_of(edges.begin(), edges.end(), [&](const graph_edge& e) { return e.service == id; });
            if (!wired && !is_host_service(id))
                out += "  can use " + std::string(id) + ", which nobody provides\n";
        }
        for (const char* id : abi_list(one.library.descriptor->provides))
            out += "  provides " + std::string(id) + "\n";
        for (const char* name : abi_list(one.library.descriptor->capabilities))
            out += "  may " + std::string(name) + "\n";
    }
    return out;
}

result<config_source> config_source::read(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    std::error_code failure;
    if (std::filesystem::is_directory(file, failure) || !in || !(text << in.rdbuf()))
        if (!std::filesystem::is_regular_file(file, failure) ||
            std::filesystem::file_size(file, failure) != 0)
            return make_error(kernel_error::io,
                              "cannot read the configuration " + file.string() + ": " +
                                  (failure ? failure.message() : std::string("not a readable file")));
    return config_source{text.str(), file};
}

} // namespace plexus::kernel
