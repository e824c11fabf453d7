#include "graph.hpp"

#include <algorithm>
#include <optional>

#include "abi_list.hpp"
#include "nearest.hpp"

namespace plexus::kernel {
namespace {

using node_list = std::vector<graph_node>;

std::string quoted(const std::string& text) { return "'" + text + "'"; }

std::optional<std::size_t> find_node(const node_list& nodes, const std::string& name) {
    for (std::size_t i = 0; i < nodes.size(); ++i)
        if (nodes[i].name == name) return i;
    return std::nullopt;
}

class builder {
  public:
    builder(const node_list& nodes, problem_list& problems) : nodes_(nodes), problems_(problems) {}

    service_graph build() {
        graph_.edges.resize(nodes_.size());
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            check_choices(i);
            for (const char* id : abi_list(nodes_[i].descriptor->requires_)) wire(i, id, true);
            for (const char* id : abi_list(nodes_[i].descriptor->uses))
                if (!abi_contains(nodes_[i].descriptor->requires_, id)) wire(i, id, false);
        }
        sort();
        return std::move(graph_);
    }

  private:
    void check_choices(std::size_t user) {
        const graph_node& node = nodes_[user];
        std::vector<std::string> taken;
        for (const char* id : abi_list(node.descriptor->requires_)) taken.emplace_back(id);
        for (const char* id : abi_list(node.descriptor->uses)) taken.emplace_back(id);
        for (const auto& [id, choice] : node.choices)
            if (std::find(taken.begin(), taken.end(), id) == taken.end())
                problems_.add(choice.where, "plugin." + node.name +
                                                ".services: this plugin takes no service " + quoted(id) +
                                                did_you_mean(id, taken));
    }

    void wire(std::size_t user, const std::string& id, bool required) {
        const graph_node& node = nodes_[user];
        if (is_host_service(id)) return;
        if (const auto choice = node.choices.find(id); choice != node.choices.end()) {
            wire_chosen(user, id, choice->second, required);
            return;
        }
        std::vector<std::size_t> providers;
        for (std::size_t i = 0; i < nodes_.size(); ++i)
            if (i != user && abi_contains(nodes_[i].descriptor->provides, id)) providers.push_back(i);
        if (providers.size() == 1) {
            graph_.edges[user].push_back({id, providers.front(), required, false});
        } else if (!providers.empty()) {
            std::string names;
            for (const std::size_t i : providers)
                names += (names.empty() ? "" : ", ") + quoted(nodes_[i].name);
            problems_.add(node.where, "plugin." + node.name + ": " + std::to_string(providers.size()) +
                                          " instances provide " + id + " (" + names +
                                          "): choose one with services = { \"" + id + "\" = \"" +
                                          nodes_[providers.front()].name + "\" }");
        } else if (required) {
            problems_.add(node.where,
                          "plugin." + node.name + " requires " + id +
                              ", and no other configured plugin provides it: add a [plugin.NAME] section "
                              "for one that does (see plexusd plugin list)");
        }
    }

    void wire_chosen(std::size_t user, const std::string& id, const wiring_choice& choice, bool required) {
        const std::string place = "plugin." + nodes_[user].name + ".services." + quoted(id) + ": ";
        const auto provider = find_node(nodes_, choice.instance);
        if (!provider) {
            std::vector<std::string> names;
            for (const graph_node& node : nodes_) names.push_back(node.name);
            problems_.add(choice.where, place + "there is no [plugin." + choice.instance + "]" +
                                            did_you_mean(choice.instance, names));
        } else if (*provider == user) {
            problems_.add(choice.where, place + "an instance cannot be wired to itself");
        } else if (!abi_contains(nodes_[*provider].descriptor->provides, id)) {
            problems_.add(choice.where, place + quoted(choice.instance) + " does not provide " + id);
        } else {
            graph_.edges[user].push_back({id, *provider, required, true});
        }
    }

    bool ready(std::size_t user, const std::vector<bool>& placed, bool required_only) const {
        return std::all_of(graph_.edges[user].begin(), graph_.edges[user].end(), [&](const graph_edge& edge) {
            return placed[edge.provider] || (required_only && !edge.required);
        });
    }

    void sort() {
        std::vector<bool> placed(nodes_.size());
        while (graph_.order.size() < nodes_.size()) {
            std::optional<std::size_t> next;
            for (const bool required_only : {false, true}) {
                for (std::size_t i = 0; i < nodes_.size() && !next; ++i)
                    if (!placed[i] && ready(i, placed, required_only)) next = i;
            }
            if (!next) {
                report_cycle(placed);
                return;
            }
            placed[*next] = true;
            graph_.order.push_back(*next);
        }
    }

    /// Each node left over requires one that is left over too: following these ends in the cycle.
    void report_cycle(const std::vector<bool>& placed) {
        std::vector<std::size_t> path;
        std::size_t at =
            static_cast<std::size_t>(std::find(placed.begin(), placed.end(), false) - placed.begin());
        while (std::find(path.begin(), path.end(), at) == path.end()) {
            path.push_back(at);
            at = waits_for(at, placed).provider;
        }
        path.erase(path.begin(), std::find(path.begin(), path.end(), at));
        std::string text = "the plugins require each other in a cycle: " + nodes_[path.front()].name;
        for (const std::size_t step : path) {
            const graph_edge& edge = waits_for(step, placed);
            text += " requires " + edge.service + " of " + nodes_[edge.provider].name;
            if (edge.provider != path.front()) text += ", which";
        }
        problems_.add(nodes_[path.front()].where, text);
    }

    const graph_edge& waits_for(std::size_t user, const std::vector<bool>& placed) const {
        return *std::find_if(graph_.edges[user].begin(), graph_.edges[user].end(),
                             [&](const graph_edge& edge) { return edge.required && !placed[edge.provider]; });
    }

    const node_list& nodes_;
    problem_list& problems_;
    service_graph graph_;
};

} // namespace

service_graph make_graph(const std::vector<graph_node>& nodes, problem_list& problems) {
    return builder(nodes, problems).build();
}

} // namespace plexus::kernel
