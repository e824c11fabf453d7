// What the messenger keeps: records in the vault, and their copies in memory. Keys: 'u' user, 'm' counters,
// 'c' contacts, 'l' links under way, 'i' items, 'h' items of a contact, 'x' items by shared id, 's' items by
// the agent's message number, 'n' items not yet in the agent's hands (contact, body), 'd' connections to be
// deleted, 'w' settings of the network.
#include "messenger.hpp"

#include "plexus/chat/event.hpp"
#include "plexus/encoding/base64.hpp"
#include "plexus/wait.hpp"

#include <boost/json/parse.hpp>

namespace plexus::chat_plugin {
namespace {

bytes to_value(const json::object& record) { return to_bytes(chat::ordered_json(record)); }

result<json::object> from_value(bytes_view value) {
    json::error_code failure;
    auto parsed = json::parse(as_text(value), failure);
    if (failure || !parsed.is_object())
        return error("plexus.chat", 1, "a stored record is damaged; restore the database from a backup");
    return std::move(parsed.get_object());
}

bytes item_ref(std::uint64_t item) { return make_key('i', {item}); }

} // namespace

messenger::messenger(const services& given)
    : host_(given), vault_(given.store, given.loop, given.random), turns_(given.loop) {}

result<void> messenger::init() { return vault_.open_table(); }

micros messenger::now() const {
    return std::chrono::duration_cast<std::chrono::microseconds>(host_.clock.wall()).count();
}

task<result<void>> messenger::load() {
    const bytes user_key = make_key('u');
    auto user = co_await vault_.get(user_key);
    if (!user) co_return std::move(user).error();
    if (*user) {
        auto record = from_value(**user);
        if (!record) co_return std::move(record).error();
        profile_ = std::move(*record);
    }
    const bytes counters_key = make_key('m');
    auto counters = co_await vault_.get(counters_key);
    if (!counters) co_return std::move(counters).error();
    if (*counters) {
        auto record = from_value(**counters);
        if (!record) co_return std::move(record).error();
        last_item_ = number_in(*record, "item");
        last_contact_ = number_in(*record, "contact");
        last_sequence_ = number_in(*record, "sequence");
    }
    const bytes stored_contacts_key = make_key('c');
    auto stored_contacts = co_await vault_.scan(stored_contacts_key, 0, false);
    if (!stored_contacts) co_return std::move(stored_contacts).error();
    for (const auto& [key, value] : *stored_contacts) {
        auto record = from_value(value);
        if (!record) co_return std::move(record).error();
        auto read = contact_from_record(*record);
        if (!read) co_return std::move(read).error();
        if (read->connection_status != "deleted") contact_of_connection_[read->connection] = read->id;
        contacts_.emplace(read->id, std::move(*read));
    }
    const bytes stored_links_key = make_key('l');
    auto stored_links = co_await vault_.scan(stored_links_key, 0, false);
    if (!stored_links) co_return std::move(stored_links).error();
    for (const auto& [key, value] : *stored_links) {
        auto record = from_value(value);
        if (!record) co_return std::move(record).error();
        auto read = link_from_record(*record);
        if (!read) co_return std::move(read).error();
        links_.emplace(read->connection, std::move(*read));
    }
    const bytes unsent_key = make_key('n');
    auto unsent = co_await vault_.scan(unsent_key, 0, false);
    if (!unsent) co_return std::move(unsent).error();
    unsent_ = std::move(*unsent);
    co_return result<void>();
}

void messenger::hand_over_unsent() {
    for (const auto& [key, value] : std::exchange(unsent_, {})) {
        const auto who = contacts_.find(number_at(value, 0));
        if (who == contacts_.end()) continue;
        const std::size_t before_body = make_key('c', {0}).size();
        scope_.spawn(hand_over(who->first, who->second.connection, number_at(key, 0),
                               to_bytes(bytes_view(value).subspan(before_body))));
    }
}

void messenger::save_counters(step& to) {
    to.writes.put(make_key('m'),
                  to_value({{"item", last_item_}, {"contact", last_contact_}, {"sequence", last_sequence_}}));
}
void messenger::save(step& to, const contact& value) {
    to.writes.put(make_key('c', {value.id}), to_value(to_record(value)));
}
void messenger::save(step& to, const link_under_way& value) {
    to.writes.put(make_key('l', {value.connection}), to_value(to_record(value)));
}
void messenger::forget_link(step& to, std::uint64_t connection) {
    links_.erase(connection);
    to.writes.erase(make_key('l', {connection}));
}

void messenger::leave(step& to, std::uint64_t connection, bool tell_peer) {
    if (connection == 0) return;
    to.writes.put(make_key('d', {connection}), bytes(1, tell_peer ? 1 : 0));
    to.leaving.emplace_back(connection, tell_peer);
}

/// The agent's outbox keeps what was sent before the deletion.
task<void> messenger::part(std::uint64_t connection, bool tell_peer) {
    if (tell_peer) {
        auto farewell = chat::make_direct_delete();
        farewell.message_id = encoding::base64url_encode(vault_.random(12));
        bytes body = to_bytes(chat::encode(farewell));
        const auto sent = co_await host_.agent.send(connection, 0, false, std::move(body));
        if (!sent && sent.error().is(status::cancelled)) co_return;
    }
    const auto removed = co_await host_.agent.remove(connection, tell_peer);
    if (!removed && !removed.error().is(status::not_found)) {
        if (!removed.error().is(status::cancelled))
            host_.log.warning("a connection could not be deleted", {{"reason", removed.error().message()}});
        co_return;
    }
    step over;
    over.writes.erase(make_key('d', {connection}));
    co_await commit_and_tell(std::move(over));
}

bytes messenger::shared_key(std::uint64_t contact, bool sent, std::string_view shared_id) const {
    const auto hash = vault_.hash(as_bytes((sent ? "s" : "r") + std::string(shared_id)));
    return make_key('x', {contact}, bytes_view(hash).first(16));
}

void messenger::save_item(step& to, const kept_item& item) {
    bytes value = make_key('c', {item.contact});
    const auto text = chat::ordered_json(item.json);
    value.insert(value.end(), text.begin(), text.end());
    to.writes.put(item_ref(number_in(object_in(item.json, "meta"), "itemId")), std::move(value));
}

void messenger::save_new_item(step& to, contact& in, const json::object& item) {
    const auto& meta = object_in(item, "meta");
    const auto id = number_in(meta, "itemId");
    const bool sent = text_in(object_in(item, "chatDir"), "type") == "directSnd";
    save_item(to, {in.id, item});
    to.writes.put(make_key('h', {in.id, id}), {});
    if (const auto shared = text_in(meta, "itemSharedMsgId"); !shared.empty())
        to.writes.put(shared_key(in.id, sent, shared), item_ref(id));
    in.last_message = now();
    save(to, in);
    save_counters(to);
}

task<result<std::optional<messenger::kept_item>>> messenger::load_item(std::uint64_t id) {
    const bytes key = item_ref(id);
    auto value = co_await vault_.get(key);
    if (!value) co_return std::move(value).error();
    if (!*value) co_return std::optional<kept_item>();
    const bytes_view stored = **value;
    constexpr std::size_t head = 9; // the contact's key
    auto record = from_value(stored.subspan(std::min(head, stored.size())));
    if (!record) co_return std::move(record).error();
    kept_item out{number_at(stored, 0), std::move(*record)};
    co_return std::optional<kept_item>(std::move(out));
}

task<result<std::optional<messenger::kept_item>>> messenger::find_item(const contact& in, bool sent,
                                                                       std::string shared_id) {
    const bytes key = shared_key(in.id, sent, shared_id);
    auto reference = co_await vault_.get(key);
    if (!reference) co_return std::move(reference).error();
    if (!*reference) co_return std::optional<kept_item>();
    co_return co_await load_item(number_at(**reference, 0));
}

task<result<std::vector<std::uint64_t>>> messenger::item_ids(std::optional<std::uint64_t> of,
                                                             std::uint64_t count) {
    // Everything committed before this is in the snapshot of the scan after it.
    if (!failed_) {
        step flush;
        save_counters(flush);
        const auto flushed = co_await commit(std::move(flush));
        if (!flushed) co_return flushed.error();
    }
    const bytes prefix = of ? make_key('h', {*of}) : make_key('i');
    auto rows = co_await vault_.scan(prefix, count, true);
    if (!rows) co_return std::move(rows).error();
    std::vector<std::uint64_t> out;
    out.reserve(rows->size());
    for (const auto& [key, value] : *rows) out.push_back(number_at(key, of ? 1 : 0));
    co_return out;
}

task<result<std::vector<messenger::kept_item>>>
messenger::last_items(std::optional<std::uint64_t> of, std::uint64_t count, std::string search) {
    const std::uint64_t limit = search.empty() ? count : 0;
    auto ids = co_await item_ids(of, limit);
    if (!ids) co_return std::move(ids).error();
    std::vector<kept_item> out;
    for (const auto id : *ids) {
        if (out.size() == count) break;
        auto item = co_await load_item(id);
        if (!item) co_return std::move(item).error();
        if (!*item) continue;
        const auto text = text_in(object_in((*item)->json, "meta"), "itemText");
        if (text.find(search) == std::string::npos) continue;
        out.push_back(std::move(**item));
    }
    std::ranges::reverse(out);
    co_return out;
}

task<result<void>> messenger::commit(step done) {
    if (failed_)
        co_return error("plexus", status_of(*failed_),
                        "nothing can be stored now, and it is tried again every few seconds: " +
                            failed_->message(),
                        true);
    auto outcome = co_await vault_.commit(std::move(done.writes));
    if (!outcome) {
        store_failed(outcome.error());
        co_return outcome;
    }
    for (const auto& event : done.events) tell(event);
    if (failed_) co_return outcome; // what was to follow is found in the store
    for (const auto& [connection, tell_peer] : done.leaving) scope_.spawn(part(connection, tell_peer));
    for (const auto& next : done.then) next();
    co_return outcome;
}

void messenger::store_failed(const error& cause) {
    if (failed_ || scope_.cancelled()) return;
    failed_ = cause;
    host_.log.error("the history cannot be stored", {{"reason", cause.message()}});
    scope_.spawn(recover());
}

/// As after a restart: what was not stored did not happen, and the agent tells again what nobody
/// acknowledged.
task<void> messenger::recover() {
    for (;;) {
        constexpr auto pause = std::chrono::seconds(5);
        const auto slept = co_await sleep_for(host_.loop, pause);
        if (!slept) co_return;
        const auto turn = co_await turns_.take();
        vault_.begin_anew();
        contacts_.clear();
        contact_of_connection_.clear();
        links_.clear();
        auto works = co_await load();
        if (works) {
            step trial;
            save_counters(trial);
            works = co_await vault_.commit(std::move(trial.writes));
        }
        if (!works) {
            if (works.error().is(status::cancelled)) co_return;
            failed_ = works.error();
            continue;
        }
        failed_.reset();
        host_.log.info("the history can be stored again");
        tell({{"type", "databaseWorks"}});
        hand_over_unsent();
        const auto begun = co_await begin();
        if (!begun) store_failed(begun.error());
        co_return;
    }
}

task<void> messenger::commit_and_tell(step done) {
    const auto outcome = co_await commit(std::move(done));
    if (!outcome) {
        auto failure = api::agent_error(outcome.error());
        failure["type"] = "chatError";
        tell(failure);
    }
}

task<void> messenger::commit_and_signal(step done, std::shared_ptr<event> signal) {
    auto outcome = co_await commit(std::move(done));
    if (outcome)
        signal->set();
    else
        signal->fail(std::move(outcome).error());
}

void messenger::finish(step done) { scope_.spawn(commit_and_tell(std::move(done))); }

void messenger::tell(const json::object& event) {
    const auto text = chat::ordered_json(event);
    for (auto one = receivers_.begin(); one != receivers_.end();) {
        const auto receiver = one++; // it may unsubscribe itself
        receiver->event(receiver->context, to_abi(std::string_view(text)));
    }
}

plexus_chat_receiver* messenger::subscribe(void (*event)(void*, plexus_view), void* context) {
    receivers_.push_back({event, context});
    return &receivers_.back();
}
void messenger::unsubscribe(plexus_chat_receiver* receiver) {
    receivers_.remove_if([receiver](const plexus_chat_receiver& one) { return &one == receiver; });
}

contact* messenger::find_contact(const commands::chat_ref& which) {
    if (which.name.empty()) {
        const auto found = contacts_.find(which.id);
        return found == contacts_.end() ? nullptr : &found->second;
    }
    for (auto& [id, one] : contacts_)
        if (one.local_name == which.name) return &one;
    return nullptr;
}

contact* messenger::contact_of(std::uint64_t connection) {
    const auto found = contact_of_connection_.find(connection);
    return found == contact_of_connection_.end() ? nullptr : &contacts_.at(found->second);
}

std::string messenger::free_name(std::string_view display_name) const {
    const auto taken = [this](std::string_view name) {
        if (profile_ && text_in(*profile_, "displayName") == name) return true;
        return std::ranges::any_of(contacts_,
                                   [name](const auto& one) { return one.second.local_name == name; });
    };
    std::string name(display_name);
    for (int suffix = 1; taken(name); ++suffix)
        name = std::string(display_name) + "_" + std::to_string(suffix);
    return name;
}

task<result<void>> messenger::start() {
    const auto sealing = host_.agent.derive_key("chat");
    if (!sealing) co_return sealing.error();
    vault_.unlock(*sealing);
    auto loaded = co_await load();
    if (loaded && host_.network != nullptr) loaded = co_await start_network();
    if (!loaded) co_return loaded;
    hand_over_unsent();
    co_return co_await begin();
}

task<result<void>> messenger::begin() {
    host_.agent.set_receiver(
        [](void* context, const plexus_agent_event* event) {
            auto* self = static_cast<messenger*>(context);
            self->scope_.spawn(self->handle(agent_event(*event)));
        },
        this);
    const bytes leaving_key = make_key('d');
    auto leaving = co_await vault_.scan(leaving_key, 0, false);
    if (!leaving) co_return std::move(leaving).error();
    for (const auto& [key, value] : *leaving)
        scope_.spawn(part(number_at(key, 0), !value.empty() && value[0] != 0));
    co_return result<void>();
}

task<result<void>> messenger::stop() {
    if (network_watch_ != nullptr)
        host_.network->unwatch(host_.network->service.self, std::exchange(network_watch_, nullptr));
    host_.agent.set_receiver(nullptr, nullptr);
    scope_.cancel();
    co_await scope_.drained();
    co_return result<void>();
}

} // namespace plexus::chat_plugin
