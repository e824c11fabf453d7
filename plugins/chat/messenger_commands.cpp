// The commands of the messenger, and the JSON that answers them.
#include "messenger.hpp"

#include "plexus/agent/link.hpp"
#include "plexus/chat/event.hpp"
#include "plexus/chat/link_data.hpp"
#include "plexus/encoding/base64.hpp"
#include "plexus/wait.hpp"

namespace plexus::chat_plugin {
namespace {

template <typename... Handlers>
struct overloaded : Handlers... {
    using Handlers::operator()...;
};
template <typename... Handlers>
overloaded(Handlers...) -> overloaded<Handlers...>;

json::object chat_stats() {
    return {{"unreadCount", 0},
            {"unreadMentions", 0},
            {"reportsCount", 0},
            {"minUnreadItemId", 0},
            {"unreadChat", false}};
}

task<result<json::object>> at_once(json::object value) { co_return value; }

} // namespace

std::int32_t messenger::run_command(std::string_view text, plexus_view_completion done) {
    if (scope_.cancelled()) return PLEXUS_E_STOPPING;
    const bool posted = host_.loop.post(0, [this, command = std::string(text), done] {
        if (scope_.cancelled()) {
            done.done(done.context, PLEXUS_E_STOPPING, nullptr, {});
            return;
        }
        scope_.spawn(answer(command, done));
    });
    return posted ? PLEXUS_OK : PLEXUS_E_STOPPING;
}

task<void> messenger::answer(std::string text, plexus_view_completion done) {
    json::object out;
    auto parsed = parse_command(text);
    if (!parsed) {
        out = api::command_error(parsed.error().message());
    } else {
        auto executed = co_await execute(std::move(*parsed));
        if (!executed && (executed.error().is(status::cancelled) || executed.error().is(status::stopping))) {
            const auto failure = lend(executed.error());
            done.done(done.context, status_of(executed.error()), &failure, {});
            co_return;
        }
        out = executed ? std::move(*executed) : api::agent_error(executed.error());
    }
    const auto answer_text = chat::ordered_json(out);
    done.done(done.context, PLEXUS_OK, nullptr, to_abi(std::string_view(answer_text)));
}

task<result<json::object>> messenger::execute(command what) {
    const bool needs_no_user = std::holds_alternative<commands::create_user>(what) ||
                               std::holds_alternative<commands::help>(what) ||
                               std::holds_alternative<commands::version>(what) ||
                               std::holds_alternative<commands::list_users>(what) ||
                               std::holds_alternative<commands::start_chat>(what) ||
                               std::holds_alternative<commands::show_network>(what) ||
                               std::holds_alternative<commands::set_network>(what) ||
                               std::holds_alternative<commands::renew_network>(what);
    if (!profile_ && !needs_no_user) return at_once(api::error_type(api::tagged("noActiveUser")));
    return std::visit(
        overloaded{
            [this](commands::show_user&) {
                auto out = response("activeUser");
                return at_once(std::move(out));
            },
            [this](commands::list_users&) {
                json::array users;
                if (profile_)
                    users.emplace_back(json::object{{"user", api::user(*profile_)}, {"unreadCount", 0}});
                return at_once({{"type", "usersList"}, {"users", std::move(users)}});
            },
            [this](commands::create_user& one) { return create_user(std::move(one.profile)); },
            [](commands::start_chat&) { return at_once(api::tagged("chatRunning")); },
            [](commands::version&) {
                return at_once(
                    {{"type", "versionInfo"},
                     {"versionInfo",
                      {{"version", PLEXUS_VERSION}, {"simplexmqVersion", ""}, {"simplexmqCommit", ""}}},
                     {"chatMigrations", json::array()},
                     {"agentMigrations", json::array()}});
            },
            [](commands::help&) {
                return at_once({{"type", "chatHelp"}, {"helpSection", "main"}});
            },
            [this](commands::create_link&) { return create_link(); },
            [this](commands::connect& one) { return connect(std::move(one.link)); },
            [this](commands::list_contacts&) {
                auto out = response("contactsList");
                json::array list;
                for (const auto& [id, one] : contacts_) list.emplace_back(contact_json(one));
                out.emplace("contacts", std::move(list));
                return at_once(std::move(out));
            },
            [this](commands::list_chats&) { return list_chats(); },
            [this](commands::send& one) { return send(std::move(one)); },
            [this](commands::tail& one) { return show_tail(std::move(one)); },
            [this](commands::get_chat& one) { return show_chat(std::move(one)); },
            [this](commands::remove_contact& one) { return remove_contact(std::move(one)); },
            [this](commands::security_code& one) { return show_code(std::move(one.of)); },
            [this](commands::show_network&) { return show_network(); },
            [this](commands::set_network& one) { return set_network(std::move(one.change)); },
            [this](commands::renew_network&) { return renew_network(); },
        },
        what);
}

json::object messenger::response(std::string_view type) const {
    json::object out{{"type", type}};
    if (profile_) out.emplace("user", api::user(*profile_));
    return out;
}
json::object messenger::contact_json(const contact& value) const { return api::contact(value, *profile_); }
json::object messenger::chat_json(const contact& value) const {
    return api::direct_chat(contact_json(value));
}

json::object messenger::item_event(std::string_view type, const contact& in, const json::object& item) const {
    auto out = response(type);
    auto shown = api::item_in_chat(chat_json(in), item);
    if (type == "chatItemUpdated") {
        out.emplace("chatItem", std::move(shown));
    } else {
        json::array items;
        items.emplace_back(std::move(shown));
        out.emplace("chatItems", std::move(items));
    }
    return out;
}

json::object messenger::unknown_chat(const commands::chat_ref& which) const {
    if (which.name.empty()) return api::store_error({{"type", "contactNotFound"}, {"contactId", which.id}});
    return api::store_error({{"type", "contactNotFoundByName"}, {"contactName", which.name}});
}

bytes messenger::own_info() const { return to_bytes(chat::encode(chat::make_info(*profile_))); }

task<result<json::object>> messenger::create_user(json::object profile) {
    const auto turn = co_await turns_.take();
    if (profile_) {
        const auto name = text_in(*profile_, "displayName");
        co_return api::error_type({{"type", "userExists"}, {"contactName", name}});
    }
    // Messages do not disappear by themselves here: contacts are not to rely on it.
    auto& preferences = profile["preferences"];
    if (!preferences.is_object()) preferences.emplace_object();
    preferences.get_object().insert({{"timedMessages", {{"allow", "no"}}}}); // unless it says something
    step change;
    change.writes.put(make_key('u'), to_bytes(chat::ordered_json(profile)));
    const auto stored = co_await commit(std::move(change));
    if (!stored) co_return stored.error();
    profile_ = std::move(profile);
    co_return response("activeUser");
}

task<result<json::object>> messenger::create_link() {
    chat::contact_link_data data;
    data.profile = *profile_;
    auto created = co_await host_.agent.create(chat::encode(data));
    if (!created) co_return std::move(created).error();
    link_under_way link{created->connection, true, created->full, created->short_, "new", now()};
    step change;
    save(change, link);
    links_[link.connection] = link;
    const auto stored = co_await commit(std::move(change));
    if (!stored) co_return stored.error();
    auto out = response("invitation");
    out.emplace("connLinkInvitation", api::created_link(link.full, link.short_));
    out.emplace("connection", api::pending_connection(link));
    co_return out;
}

task<result<json::object>> messenger::connect(std::string link) {
    const auto parsed = agent::parse_link(link);
    if (!parsed) co_return api::command_error("this is no SimpleX link: " + parsed.error().message());
    if (agent::mode_of(*parsed) != agent::connection_mode::invitation)
        co_return api::command_error(
            "this is an address; only one-time invitation links can be joined so far");
    for (const auto& [connection, own] : links_)
        if (own.initiated && (own.full == link || own.short_ == link))
            co_return api::command_error(
                "this is your own invitation link; send it to the person who shall join");
    auto joined = co_await host_.agent.join(link, own_info());
    if (!joined) co_return std::move(joined).error();
    link_under_way record{*joined, false, {}, {}, "snd-ready", now()};
    const bool full = std::holds_alternative<agent::connection_request>(*parsed);
    (full ? record.full : record.short_) = link;
    step change;
    save(change, record);
    links_[record.connection] = record;
    const auto stored = co_await commit(std::move(change));
    if (!stored) co_return stored.error();
    auto out = response("sentConfirmation");
    out.emplace("connection", api::pending_connection(record));
    co_return out;
}

task<result<json::object>> messenger::send(commands::send what) {
    auto turn = co_await turns_.take();
    auto* to = find_contact(what.to);
    if (to == nullptr) co_return unknown_chat(what.to);
    if (!to->is_ready()) {
        const auto* type = to->deleted_by_peer ? "contactNotActive" : "contactNotReady";
        co_return api::error_type({{"type", type}, {"contact", contact_json(*to)}});
    }
    struct outgoing {
        std::uint64_t item;
        bytes body;
    };
    std::vector<outgoing> bodies;
    step change;
    auto out = response("newChatItems");
    json::array shown;
    const auto chat_info = chat_json(*to);
    for (auto& content : what.contents) {
        api::new_item item;
        item.shared_id = encoding::base64url_encode(vault_.random(12));
        auto body =
            chat::encode(chat::make_new_message(item.shared_id, content), chat::max_encoded_message_length);
        if (!body) co_return api::command_error(body.error().message());
        item.id = ++last_item_;
        item.sent = true;
        item.time = item.now = now();
        item.text = chat::shown_text(content);
        item.content = api::sent_content(content);
        item.status = api::tagged("sndNew");
        item.editable = true;
        const auto stored = api::stored_item(item);
        save_new_item(change, *to, stored);
        bytes unsent = make_key('c', {to->id});
        unsent.insert(unsent.end(), body->begin(), body->end());
        change.writes.put(make_key('n', {item.id}), std::move(unsent));
        shown.emplace_back(api::item_in_chat(chat_info, stored));
        bodies.push_back({item.id, to_bytes(*body)});
    }
    out.emplace("chatItems", std::move(shown));
    const auto contact_id = to->id;
    const auto connection = to->connection;
    // Into the agent's hands when it is stored: the number of an item that is not would be given to another.
    for (auto& one : bodies)
        change.then.emplace_back([this, contact_id, connection, item = one.item, body = std::move(one.body)] {
            scope_.spawn(hand_over(contact_id, connection, item, body));
        });
    auto stored_signal = std::make_shared<event>();
    scope_.spawn(commit_and_signal(std::move(change), stored_signal));
    turn.release();
    auto waiting = stored_signal->wait();
    const auto stored = co_await waiting;
    if (!stored) co_return stored.error();
    co_return out;
}

/// The item's number is the agent's tag, so that handing it over again after a crash sends it once.
task<void> messenger::hand_over(std::uint64_t contact_id, std::uint64_t connection, std::uint64_t item,
                                bytes body) {
    const auto number = co_await host_.agent.send(connection, item, true, std::move(body));
    if (!number && number.error().is(status::cancelled)) co_return;
    if (!number && number.error().retryable()) {
        store_failed(number.error()); // the agent's; the item is handed over again when it works
        co_return;
    }
    step change;
    change.writes.erase(make_key('n', {item}));
    if (number) {
        if (*number != 0) change.writes.put(make_key('s', {connection, *number}), make_key('i', {item}));
        co_await commit_and_tell(std::move(change));
        co_return;
    }
    const auto turn = co_await turns_.take();
    const auto who = contacts_.find(contact_id);
    auto found = co_await load_item(item);
    if (who == contacts_.end() || !found || !*found) co_return;
    auto& meta = (*found)->json["meta"].get_object();
    meta["itemStatus"] = json::object{
        {"type", "sndError"}, {"agentError", {{"type", "other"}, {"sndError", number.error().message()}}}};
    save_item(change, **found);
    change.events.push_back(item_event("chatItemsStatusesUpdated", who->second, (*found)->json));
    finish(std::move(change));
}

task<result<json::object>> messenger::show_tail(commands::tail what) {
    const auto turn = co_await turns_.take();
    std::optional<std::uint64_t> of;
    if (what.from) {
        const auto* who = find_contact(*what.from);
        if (who == nullptr) co_return unknown_chat(*what.from);
        of = who->id;
    }
    auto items = co_await last_items(of, what.count, std::string());
    if (!items) co_return std::move(items).error();
    auto out = response("chatItems");
    json::array list;
    for (const auto& kept : *items) {
        const auto who = contacts_.find(kept.contact);
        if (who != contacts_.end()) list.emplace_back(api::item_in_chat(chat_json(who->second), kept.json));
    }
    out.emplace("chatItems", std::move(list));
    co_return out;
}

task<result<json::object>> messenger::show_chat(commands::get_chat what) {
    const auto turn = co_await turns_.take();
    const auto* who = find_contact(what.from);
    if (who == nullptr) co_return unknown_chat(what.from);
    auto items = co_await last_items(who->id, what.count, std::move(what.search));
    if (!items) co_return std::move(items).error();
    json::array list;
    for (const auto& kept : *items) list.emplace_back(api::shown_item(kept.json));
    auto out = response("apiChat");
    out.emplace("chat", json::object{{"chatInfo", chat_json(*who)},
                                     {"chatItems", std::move(list)},
                                     {"chatStats", chat_stats()}});
    co_return out;
}

task<result<json::object>> messenger::list_chats() {
    const auto turn = co_await turns_.take();
    std::vector<const contact*> sorted;
    for (const auto& [id, one] : contacts_) sorted.push_back(&one);
    std::ranges::sort(sorted, std::greater<>(), &contact::last_message);
    json::array list;
    for (const auto* one : sorted) {
        auto last = co_await last_items(one->id, 1, std::string());
        if (!last) co_return std::move(last).error();
        json::array items;
        for (const auto& kept : *last) items.emplace_back(api::shown_item(kept.json));
        list.emplace_back(json::object{
            {"chatInfo", chat_json(*one)}, {"chatItems", std::move(items)}, {"chatStats", chat_stats()}});
    }
    for (const auto& [connection, link] : links_)
        list.emplace_back(json::object{
            {"chatInfo",
             {{"type", "contactConnection"}, {"contactConnection", api::pending_connection(link)}}},
            {"chatItems", json::array()},
            {"chatStats", chat_stats()}});
    auto out = response("apiChats");
    out.emplace("chats", std::move(list));
    co_return out;
}

task<result<json::object>> messenger::remove_contact(commands::remove_contact what) {
    const auto turn = co_await turns_.take();
    auto* who = find_contact(what.which);
    if (who == nullptr) co_return unknown_chat(what.which);
    auto out = response("contactDeleted");
    out.emplace("contact", contact_json(*who));
    auto ids = co_await item_ids(who->id, 0);
    if (!ids) co_return std::move(ids).error();
    step change;
    for (const auto id : *ids) {
        change.writes.erase(make_key('i', {id}));
        change.writes.erase(make_key('n', {id}));
    }
    change.writes.erase_prefix(make_key('h', {who->id}));
    change.writes.erase_prefix(make_key('x', {who->id}));
    change.writes.erase_prefix(make_key('s', {who->connection}));
    change.writes.erase(make_key('c', {who->id}));
    if (who->connection_status != "deleted") leave(change, who->connection, what.notify && who->is_ready());
    contact_of_connection_.erase(who->connection);
    contacts_.erase(who->id);
    const auto stored = co_await commit(std::move(change));
    if (!stored) co_return stored.error();
    co_return out;
}

task<result<json::object>> messenger::show_code(commands::chat_ref of) {
    const auto* who = find_contact(of);
    if (who == nullptr) co_return unknown_chat(of);
    auto out = response("contactCode");
    out.emplace("contact", contact_json(*who));
    const auto connection = who->connection;
    auto code = co_await host_.agent.security_code(connection);
    if (!code) co_return std::move(code).error();
    out.emplace("connectionCode", *code);
    co_return out;
}

} // namespace plexus::chat_plugin
