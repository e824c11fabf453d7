// chat: plexus.chat/0, the messenger behind every user interface, over an agent and a store.
#include "messenger.hpp"

#include "plexus/plugin.hpp"

namespace plexus::chat_plugin {
namespace {

class chat_plugin final : public plugin_base {
  public:
    explicit chat_plugin(host_ref host) : plugin_base(host) {
        table_.service.size = sizeof table_;
        table_.service.self = this;
        table_.command = [](void* self, plexus_view text, plexus_view_completion done) noexcept {
            return guard(nullptr, [&]() -> result<void> {
                const auto code = messenger_of(self).run_command(text_of(text), done);
                if (code != PLEXUS_OK) return from_abi(code, nullptr);
                return {};
            });
        };
        table_.subscribe = [](void* self, void (*event)(void*, plexus_view), void* context,
                              plexus_chat_receiver** receiver) noexcept {
            return guard(nullptr, [&]() -> result<void> {
                *receiver = messenger_of(self).subscribe(event, context);
                return {};
            });
        };
        table_.unsubscribe = [](void* self, plexus_chat_receiver* receiver) noexcept {
            messenger_of(self).unsubscribe(receiver);
        };
    }

    result<void> init() override {
        PLEXUS_TRY(const auto* loop, host().require<plexus_loop>(PLEXUS_LOOP_ID));
        PLEXUS_TRY(const auto* store, host().require<plexus_store>(PLEXUS_STORE_ID));
        PLEXUS_TRY(const auto* agent, host().require<plexus_agent>(PLEXUS_AGENT_ID));
        PLEXUS_TRY(const auto* clock, host().require<plexus_clock>(PLEXUS_CLOCK_ID));
        PLEXUS_TRY(const auto* random, host().require<plexus_random>(PLEXUS_RANDOM_ID));
        const auto* network = host().service<plexus_network>(PLEXUS_NETWORK_ID);
        const messenger::services given{loop_ref(loop),    store_ref(store), agent_ref(agent), network,
                                        clock_view(clock), random,           host().log()};
        messenger_.emplace(given);
        return messenger_->init();
    }
    task<result<void>> start() override { return messenger_->start(); }
    task<result<void>> stop() override { return messenger_->stop(); }

    const plexus_service* service(std::string_view id) noexcept override {
        return id == PLEXUS_CHAT_ID ? &table_.service : nullptr;
    }

  private:
    static messenger& messenger_of(void* self) { return *static_cast<chat_plugin*>(self)->messenger_; }

    plexus_chat table_{};
    std::optional<messenger> messenger_;
};

constexpr const char* provides[] = {PLEXUS_CHAT_ID, nullptr};
constexpr const char* requires_list[] = {PLEXUS_AGENT_ID, PLEXUS_STORE_ID, nullptr};
constexpr const char* uses[] = {PLEXUS_NETWORK_ID, nullptr};
constexpr const char* capabilities[] = {PLEXUS_CAP_NET_OUTBOUND, PLEXUS_CAP_KEYS, nullptr};
constexpr plugin_info info{
    .id = "chat",
    .version = PLEXUS_VERSION,
    .summary = "The messenger: contacts, messages, history; commands in, events out",
    .capabilities = capabilities,
    .provides = provides,
    .requires_ = requires_list,
    .uses = uses,
};

} // namespace
} // namespace plexus::chat_plugin

PLEXUS_PLUGIN(plexus::chat_plugin::chat_plugin, plexus::chat_plugin::info)
