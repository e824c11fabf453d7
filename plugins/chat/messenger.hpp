// The messenger: one user, contacts, their messages. It turns the agent's events into stored history and JSON
// events, and commands into messages. Everything runs on shard 0; what changes stored state does so in turns.
#pragma once

#include "agent_ref.hpp"
#include "api_json.hpp"
#include "command.hpp"
#include "turns.hpp"
#include "vault.hpp"

#include "plexus/abi/draft/chat.h"
#include "plexus/abi/draft/network.h"
#include "plexus/host.hpp"
#include "plexus/wait.hpp"

#include <functional>
#include <list>

namespace plexus::chat_plugin {

class messenger {
  public:
    struct services {
        loop_ref loop;
        store_ref store;
        agent_ref agent;
        const plexus_network* network; ///< may be missing
        clock_view clock;
        const plexus_random* random;
        logger log;
    };
    explicit messenger(const services& given);
    messenger(const messenger&) = delete;
    messenger& operator=(const messenger&) = delete;

    result<void> init(); ///< [loader]
    task<result<void>> start();
    task<result<void>> stop();

    /// The two below are the chat's service (plexus/abi/draft/chat.h).
    std::int32_t run_command(std::string_view text, plexus_view_completion done);
    plexus_chat_receiver* subscribe(void (*event)(void*, plexus_view), void* context);
    void unsubscribe(plexus_chat_receiver* receiver);

  private:
    /// What one step changes and tells: committed together, shown when it is safe.
    struct step {
        vault::batch writes;
        std::vector<json::object> events;
        std::vector<std::pair<std::uint64_t, bool>>
            leaving;                             ///< connections to delete; true: telling the peer first
        std::vector<std::function<void()>> then; ///< once it is stored, and unless the store has failed since
    };

    struct kept_item {
        std::uint64_t contact = 0;
        json::object json;
    };

    // Stored state (messenger_state.cpp).
    task<result<void>> load();
    /// Items that the agent has not taken yet, as load found them.
    void hand_over_unsent();
    void save_counters(step& to);
    void save(step& to, const contact& value);
    void save(step& to, const link_under_way& value);
    void save_item(step& to, const kept_item& item);
    void save_new_item(step& to, contact& in, const json::object& item);
    void forget_link(step& to, std::uint64_t connection);
    /// Deletes a connection once the step is stored, also if the program ends in between.
    void leave(step& to, std::uint64_t connection, bool tell_peer = false);
    task<void> part(std::uint64_t connection, bool tell_peer);
    task<result<std::optional<kept_item>>> load_item(std::uint64_t id);
    /// The item of a contact with this shared id, sent by us or by the contact.
    task<result<std::optional<kept_item>>> find_item(const contact& in, bool sent, std::string shared_id);
    /// The newest first; of all contacts if `of` is empty; all if `count` is 0.
    task<result<std::vector<std::uint64_t>>> item_ids(std::optional<std::uint64_t> of, std::uint64_t count);
    /// The last `count`, the oldest first.
    task<result<std::vector<kept_item>>> last_items(std::optional<std::uint64_t> of, std::uint64_t count,
                                                    std::string search);
    bytes shared_key(std::uint64_t contact, bool sent, std::string_view shared_id) const;
    /// Issues the commit at once; what follows from the step comes when it is complete.
    void finish(step done);
    task<void> commit_and_tell(step done);
    task<void> commit_and_signal(step done, std::shared_ptr<event> signal);
    task<result<void>> commit(step done);
    /// Nothing more is stored or acknowledged until the store works again, and what is in memory is what it
    /// holds.
    void store_failed(const error& cause);
    task<void> recover();
    /// Hears the agent, and goes on with deletions that a crash cut.
    task<result<void>> begin();
    void tell(const json::object& event);

    contact* find_contact(const commands::chat_ref& which);
    contact* contact_of(std::uint64_t connection);
    std::string free_name(std::string_view display_name) const;
    micros now() const;

