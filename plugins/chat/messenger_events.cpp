// What the messenger makes of the agent's events: connections that come to stand, messages, receipts.
#include "messenger.hpp"

#include "plexus/chat/event.hpp"
#include "plexus/encoding/base64.hpp"

#include <algorithm>

namespace plexus::chat_plugin {
namespace {

constexpr micros micros_of(std::int64_t ns) { return ns / 1000; }

/// The profile of a connection information, and the versions that its sender speaks.
result<std::pair<json::object, encoding::version_range>> read_info(bytes_view body) {
    for (auto& parsed : chat::parse_messages(body)) {
        if (!parsed) return std::move(parsed).error();
        const auto* message = std::get_if<chat::message>(&*parsed);
        if (message == nullptr) continue;
        auto event = chat::read_event(*message);
        if (auto* info = std::get_if<chat::peer_info>(&event))
            return std::pair(std::move(info->profile), message->versions);
        if (auto* info = std::get_if<chat::contact_info>(&event))
            return std::pair(std::move(info->profile), message->versions);
    }
    return error("plexus.chat", 3, "a connection information without a profile");
}

json::object error_event(const agent_event& event) {
    const std::string sentence = event.text.empty() ? std::string(describe(event.status)) : event.text;
    auto out = api::agent_error(error("plexus", event.status, sentence));
    out["type"] = "chatError";
    return out;
}

json::object integrity_error(const agent_event& event) {
    switch (event.integrity) {
    case PLEXUS_INTEGRITY_BAD_HASH: return api::tagged("msgBadHash");
    case PLEXUS_INTEGRITY_BAD_ID: return {{"type", "msgBadId"}, {"msgId", event.id}};
    default: return {{"type", "msgSkipped"}, {"fromMsgId", 0}, {"toMsgId", event.id}};
    }
}

std::string integrity_text(std::uint32_t integrity) {
    switch (integrity) {
    case PLEXUS_INTEGRITY_BAD_HASH: return "incorrect hash of the previous message";
    case PLEXUS_INTEGRITY_BAD_ID: return "message out of order";
    default: return "messages were skipped";
    }
}

} // namespace

task<void> messenger::acknowledge(std::uint64_t sequence) {
    if (sequence == 0 || failed_) co_return;
    const auto outcome = co_await host_.agent.acknowledge(sequence);
    if (!outcome && !outcome.error().is(status::cancelled))
        host_.log.warning("an event could not be acknowledged", {{"reason", outcome.error().message()}});
}

/// The confirmation stays with the agent until it is answered, so that no crash leaves a joiner waiting.
task<void> messenger::allow(std::uint64_t connection, std::uint64_t confirmation, std::uint64_t sequence) {
    const auto outcome = co_await host_.agent.allow(connection, confirmation, own_info());
    if (!outcome && outcome.error().is(status::cancelled)) co_return;
    if (!outcome) {
        auto failure = api::agent_error(outcome.error());
        failure["type"] = "chatError";
        tell(failure);
    }
    co_await acknowledge(sequence);
}

task<void> messenger::handle(agent_event event) {
    const auto turn = co_await turns_.take();
    if (failed_) co_return;
    const bool seen = event.sequence != 0 && event.sequence <= last_sequence_;
    if (seen && event.kind != PLEXUS_AGENT_CONFIRMATION) {
        step known;
        acknowledge_with(known, event.sequence);
        finish(std::move(known));
        co_return;
    }
    step change;
    bool answered_later = false;
    switch (event.kind) {
    case PLEXUS_AGENT_CONFIRMATION:
        on_confirmation(event, change);
        answered_later = contact_of(event.connection) != nullptr;
        break;
    case PLEXUS_AGENT_INFO: on_info(event, change); break;
    case PLEXUS_AGENT_CONNECTED: on_connected(event, change); break;
    case PLEXUS_AGENT_FAILED: on_failed(event, change); break;
    case PLEXUS_AGENT_JOINED:
        if (const auto link = links_.find(event.connection); link != links_.end()) {
            link->second.status = "joined";
            save(change, link->second);
            auto told = response("confirmationSent");
            told.emplace("connection", api::pending_connection(link->second));
            change.events.push_back(std::move(told));
        }
        break;
    case PLEXUS_AGENT_MESSAGE: co_await on_message(event, change); break;
    case PLEXUS_AGENT_SENT:
    case PLEXUS_AGENT_SEND_FAILED:
    case PLEXUS_AGENT_RECEIPT: co_await on_status(event, change); break;
    case PLEXUS_AGENT_SERVER_UP:
    case PLEXUS_AGENT_SERVER_DOWN: {
        const bool up = event.kind == PLEXUS_AGENT_SERVER_UP;
        json::object told{{"type", up ? "hostConnected" : "hostDisconnected"},
                          {"protocol", "smp"},
                          {"transportHost", event.text}};
        if (!event.text2.empty()) told.emplace("message", event.text2);
        change.events.push_back(std::move(told));
        break;
    }
    case PLEXUS_AGENT_DELETED: {
        json::array gone;
        gone.emplace_back(api::connection_text(event.connection));
        change.events.push_back({{"type", "agentConnsDeleted"}, {"agentConnIds", std::move(gone)}});
        break;
    }
    case PLEXUS_AGENT_ERROR: change.events.push_back(error_event(event)); break;
    default: break;
    }
    if (event.sequence > last_sequence_) {
        last_sequence_ = event.sequence;
        save_counters(change);
    }
    if (answered_later)
        change.then.emplace_back(
            [this, connection = event.connection, id = event.id, sequence = event.sequence] {
                scope_.spawn(allow(connection, id, sequence));
            });
    else
        acknowledge_with(change, event.sequence);
    finish(std::move(change));
}

void messenger::acknowledge_with(step& stored, std::uint64_t sequence) {
    if (sequence != 0) stored.then.emplace_back([this, sequence] { scope_.spawn(acknowledge(sequence)); });
}

contact& messenger::add_contact(const link_under_way& link, json::object profile,
                                encoding::version_range versions) {
    contact fresh;
    fresh.id = ++last_contact_;
    fresh.connection = link.connection;
    fresh.local_name = free_name(text_in(profile, "displayName"));
    fresh.profile = std::move(profile);
    fresh.initiated = link.initiated;
    fresh.connection_status = link.initiated ? "requested" : "snd-ready";
    fresh.peer_versions = versions;
    fresh.created = fresh.updated = fresh.last_message = now();
    contact_of_connection_[fresh.connection] = fresh.id;
    return contacts_.emplace(fresh.id, std::move(fresh)).first->second;
}

void messenger::on_confirmation(const agent_event& event, step& to) {
    if (contact_of(event.connection) != nullptr) return; // it comes again: only the answer is missing
    const auto link = links_.find(event.connection);
    auto info = read_info(event.body);
    if (link == links_.end() || !info) {
        host_.log.warning("somebody joined a link without saying who; the link is deleted",
                          {{"reason", info ? "unknown link" : info.error().message()}});
        forget_link(to, event.connection);
        leave(to, event.connection);
        return;
    }
    auto& added = add_contact(link->second, std::move(info->first), info->second);
    forget_link(to, event.connection);
    save(to, added);
    save_counters(to);
    auto told = response("contactConnecting");
    told.emplace("contact", contact_json(added));
    to.events.push_back(std::move(told));
}

void messenger::on_info(const agent_event& event, step& to) {
    const auto link = links_.find(event.connection);
    if (contact_of(event.connection) != nullptr || link == links_.end()) return;
    auto info = read_info(event.body);
    if (!info) {
        to.events.push_back(error_event(event));
        forget_link(to, event.connection);
        leave(to, event.connection);
        return;
    }
    auto& added = add_contact(link->second, std::move(info->first), info->second);
    forget_link(to, event.connection);
    save(to, added);
    save_counters(to);
    auto told = response("contactConnecting");
    told.emplace("contact", contact_json(added));
    to.events.push_back(std::move(told));
}

void messenger::on_connected(const agent_event& event, step& to) {
    auto* who = contact_of(event.connection);
    if (who == nullptr) return;
    who->connection_status = "ready";
    who->updated = now();
    save(to, *who);
    auto told = response("contactConnected");
    told.emplace("contact", contact_json(*who));
    to.events.push_back(std::move(told));
}

void messenger::on_failed(const agent_event& event, step& to) {
    to.events.push_back(error_event(event));
    if (links_.contains(event.connection)) {
        forget_link(to, event.connection);
        leave(to, event.connection);
    } else if (auto* who = contact_of(event.connection); who != nullptr) {
        who->connection_status = "deleted";
        contact_of_connection_.erase(event.connection);
        leave(to, event.connection);
        save(to, *who);
    }
}

task<void> messenger::on_status(const agent_event& event, step& to) {
    const bytes key = make_key('s', {event.connection, event.id});
    auto reference = co_await vault_.get(key);
    auto* who = contact_of(event.connection);
    if (!reference || who == nullptr) co_return;
    const std::uint64_t item_id = *reference ? number_at(**reference, 0) : event.tag;
    if (item_id == 0) co_return;
    if (!*reference) { // the program ended before it had written down that the agent took it
        to.writes.erase(make_key('n', {item_id}));
        to.writes.put(key, make_key('i', {item_id}));
    }
    auto item = co_await load_item(item_id);
    if (!item || !*item) co_return;
    auto& meta = (*item)->json["meta"].get_object();
    const auto known = text_in(object_in(meta, "itemStatus"), "type");
    json::object fresh;
    if (event.kind == PLEXUS_AGENT_RECEIPT) {
        if (known == "sndRcvd") co_return;
        fresh = {{"type", "sndRcvd"}, {"msgRcptStatus", "ok"}, {"sndProgress", "complete"}};
    } else if (event.kind == PLEXUS_AGENT_SENT) {
        if (known == "sndRcvd" || known == "sndSent") co_return;
        fresh = {{"type", "sndSent"}, {"sndProgress", "complete"}};
        meta["sentViaProxy"] = false;
    } else if (event.status == PLEXUS_E_NOT_FOUND || event.status == PLEXUS_E_DENIED) {
        fresh = api::tagged("sndErrorAuth");
    } else {
        fresh = {{"type", "sndError"}, {"agentError", {{"type", "other"}, {"sndError", event.text}}}};
    }
    meta["itemStatus"] = std::move(fresh);
    meta["updatedAt"] = time_text(now());
    save_item(to, **item);
    to.events.push_back(item_event("chatItemsStatusesUpdated", *who, (*item)->json));
}

task<void> messenger::on_message(const agent_event& event, step& to) {
    auto* from = contact_of(event.connection);
    if (from == nullptr) co_return; // deleted meanwhile
    if (event.integrity != PLEXUS_INTEGRITY_OK && event.integrity != PLEXUS_INTEGRITY_DUPLICATE) {
        api::new_item item;
        item.time = micros_of(event.time_ns);
        item.text = integrity_text(event.integrity);
        item.content = {{"type", "rcvIntegrityError"}, {"msgError", integrity_error(event)}};
        add_received(*from, item, to);
    }
    const auto parsed = chat::parse_messages(event.body);
    for (const auto& one : parsed) {
        if (!one) {
            host_.log.warning("a message that cannot be read", {{"reason", one.error().message()}});
            continue;
        }
        // Pieces of small files belong to transfers that this messenger never accepts.
        if (const auto* message = std::get_if<chat::message>(&*one))
            co_await apply(*from, *message, event, to);
    }
}

task<void> messenger::apply(contact& from, const chat::message& message, const agent_event& event, step& to) {
    if (from.peer_versions != message.versions) {
        from.peer_versions = message.versions;
        save(to, from);
    }
    const auto read = chat::read_event(message);
    if (const auto* content = std::get_if<chat::new_message>(&read))
        co_await apply_new(from, message, *content, event, to);
    else if (const auto* update = std::get_if<chat::message_update>(&read))
        co_await apply_update(from, *update, event, to);
    else if (const auto* gone = std::get_if<chat::message_delete>(&read))
        co_await apply_delete(from, *gone, event, to);
    else if (const auto* reaction = std::get_if<chat::message_reaction>(&read))
        co_await apply_reaction(from, *reaction, event, to);
    else if (std::holds_alternative<chat::direct_delete>(read))
        apply_direct_delete(from, message, event, to);
    else if (const auto* info = std::get_if<chat::peer_info>(&read))
        apply_profile(from, info->profile, to);
    else if (const auto* invitation = std::get_if<chat::group_invitation>(&read))
        add_notice(from,
                   "received invitation to join group " + text_in(invitation->profile, "displayName") +
                       " as " + invitation->role,
                   api::group_invitation_content(*invitation), event, to);
    else if (std::holds_alternative<chat::call_invitation>(read))
        add_notice(from, "incoming call: missed", api::missed_call_content(), event, to);
    // A probe asks whether the same person is known under another contact. Contacts are never merged here, so
    // there is nothing to answer: for the other side we are simply two people.
}

void messenger::add_received(contact& from, const api::new_item& item, step& to) {
    api::new_item full = item;
    full.id = ++last_item_;
    full.sent = false;
    full.now = now();
    if (full.time == 0) full.time = full.now;
    if (full.status.empty()) full.status = api::tagged("rcvNew");
    const auto stored = api::stored_item(full);
    save_new_item(to, from, stored);
    to.events.push_back(item_event("newChatItems", from, stored));
}

/// What this messenger cannot answer is in the history at least.
void messenger::add_notice(contact& from, std::string text, json::object content, const agent_event& event,
                           step& to) {
    api::new_item item;
    item.time = micros_of(event.time_ns);
    item.text = std::move(text);
    item.content = std::move(content);
    add_received(from, item, to);
}

task<void> messenger::apply_new(contact& from, const chat::message& message, const chat::new_message& content,
                                const agent_event& event, step& to) {
    if (!message.message_id.empty()) {
        const auto known = co_await find_item(from, false, message.message_id);
        if (known && *known) co_return; // the same message by another way
    }
    api::new_item item;
    item.time = micros_of(event.time_ns);
    item.shared_id = message.message_id;
    item.text = chat::shown_text(content.content);
    item.content = api::received_content(content.content);
    item.ttl_seconds = content.ttl_seconds;
    item.live = content.live;
    item.file = content.file;
    if (content.quoted) {
        // "sent" is the author's view: what they sent, we received.
        json::object quoted{{"chatDir", api::tagged(content.quoted->sent ? "directRcv" : "directSnd")}};
        if (!content.quoted->message_id.empty()) {
            auto original = co_await find_item(from, !content.quoted->sent, content.quoted->message_id);
            if (original && *original)
                quoted.emplace("itemId", number_in(object_in((*original)->json, "meta"), "itemId"));
            quoted.emplace("sharedMsgId", content.quoted->message_id);
        }
        quoted.emplace("sentAt", content.quoted->sent_at);
        quoted.emplace("content", content.quoted->content);
        item.quoted = std::move(quoted);
    }
    add_received(from, item, to);
}

task<void> messenger::apply_update(contact& from, const chat::message_update& update,
                                   const agent_event& event, step& to) {
    auto found = co_await find_item(from, false, update.message_id);
    if (!found) co_return;
    if (!*found) {
        // The message that it changes is not here: it stands for it, as in official clients.
        api::new_item item;
        item.time = micros_of(event.time_ns);
        item.shared_id = update.message_id;
        item.text = chat::shown_text(update.content);
        item.content = api::received_content(update.content);
        item.ttl_seconds = update.ttl_seconds;
        item.live = update.live;
        add_received(from, item, to);
        co_return;
    }
    auto& item = (*found)->json;
    auto& meta = item["meta"].get_object();
    const bool was_live = flag_in(meta, "itemLive");
    item["content"] = api::received_content(update.content);
    meta["itemText"] = chat::shown_text(update.content);
    meta["itemEdited"] = flag_in(meta, "itemEdited") || !was_live;
    if (was_live && !update.live) meta.erase("itemLive");
    meta["updatedAt"] = time_text(now());
    save_item(to, **found);
    to.events.push_back(item_event("chatItemUpdated", from, item));
}

task<void> messenger::apply_delete(contact& from, const chat::message_delete& gone, const agent_event& event,
                                   step& to) {
    auto found = co_await find_item(from, false, gone.message_id);
    if (!found || !*found) co_return;
    const auto before = (*found)->json;
    auto& item = (*found)->json;
    auto& meta = item["meta"].get_object();
    if (meta.contains("itemDeleted")) co_return;
    meta["itemDeleted"] = json::object{
        {"type", "deleted"}, {"deletedTs", time_text(micros_of(event.time_ns))}, {"chatType", "direct"}};
    meta["updatedAt"] = time_text(now());
    save_item(to, **found);
    auto told = response("chatItemsDeleted");
    const auto chat = chat_json(from);
    json::array deletions;
    deletions.emplace_back(json::object{{"deletedChatItem", api::item_in_chat(chat, before)},
                                        {"toChatItem", api::item_in_chat(chat, item)}});
    told.emplace("chatItemDeletions", std::move(deletions));
    told.emplace("byUser", false);
    told.emplace("timed", false);
    to.events.push_back(std::move(told));
}

task<void> messenger::apply_reaction(contact& from, const chat::message_reaction& reaction,
                                     const agent_event& event, step& to) {
    // Reactions to our messages are usual, to their own possible.
    auto found = co_await find_item(from, true, reaction.message_id);
    if (found && !*found) found = co_await find_item(from, false, reaction.message_id);
    if (!found || !*found) co_return;
    auto& item = (*found)->json;
    auto& list = item["reactions"].get_array();
    constexpr std::size_t most_kinds = 32;
    auto* entry = static_cast<json::object*>(nullptr);
    for (auto& one : list)
        if (one.at("reaction") == json::value(reaction.reaction)) entry = &one.get_object();
    const bool present = entry != nullptr && flag_in(*entry, api::peer_reacted);
    if (present == reaction.add) co_return;
    if (entry == nullptr) {
        if (list.size() >= most_kinds) co_return;
        list.emplace_back(
            json::object{{"reaction", reaction.reaction}, {"userReacted", false}, {"totalReacted", 0}});
        entry = &list.back().get_object();
    }
    const auto total = number_in(*entry, "totalReacted");
    if (reaction.add) {
        (*entry)["totalReacted"] = total + 1;
        (*entry)[api::peer_reacted] = true;
    } else if (total <= 1) {
        const auto& value = reaction.reaction;
        for (auto one = list.begin(); one != list.end(); ++one)
            if (one->at("reaction") == json::value(value)) {
                list.erase(one);
                break;
            }
    } else {
        (*entry)["totalReacted"] = total - 1;
        entry->erase(api::peer_reacted);
    }
    save_item(to, **found);
    auto told = response("chatItemReaction");
    told.emplace("added", reaction.add);
    told.emplace("reaction", json::object{{"chatInfo", chat_json(from)},
                                          {"chatReaction",
                                           {{"chatDir", {{"type", "directRcv"}}},
                                            {"chatItem", api::shown_item(item)},
                                            {"sentAt", time_text(micros_of(event.time_ns))},
                                            {"reaction", reaction.reaction}}}});
    to.events.push_back(std::move(told));
}

void messenger::apply_direct_delete(contact& from, const chat::message& message, const agent_event& event,
                                    step& to) {
    if (from.deleted_by_peer) return;
    from.deleted_by_peer = true;
    from.updated = now();
    api::new_item item;
    item.time = micros_of(event.time_ns);
    item.shared_id = message.message_id;
    item.text = "contact deleted";
    item.content = {{"type", "rcvDirectEvent"}, {"rcvDirectEvent", {{"type", "contactDeleted"}}}};
    item.status = api::tagged("rcvRead");
    add_received(from, item, to);
    contact_of_connection_.erase(from.connection);
    from.connection_status = "deleted";
    save(to, from);
    leave(to, from.connection);
    auto told = response("contactDeletedByContact");
    told.emplace("contact", contact_json(from));
    to.events.push_back(std::move(told));
}

void messenger::apply_profile(contact& from, const json::object& profile, step& to) {
    if (from.profile == profile) return;
    const auto before = contact_json(from);
    const auto old_name = text_in(from.profile, "displayName");
    from.profile = profile;
    if (text_in(profile, "displayName") != old_name)
        from.local_name = free_name(text_in(profile, "displayName"));
    from.updated = now();
    save(to, from);
    auto told = response("contactUpdated");
    told.emplace("fromContact", before);
    told.emplace("toContact", contact_json(from));
    to.events.push_back(std::move(told));
}

} // namespace plexus::chat_plugin
