// The network's settings: kept in the database, given back at the next start before anything is dialed, shown
// and changed by /network; and what the proxy says of its progress.
#include "messenger.hpp"

#include "network_command.hpp"

#include "plexus/chat/event.hpp"

#include <boost/json/parse.hpp>

namespace plexus::chat_plugin {

namespace {

result<void> change(const plexus_network& network, const json::object& wanted, std::uint32_t flags) {
    const auto text = chat::ordered_json(wanted);
    plexus_error* failure = nullptr;
    const auto code = network.change(network.service.self, to_abi(std::string_view(text)), flags, &failure);
    if (code != PLEXUS_OK) return take_error(code, failure);
    return {};
}

json::object no_network() {
    return api::command_error("this program has no network plugin, whose settings these would be: add "
                              "[plugin.network]");
}

} // namespace

task<result<void>> messenger::start_network() {
    const bytes key = make_key('w');
    auto stored = co_await vault_.get(key);
    if (!stored) co_return std::move(stored).error();
    if (*stored) {
        json::error_code failure;
        auto parsed = json::parse(as_text(**stored), failure);
        if (failure || !parsed.is_object())
            co_return error(
                "plexus.chat", 1,
                "the stored settings of the network are damaged; restore the database from a backup");
        saved_network_ = std::move(parsed.get_object());
    }
    // With settings that cannot be had, servers might be reached by a road that was not meant: better not at
    // all.
    auto taken = change(*host_.network, saved_network_, PLEXUS_NETWORK_SAVED);
    if (!taken)
        co_return error("plexus", status_of(taken.error()),
                        "the saved settings of the network do not work: " + taken.error().message());
    const auto changed = [](void* self, std::uint32_t what) {
        static_cast<messenger*>(self)->network_changed(what);
    };
    const auto code = host_.network->watch(host_.network->service.self, changed, this, &network_watch_);
    if (code != PLEXUS_OK) co_return from_abi(code, nullptr);
    co_return result<void>();
}

void messenger::network_changed(std::uint32_t what) {
    if (what != PLEXUS_NETWORK_PROXY_CHANGED) return;
    const auto status = read_network(*host_.network, PLEXUS_NETWORK_STATUS);
    const auto* proxy = status.if_contains("proxy");
    if (proxy == nullptr || !proxy->is_object() || proxy->get_object() == told_proxy_) return;
    told_proxy_ = proxy->get_object();
    tell({{"type", "networkProxy"}, {"proxy", told_proxy_}});
}

task<result<json::object>> messenger::show_network() {
    if (host_.network == nullptr) co_return no_network();
    co_return network_answer(*host_.network);
}

task<result<json::object>> messenger::set_network(json::object wanted) {
    const auto turn = co_await turns_.take();
    if (host_.network == nullptr) co_return no_network();
    const auto changed = change(*host_.network, wanted, 0);
    if (!changed) co_return api::command_error(changed.error().message());
    auto kept = read_network(*host_.network, PLEXUS_NETWORK_SETTINGS);
    // A proxy that was set stays set while another road, such as our own Tor, takes its place.
    const auto* before = saved_network_.if_contains("socksProxy");
    if (!kept.contains("socksProxy") && !wanted.contains("socksProxy") && before != nullptr)
        kept["socksProxy"] = *before;
    saved_network_ = std::move(kept);
    step store;
    store.writes.put(make_key('w'), to_bytes(chat::ordered_json(saved_network_)));
    const auto stored = co_await commit(std::move(store));
    if (!stored) co_return stored.error();
    co_return network_answer(*host_.network);
}

task<result<json::object>> messenger::renew_network() {
    if (host_.network == nullptr) co_return no_network();
    plexus_error* failure = nullptr;
    const auto code = host_.network->renew(host_.network->service.self, &failure);
    if (code != PLEXUS_OK) {
        const auto why = take_error(code, failure);
        co_return api::command_error(why.message());
    }
    co_return network_answer(*host_.network);
}

} // namespace plexus::chat_plugin