    // Events of the agent (messenger_events.cpp).
    task<void> handle(agent_event event);
    task<void> acknowledge(std::uint64_t sequence);
    void acknowledge_with(step& stored, std::uint64_t sequence);
    task<void> allow(std::uint64_t connection, std::uint64_t confirmation, std::uint64_t sequence);
    void on_confirmation(const agent_event& event, step& to);
    void on_info(const agent_event& event, step& to);
    void on_connected(const agent_event& event, step& to);
    void on_failed(const agent_event& event, step& to);
    task<void> on_message(const agent_event& event, step& to);
    task<void> on_status(const agent_event& event, step& to);
    contact& add_contact(const link_under_way& link, json::object profile, encoding::version_range versions);
    task<void> apply(contact& from, const chat::message& message, const agent_event& event, step& to);
    task<void> apply_new(contact& from, const chat::message& message, const chat::new_message& content,
                         const agent_event& event, step& to);
    task<void> apply_update(contact& from, const chat::message_update& update, const agent_event& event,
                            step& to);
    task<void> apply_delete(contact& from, const chat::message_delete& gone, const agent_event& event,
                            step& to);
    task<void> apply_reaction(contact& from, const chat::message_reaction& reaction, const agent_event& event,
                              step& to);
    void apply_direct_delete(contact& from, const chat::message& message, const agent_event& event, step& to);
    void apply_profile(contact& from, const json::object& profile, step& to);
    void add_notice(contact& from, std::string text, json::object content, const agent_event& event,
                    step& to);
    void add_received(contact& from, const api::new_item& item, step& to);

    // The network (messenger_network.cpp).
    task<result<void>> start_network();
    void network_changed(std::uint32_t what);
    task<result<json::object>> show_network();
    task<result<json::object>> set_network(json::object change);
    task<result<json::object>> renew_network();

    // Commands (messenger_commands.cpp).
    task<void> answer(std::string text, plexus_view_completion done);
    task<result<json::object>> execute(command what);
    task<result<json::object>> create_user(json::object profile);
    task<result<json::object>> create_link();
    task<result<json::object>> connect(std::string link);
    task<result<json::object>> send(commands::send what);
    task<result<json::object>> show_tail(commands::tail what);
    task<result<json::object>> show_chat(commands::get_chat what);
    task<result<json::object>> list_chats();
    task<result<json::object>> remove_contact(commands::remove_contact what);
    task<result<json::object>> show_code(commands::chat_ref of);
    task<void> hand_over(std::uint64_t contact_id, std::uint64_t connection, std::uint64_t item, bytes body);
    json::object response(std::string_view type) const;
    json::object contact_json(const contact& value) const;
    json::object chat_json(const contact& value) const;
    json::object unknown_chat(const commands::chat_ref& which) const;
    json::object item_event(std::string_view type, const contact& in, const json::object& item) const;
    bytes own_info() const;

    services host_;
    vault vault_;
    turns turns_;
    task_scope scope_;
    std::list<plexus_chat_receiver> receivers_;

    std::optional<json::object> profile_; ///< none: no user yet
    std::map<std::uint64_t, contact> contacts_;
    std::map<std::uint64_t, std::uint64_t> contact_of_connection_;
    std::map<std::uint64_t, link_under_way> links_;
    json::object saved_network_; ///< settings that were made here, for the next start
    json::object told_proxy_;    ///< what was told of the proxy last
    plexus_network_watch* network_watch_ = nullptr;
    vault::rows unsent_;
    std::uint64_t last_item_ = 0;
    std::uint64_t last_contact_ = 1; ///< 1 is the user
    std::uint64_t last_sequence_ = 0;
    std::optional<error> failed_; ///< of the store, until it works again
};

} // namespace plexus::chat_plugin

struct plexus_chat_receiver {
    void (*event)(void* context, plexus_view json);
    void* context;
};
