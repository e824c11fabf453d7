#include "engine.hpp"

#include "plexus/encoding/base64.hpp"
#include "plexus/smp/authorization.hpp"

namespace plexus::smp_server {

using smp::command_error;
using smp::error_code;
namespace cmd = smp::cmd;
namespace msg = smp::msg;

owned_request::owned_request(const request& from)
    : from_(*from.from), session_key_(from.session_key),
      data_(to_bytes(from.authorized.empty() ? from.body : from.authorized)),
      authorization_(to_bytes(from.authorization)), body_size_(from.body.size()),
      authorized_(!from.authorized.empty()),
      content_(smp::parse_command(bytes_view(data_).last(body_size_), from_.version).value()) {}

request owned_request::view() const {
    request out;
    out.from = &from_;
    out.session_key = session_key_;
    if (authorized_) out.authorized = data_;
    out.authorization = authorization_;
    out.body = bytes_view(data_).last(body_size_);
    out.content = &content_;
    return out;
}

queue_engine::queue_engine(std::uint32_t shard, std::uint32_t shards, const settings& own, store_ref store,
                           tables opened, engine_outputs& outputs, crypto::random_source& random,
                           std::uint64_t first_number)
    : shard_(shard), shards_(shards), settings_(own), store_(store), tables_(opened), outputs_(outputs),
      random_(random), next_number_(first_number) {}

// ---- answers

void queue_engine::fail(const reply_to& to, error_code code) {
    answer(to, msg::err{smp::make_server_error(code)});
}
void queue_engine::fail(const reply_to& to, command_error code) {
    answer(to, msg::err{smp::make_server_error(code)});
}
void queue_engine::store_failed(const reply_to& to, const error& why) {
    auto out = smp::make_server_error(error_code::store);
    out.text = why.message();
    answer(to, msg::err{std::move(out)});
}

// ---- store

void queue_engine::finished() {
    if (--pending_ == 0 && idle_) std::exchange(idle_, {})();
}

void queue_engine::commit(write_batch batch, std::function<void(result<void>)> done) {
    ++pending_;
    auto kept = std::make_shared<std::function<void(result<void>)>>(std::move(done));
    auto started = store_.commit(std::move(batch), [this, kept](result<void> outcome) {
        (*kept)(std::move(outcome));
        finished();
    });
    if (started) return;
    (*kept)(std::move(started));
    finished();
}

void queue_engine::read(plexus_table* table, bytes key,
                        std::function<void(result<std::optional<bytes>>)> done) {
    auto at_once = store_.try_get(table, key);
    if (at_once || !at_once.error().is(status::would_block)) {
        done(std::move(at_once));
        return;
    }
    struct job {
        queue_engine* self;
        std::function<void(result<std::optional<bytes>>)> done;
    };
    auto waiting = std::make_unique<job>(job{this, std::move(done)});
    const plexus_view_completion completion{
        [](void* context, std::int32_t code, const plexus_error* failure, plexus_view value) {
            const std::unique_ptr<job> mine(static_cast<job*>(context));
            if (code == PLEXUS_OK)
                mine->done(std::optional<bytes>(to_bytes(from_abi(value))));
            else if (code == PLEXUS_E_NOT_FOUND)
                mine->done(std::optional<bytes>());
            else
                mine->done(from_abi(code, failure));
            mine->self->finished();
        },
        waiting.get()};
    ++pending_;
    const auto code =
        store_.raw()->get(store_.raw()->service.self, table, to_abi(bytes_view(key)), completion);
    if (code == PLEXUS_OK) {
        static_cast<void>(waiting.release());
        return;
    }
    waiting->done(from_abi(code, nullptr));
    finished();
}

// ---- cache

result<queue_engine::queue_ptr> queue_engine::make_queue(const identifier& id,
                                                         const std::optional<bytes>& record,
                                                         const std::optional<bytes>& waiting) {
    if (!record) return queue_ptr();
    auto decoded = decode_queue(id, *record);
    auto list = waiting ? decode_waiting(*waiting) : waiting_list();
    if (!decoded || !list) return make_error(status::corrupt, "the record of a queue is damaged");
    auto out = std::make_shared<queue>();
    out->record = std::move(*decoded);
    out->body_key = crypto::box_key(out->record.dh_secret);
    out->waiting = std::move(*list);
    out->committed = out->waiting.entries.size();
    return out;
}

void queue_engine::remember(const queue_ptr& found) {
    const auto& id = found->record.recipient_id;
    ages_.push_front(id);
    found->age = ages_.begin();
    cache_[id] = found;
    trim_cache();
}

void queue_engine::trim_cache() {
    auto last = ages_.end();
    while (cache_.size() > settings_.cached_queues && last != ages_.begin()) {
        --last;
        const auto entry = cache_.find(*last);
        if (entry->second->pins > 0) continue;
        cache_.erase(entry);
        last = ages_.erase(last);
    }
}

std::optional<result<queue_engine::queue_ptr>> queue_engine::find(const identifier& id) {
    const auto known = cache_.find(id);
    if (known != cache_.end()) {
        const auto& found = known->second;
        ages_.splice(ages_.begin(), ages_, found->age);
        return found->deleted ? queue_ptr() : found;
    }
    if (loading_.count(id) > 0) return std::nullopt;
    const auto record = store_.try_get(tables_.queues, id);
    if (!record) return std::nullopt;
    if (!*record) return queue_ptr();
    const auto waiting = store_.try_get(tables_.waiting, id);
    if (!waiting) return std::nullopt;
    auto made = make_queue(id, *record, *waiting);
    if (made) remember(*made);
    return made;
}

void queue_engine::load(const identifier& id, then next) {
    auto& waiting = loading_[id];
    waiting.push_back(std::move(next));
    if (waiting.size() > 1) return;
    read(tables_.queues, to_bytes(bytes_view(id)), [this, id](result<std::optional<bytes>> record) {
        read(tables_.waiting, to_bytes(bytes_view(id)),
             [this, id, record = std::move(record)](const result<std::optional<bytes>>& list) {
                 loaded(id, record, list);
             });
    });
}

void queue_engine::loaded(const identifier& id, const result<std::optional<bytes>>& record,
                          const result<std::optional<bytes>>& waiting) {
    auto queued = loading_.extract(id);
    auto made = !record    ? result<queue_ptr>(record.error())
                : !waiting ? result<queue_ptr>(waiting.error())
                           : make_queue(id, *record, *waiting);
    if (made && *made) remember(*made);
    for (const auto& next : queued.mapped()) {
        if (made && *made && (*made)->deleted) made = queue_ptr();
        next(made);
    }
}

void queue_engine::broken(const queue_ptr& found) {
    // The store did not take what memory holds: the next command reads it anew.
    if (found->deleted) return;
    found->deleted = true;
    const auto known = cache_.find(found->record.recipient_id);
    if (known == cache_.end() || known->second != found) return;
    ages_.erase(found->age);
    cache_.erase(known);
}

// ---- uses of queues by connections

queue_engine::use* queue_engine::subscriber(const identifier& id) {
    const auto found = subscribers_.find(id);
    return found == subscribers_.end() ? nullptr : &found->second;
}

reply_to queue_engine::event_to(const use& of, const identifier& id) {
    reply_to out;
    out.connection = of.connection;
    out.version = of.version;
    out.event = true;
    out.entity = short_id(id);
    return out;
}

queue_engine::use* queue_engine::getter(const connection_id& connection, const identifier& id) {
    const auto found = getters_.find(id);
    if (found == getters_.end()) return nullptr;
    for (auto& each : found->second)
        if (each.connection == connection) return &each;
    return nullptr;
}

bool queue_engine::may_subscribe(const connection_id& connection) const {
    const auto found = uses_.find(connection);
    return found == uses_.end() || found->second.size() < settings_.most_subscriptions;
}

void queue_engine::subscribe(const reply_to& to, const identifier& id) {
    auto& entry = subscribers_[id];
    if (entry.connection.number != 0 && entry.connection != to.connection) {
        const auto previous = event_to(entry, id);
        end_use(entry.connection, id);
        answer(previous, msg::end{});
    }
    entry = use{to.connection, to.version, std::nullopt};
    uses_[to.connection].insert(id);
}

void queue_engine::end_use(const connection_id& connection, const identifier& id) {
    const auto found = uses_.find(connection);
    if (found == uses_.end()) return;
    found->second.erase(id);
    if (found->second.empty()) uses_.erase(found);
}

void queue_engine::disconnected(const connection_id& connection) {
    auto used = uses_.extract(connection);
    if (!used) return;
    for (const auto& id : used.mapped()) {
        const auto sub = subscribers_.find(id);
        if (sub != subscribers_.end() && sub->second.connection == connection) subscribers_.erase(sub);
        const auto got = getters_.find(id);
        if (got == getters_.end()) continue;
        auto& list = got->second;
        list.erase(std::remove_if(list.begin(), list.end(),
                                  [&](const use& each) { return each.connection == connection; }),
                   list.end());
        if (list.empty()) getters_.erase(got);
    }
}

// ---- requests

void queue_engine::submit(const request& in) {
    const auto& command = *in.content;
    if (std::holds_alternative<cmd::create>(command))
        create(in);
    else if (std::holds_alternative<cmd::send>(command) || std::holds_alternative<cmd::skey>(command))
        submit_found(in, tables_.senders);
    else if (std::holds_alternative<cmd::lkey>(command) || std::holds_alternative<cmd::lget>(command))
        submit_found(in, tables_.links);
    else
        found_owner(in, to_identifier(in.from->entity));
}

void queue_engine::submit_found(const request& in, plexus_table* table) {
    const auto at_once = store_.try_get(table, in.from->entity);
    if (at_once || !at_once.error().is(status::would_block)) {
        found_row(in, at_once);
        return;
    }
    auto kept = std::make_shared<const owned_request>(in);
    read(table, to_bytes(in.from->entity.view()),
         [this, kept](const result<std::optional<bytes>>& row) { found_row(kept->view(), row); });
}

/// Rows of senders and of links begin with the recipient id.
void queue_engine::found_row(const request& in, const result<std::optional<bytes>>& row) {
    if (!row)
        store_failed(*in.from, row.error());
    else if (*row && (*row)->size() >= smp::id_size)
        found_owner(in, to_identifier(bytes_view(**row).first(smp::id_size)));
    else
        refuse(in);
}

void queue_engine::found_owner(const request& in, const std::optional<identifier>& recipient_id) {
    if (!recipient_id) {
        refuse(in);
        return;
    }
    const auto owner = owner_of(*recipient_id, shards_);
    if (owner == shard_)
        execute(in, *recipient_id);
    else
        outputs_.forward(owner, in, *recipient_id);
}

void queue_engine::refuse(const request& in) {
    smp::verify_nothing(*in.session_key, in.from->correlation, in.authorized, in.authorization);
    fail(*in.from, error_code::auth);
}

void queue_engine::execute(const request& in, const identifier& recipient_id) {
    if (const auto found = find(recipient_id)) {
        run(in, *found);
        return;
    }
    auto kept = std::make_shared<const owned_request>(in);
    load(recipient_id, [this, kept](const result<queue_ptr>& found) { run(kept->view(), found); });
}

bool queue_engine::verify(const request& in, queue& found, const crypto::public_key& key) {
    if (key.type() != crypto::key_type::x25519)
        return smp::verify_authorization(key, *in.session_key, in.from->correlation, in.authorized,
                                         in.authorization);
    const auto nonce = crypto::to_nonce(in.from->correlation);
    for (const auto& known : found.agreed)
        if (known.session == in.session_key && known.key == key)
            return crypto::verify_authenticator(known.box, nonce, in.authorization, in.authorized);
    if (!smp::verify_authorization(key, *in.session_key, in.from->correlation, in.authorized,
                                   in.authorization))
        return false;
    if (const auto box = crypto::box_key::agree(*in.session_key, key)) {
        found.agreed[found.next_agreed] = {in.session_key, key, *box};
        found.next_agreed = (found.next_agreed + 1) % found.agreed.size();
    }
    return true;
}

bool queue_engine::authorized(const request& in, queue& found) const {
    auto verify = [&](const crypto::public_key& key) { return queue_engine::verify(in, found, key); };
    auto verify_sender = [&](const crypto::public_key& key) {
        const bool allowed = found.record.mode == smp::queue_mode::messaging &&
                             (!found.record.sender_key || *found.record.sender_key == key);
        if (allowed) return verify(key);
        smp::verify_nothing(*in.session_key, in.from->correlation, in.authorized, in.authorization);
        return false;
    };
    if (std::holds_alternative<cmd::send>(*in.content)) {
        if (!found.record.sender_key) return in.authorization.empty();
        return verify(*found.record.sender_key);
    }
    if (const auto* skey = std::get_if<cmd::skey>(in.content)) return verify_sender(skey->sender_key);
    if (const auto* lkey = std::get_if<cmd::lkey>(in.content)) return verify_sender(lkey->sender_key);
    if (std::holds_alternative<cmd::lget>(*in.content)) return found.record.is_contact();
    for (const auto& key : found.record.recipient_keys)
        if (verify(key)) return true;
    return false;
}

void queue_engine::run(const request& in, const result<queue_ptr>& looked_up) {
    if (!looked_up) {
        store_failed(*in.from, looked_up.error());
        return;
    }
    const auto found = *looked_up;
    if (!found) {
        refuse(in);
        return;
    }
    if (found->held) {
        found->deferred.push_back(std::make_shared<const owned_request>(in));
        return;
    }
    if (!authorized(in, *found)) {
        fail(*in.from, error_code::auth);
        return;
    }
    auto dispatch = [&](const auto& command) {
        using type = std::decay_t<decltype(command)>;
        if constexpr (std::is_same_v<type, cmd::send>)
            send(in, command, found);
        else if constexpr (std::is_same_v<type, cmd::ack>)
            ack(in, command, found);
        else if constexpr (std::is_same_v<type, cmd::sub>)
            sub(in, found);
        else if constexpr (std::is_same_v<type, cmd::get>)
            get(in, found);
        else if constexpr (std::is_same_v<type, cmd::key> || std::is_same_v<type, cmd::skey>)
            secure(in, command.sender_key, found, false);
        else if constexpr (std::is_same_v<type, cmd::lkey>)
            secure(in, command.sender_key, found, true);
        else if constexpr (std::is_same_v<type, cmd::lget>)
            give_link(*in.from, found);
        else if constexpr (std::is_same_v<type, cmd::rkey>)
            set_keys(in, command, found);
        else if constexpr (std::is_same_v<type, cmd::lset>)
            set_link(in, command, found);
        else if constexpr (std::is_same_v<type, cmd::ldel>)
            delete_link(in, found);
        else if constexpr (std::is_same_v<type, cmd::off>)
            suspend(in, found);
        else if constexpr (std::is_same_v<type, cmd::del>)
            remove(in, found);
        else if constexpr (std::is_same_v<type, cmd::que>)
            inform(in, found);
        else // not for a queue, or not offered
            fail(*in.from, command_error::prohibited);
    };
    std::visit(dispatch, *in.content);
}

// ---- messages

void queue_engine::with_head(const queue_ptr& found,
                             std::function<void(std::shared_ptr<const stored_message>)> next) {
    if (found->deleted || found->committed == 0) {
        next(nullptr);
        return;
    }
    const auto number = found->waiting.entries.front().number;
    if (found->head && found->head_number == number) {
        next(found->head);
        return;
    }
    read(tables_.messages, message_key(number),
         [this, found, number, next = std::move(next)](const result<std::optional<bytes>>& value) {
             const bool still =
                 !found->deleted && found->committed > 0 && found->waiting.entries.front().number == number;
             if (!still) {
                 with_head(found, next);
                 return;
             }
             auto decoded = value && *value ? decode_message(**value) : std::nullopt;
             if (!decoded) {
                 next(nullptr);
                 return;
             }
             found->head = std::make_shared<const stored_message>(std::move(*decoded));
             found->head_number = number;
             next(found->head);
         });
}

void queue_engine::deliver_head(const queue_ptr& found) {
    const auto* waiting = subscriber(found->record.recipient_id);
    if (waiting == nullptr || waiting->last || found->committed == 0) return;
    with_head(found, [this, found](const std::shared_ptr<const stored_message>& message) {
        auto* to = subscriber(found->record.recipient_id);
        if (!message || to == nullptr || to->last) return;
        to->last = delivered{message->id, found->head_number};
        outputs_.deliver(event_to(*to, found->record.recipient_id), {message, found->body_key});
    });
}

void queue_engine::drop_first(queue& found, write_batch& batch) {
    batch.erase(tables_.messages, message_key(found.waiting.entries.front().number));
    found.waiting.entries.pop_front();
    --found.committed;
    found.head.reset();
}

void queue_engine::drop_expired(queue& found, write_batch& batch) {
    if (settings_.message_ttl == 0) return;
    const auto oldest = outputs_.seconds() - settings_.message_ttl;
    while (found.committed > 0 && found.waiting.entries.front().seconds < oldest) drop_first(found, batch);
}

void queue_engine::put_waiting(const queue& found, write_batch& batch) {
    auto key = to_bytes(bytes_view(found.record.recipient_id));
    if (found.waiting.entries.empty() && !found.waiting.full)
        batch.erase(tables_.waiting, std::move(key));
    else
        batch.put(tables_.waiting, std::move(key), encode(found.waiting));
}

void queue_engine::expire(const identifier& recipient_id) {
    auto drop = [this](const result<queue_ptr>& looked_up) {
        if (!looked_up || !*looked_up) return;
        const auto found = *looked_up;
        write_batch batch;
        drop_expired(*found, batch);
        if (batch.empty()) return;
        put_waiting(*found, batch);
        commit(std::move(batch), [this, found](const result<void>& outcome) {
            if (!outcome) broken(found);
        });
    };
    if (const auto known = find(recipient_id))
        drop(*known);
    else
        load(recipient_id, drop);
}

void queue_engine::send(const request& in, const cmd::send& command, const queue_ptr& found) {
    const auto& to = *in.from;
    auto& waiting = found->waiting;
    if (command.body.size() > smp::max_message_length(to.version)) {
        fail(to, error_code::large_message);
        return;
    }
    if (found->record.status == queue_status::off) {
        fail(to, error_code::auth);
        return;
    }
    write_batch batch;
    if (found->record.short_link && found->record.is_secured_messaging()) {
        batch.erase(tables_.links, found->record.short_link->id);
        found->record.short_link.reset();
        batch.put(tables_.queues, to_bytes(bytes_view(found->record.recipient_id)), encode(found->record));
    }
    drop_expired(*found, batch);
    if (waiting.full && waiting.entries.empty()) waiting.full = false;
    if (waiting.full) {
        if (!batch.empty()) {
            put_waiting(*found, batch);
            commit(std::move(batch), [this, found](const result<void>& outcome) {
                if (!outcome) broken(found);
            });
        }
        fail(to, error_code::quota);
        return;
    }
    auto message = std::make_shared<stored_message>();
    message->id = own_id();
    message->seconds = outputs_.seconds();
    message->quota = waiting.entries.size() >= settings_.quota;
    if (!message->quota) {
        message->flags = command.flags;
        message->body = to_bytes(command.body);
    }
    waiting.full = message->quota;
    const auto number = next_number_++;
    waiting.entries.push_back({number, message->seconds});
    batch.put(tables_.messages, message_key(number), encode(found->record.recipient_id, *message));
    put_waiting(*found, batch);
    ++found->pins;
    commit(std::move(batch), [this, found, to, message, number](const result<void>& outcome) {
        sent(found, to, message, number, outcome);
    });
}

void queue_engine::sent(const queue_ptr& found, const reply_to& to,
                        const std::shared_ptr<const stored_message>& message, std::uint64_t number,
                        const result<void>& outcome) {
    --found->pins;
    if (!outcome) {
        broken(found);
        store_failed(to, outcome.error());
        return;
    }
    if (!found->deleted && ++found->committed == 1) {
        found->head = message;
        found->head_number = number;
    }
    if (message->quota)
        fail(to, error_code::quota);
    else
        answer(to, msg::ok{});
    if (!found->deleted) deliver_head(found);
}

void queue_engine::sub(const request& in, const queue_ptr& found) {
    const auto& to = *in.from;
    const auto& id = found->record.recipient_id;
    if (getter(to.connection, id) != nullptr) {
        fail(to, command_error::prohibited);
        return;
    }
    auto* current = subscriber(id);
    if (current != nullptr && current->connection == to.connection) {
        current->last.reset();
    } else {
        if (!may_subscribe(to.connection)) {
            fail(to, command_error::prohibited);
            return;
        }
        subscribe(to, id);
    }
    answer(to, msg::sok{});
    deliver_head(found);
}

void queue_engine::get(const request& in, const queue_ptr& found) {
    const auto& to = *in.from;
    const auto& id = found->record.recipient_id;
    const auto* current = subscriber(id);
    if (current != nullptr && current->connection == to.connection) {
        fail(to, command_error::prohibited);
        return;
    }
    if (getter(to.connection, id) == nullptr) {
        if (!may_subscribe(to.connection)) {
            fail(to, command_error::prohibited);
            return;
        }
        getters_[id].push_back({to.connection, to.version, std::nullopt});
        uses_[to.connection].insert(id);
    }
    with_head(found, [this, found, to](const std::shared_ptr<const stored_message>& message) {
        auto* own = getter(to.connection, found->record.recipient_id);
        if (own != nullptr) own->last.reset();
        if (!message || own == nullptr) {
            answer(to, msg::ok{});
            return;
        }
        own->last = delivered{message->id, found->head_number};
        outputs_.deliver(to, {message, found->body_key});
    });
}

void queue_engine::ack(const request& in, const cmd::ack& command, const queue_ptr& found) {
    const auto& to = *in.from;
    const auto& id = found->record.recipient_id;
    auto* own = subscriber(id);
    const bool subscribed = own != nullptr && own->connection == to.connection;
    if (!subscribed) own = getter(to.connection, id);
    const bool known = own != nullptr && own->last &&
                       (command.message_id.empty() || equal(command.message_id, own->last->message_id));
    if (!known) {
        fail(to, error_code::no_message);
        return;
    }
    const auto number = own->last->number;
    own->last.reset();
    if (found->committed > 0 && found->waiting.entries.front().number == number) {
        write_batch batch;
        drop_first(*found, batch);
        put_waiting(*found, batch);
        ++found->pins;
        commit(std::move(batch), [this, found](const result<void>& outcome) {
            --found->pins;
            if (!outcome) broken(found);
        });
    }
    if (!subscribed) {
        answer(to, msg::ok{});
        return;
    }
    with_head(found, [this, found, to](const std::shared_ptr<const stored_message>& message) {
        auto* still = subscriber(found->record.recipient_id);
        if (!message || still == nullptr || still->connection != to.connection || still->last) {
            answer(to, msg::ok{});
            return;
        }
        still->last = delivered{message->id, found->head_number};
        outputs_.deliver(to, {message, found->body_key});
    });
}

// ---- changes of a queue

void queue_engine::save(const reply_to& to, const queue_ptr& found, write_batch batch, smp::message done) {
    batch.put(tables_.queues, to_bytes(bytes_view(found->record.recipient_id)), encode(found->record));
    ++found->pins;
    commit(std::move(batch), [this, to, found, done = std::move(done)](const result<void>& outcome) {
        --found->pins;
        if (outcome) {
            answer(to, done);
            return;
        }
        broken(found);
        store_failed(to, outcome.error());
    });
}

void queue_engine::secure(const request& in, const crypto::public_key& key, const queue_ptr& found,
                          bool with_link) {
    const auto to = *in.from;
    auto& own = found->record.sender_key;
    if (own && *own != key) {
        fail(to, error_code::auth);
        return;
    }
    if (own) {
        if (with_link)
            give_link(to, found);
        else
            answer(to, msg::ok{});
        return;
    }
    own = key;
    write_batch batch;
    if (!with_link) {
        save(to, found, std::move(batch), msg::ok{});
        return;
    }
    batch.put(tables_.queues, to_bytes(bytes_view(found->record.recipient_id)), encode(found->record));
    ++found->pins;
    commit(std::move(batch), [this, to, found](const result<void>& outcome) {
        --found->pins;
        if (outcome) {
            give_link(to, found);
            return;
        }
        broken(found);
        store_failed(to, outcome.error());
    });
}

void queue_engine::give_link(const reply_to& to, const queue_ptr& found) {
    if (!found->record.short_link || !equal(found->record.short_link->id, to.entity)) {
        fail(to, error_code::auth);
        return;
    }
    read(tables_.links, found->record.short_link->id,
         [this, to, found](const result<std::optional<bytes>>& value) {
             if (!value) {
                 store_failed(to, value.error());
                 return;
             }
             const auto row = *value ? decode_link(**value) : std::nullopt;
             if (!row) {
                 fail(to, error_code::auth);
                 return;
             }
             answer(to, msg::lnk{found->record.sender_id, {row->fixed, row->user}});
         });
}

void queue_engine::set_keys(const request& in, const cmd::rkey& command, const queue_ptr& found) {
    if (found->record.mode != smp::queue_mode::contact) {
        fail(*in.from, error_code::auth);
        return;
    }
    found->record.recipient_keys = command.keys;
    save(*in.from, found, {}, msg::ok{});
}

void queue_engine::set_link(const request& in, const cmd::lset& command, const queue_ptr& found) {
    const auto to = *in.from;
    const auto& link = found->record.short_link;
    const auto hash = crypto::sha256(command.data.fixed);
    const bool other = link && (!equal(link->id, command.link_id) || link->fixed_hash != hash);
    if (found->record.is_secured_messaging() || other || command.link_id.empty()) {
        fail(to, error_code::auth);
        return;
    }
    const auto& id = found->record.recipient_id;
    write_batch batch;
    if (link) {
        batch.put(tables_.links, link->id, encode_link(id, command.data));
        save(to, found, std::move(batch), msg::ok{});
        return;
    }
    auto changed = found->record;
    changed.short_link = queue_record::link{to_bytes(command.link_id), hash};
    batch.insert(tables_.links, to_bytes(command.link_id), encode_link(id, command.data));
    batch.put(tables_.queues, to_bytes(bytes_view(id)), encode(changed));
    ++found->pins;
    found->held = true;
    commit(std::move(batch), [this, to, found, set = *changed.short_link](const result<void>& outcome) {
        --found->pins;
        if (outcome) {
            found->record.short_link = set;
            answer(to, msg::ok{});
        } else if (outcome.error().is(status::exists)) {
            fail(to, error_code::auth);
        } else {
            broken(found);
            store_failed(to, outcome.error());
        }
        release(found);
    });
}

void queue_engine::release(const queue_ptr& found) {
    found->held = false;
    for (const auto& each : std::exchange(found->deferred, {}))
        execute(each->view(), found->record.recipient_id);
}

void queue_engine::delete_link(const request& in, const queue_ptr& found) {
    auto& link = found->record.short_link;
    if (!link) {
        answer(*in.from, msg::ok{});
        return;
    }
    write_batch batch;
    batch.erase(tables_.links, link->id);
    link.reset();
    save(*in.from, found, std::move(batch), msg::ok{});
}

void queue_engine::suspend(const request& in, const queue_ptr& found) {
    found->record.status = queue_status::off;
    save(*in.from, found, {}, msg::ok{});
}

void queue_engine::remove(const request& in, const queue_ptr& found) {
    const auto to = *in.from;
    const auto id = found->record.recipient_id;
    write_batch batch;
    const auto key = to_bytes(bytes_view(id));
    batch.erase(tables_.queues, key);
    batch.erase(tables_.senders, to_bytes(bytes_view(found->record.sender_id)));
    if (found->record.short_link) batch.erase(tables_.links, found->record.short_link->id);
    batch.erase(tables_.waiting, key);
    for (const auto& entry : found->waiting.entries) batch.erase(tables_.messages, message_key(entry.number));
    found->deleted = true; // stays in the cache until the store knows
    ++found->pins;

    if (const auto* sub = subscriber(id)) {
        const auto previous = *sub;
        subscribers_.erase(id);
        end_use(previous.connection, id);
        if (previous.connection != to.connection) answer(event_to(previous, id), msg::deld{});
    }
    if (auto gone = getters_.extract(id))
        for (const auto& each : gone.mapped()) end_use(each.connection, id);

    commit(std::move(batch), [this, to, found](const result<void>& outcome) {
        --found->pins;
        const auto known = cache_.find(found->record.recipient_id);
        if (known != cache_.end() && known->second == found) {
            ages_.erase(found->age);
            cache_.erase(known);
        }
        if (outcome)
            answer(to, msg::ok{});
        else
            store_failed(to, outcome.error());
    });
}

void queue_engine::inform(const request& in, const queue_ptr& found) {
    const auto to = *in.from;
    with_head(found, [this, to, found](const std::shared_ptr<const stored_message>& message) {
        smp::queue_info info;
        const auto& id = found->record.recipient_id;
        info.has_sender_key = found->record.sender_key.has_value();
        const auto* own = subscriber(id);
        const bool subscribed = own != nullptr && own->connection == to.connection;
        if (!subscribed) own = getter(to.connection, id);
        if (own != nullptr) {
            info.own.emplace().state = subscribed ? "noSub" : "prohibitSub";
            if (own->last) info.own->delivered = encoding::base64_encode(own->last->message_id);
        }
        info.size = found->waiting.entries.size();
        if (message)
            info.first =
                smp::waiting_message{to_bytes(bytes_view(message->id)), message->seconds, message->quota};
        const auto json = smp::to_json(info);
        answer(to, msg::info{as_bytes(json)});
    });
}

// ---- new queues

identifier queue_engine::own_id() { return random_.array<smp::id_size>(); }

void queue_engine::create(const request& in) {
    const auto& to = *in.from;
    const auto& wanted = std::get<cmd::create>(*in.content);
    if (!smp::verify_authorization(wanted.key, *in.session_key, to.correlation, in.authorized,
                                   in.authorization)) {
        fail(to, error_code::auth);
        return;
    }
    const bool allowed =
        settings_.password.empty() || (wanted.password && secret_equal(*wanted.password, settings_.password));
    if (!settings_.allow_new_queues || !allowed) {
        fail(to, error_code::auth);
        return;
    }
    if (wanted.data && !equal(wanted.data->sender_id, crypto::id_from_correlation_id(to.correlation))) {
        fail(to, command_error::prohibited);
        return;
    }
    constexpr int tries = 3;
    try_create(to, std::make_shared<const owned_request>(in), tries);
}

void queue_engine::try_create(const reply_to& to, std::shared_ptr<const owned_request> wanted, int tries) {
    if (tries == 0) {
        fail(to, error_code::internal);
        return;
    }
    const auto view = wanted->view();
    const auto& command = std::get<cmd::create>(*view.content);
    auto made = std::make_shared<queue>();
    auto& record = made->record;
    do record.recipient_id = own_id();
    while (owner_of(record.recipient_id, shards_) != shard_);
    record.sender_id = command.data ? to_identifier(command.data->sender_id).value() : own_id();
    record.recipient_keys = {command.key};
    record.mode = command.mode;
    const auto server_key = crypto::private_key::generate(crypto::key_type::x25519, random_);
    const auto secret = crypto::dh_x25519(server_key, command.dh_key);
    if (!secret) {
        fail(to, command_error::syntax);
        return;
    }
    record.dh_secret = *secret;
    made->body_key = crypto::box_key(*secret);
    write_batch batch;
    if (command.data) {
        auto& link = record.short_link.emplace();
        link.id = command.mode == smp::queue_mode::contact ? to_bytes(command.data->link_id)
                                                           : to_bytes(bytes_view(own_id()));
        link.fixed_hash = crypto::sha256(command.data->data.fixed);
        if (link.id.empty()) {
            fail(to, error_code::auth);
            return;
        }
        batch.insert(tables_.links, link.id, encode_link(record.recipient_id, command.data->data));
    }
    const auto id = to_bytes(bytes_view(record.recipient_id));
    batch.insert(tables_.senders, to_bytes(bytes_view(record.sender_id)), id);
    batch.insert(tables_.queues, id, encode(record));
    const auto dh_key = server_key.public_part();
    commit(std::move(batch), [this, to, wanted, made, dh_key, tries](const result<void>& outcome) {
        const auto view_again = wanted->view();
        const auto& created = std::get<cmd::create>(*view_again.content);
        if (!outcome) {
            if (!outcome.error().is(status::exists))
                store_failed(to, outcome.error());
            else if (created.data)
                fail(to, error_code::auth);
            else
                try_create(to, wanted, tries - 1);
            return;
        }
        remember(made);
        const auto& own = made->record;
        if (created.subscribe && may_subscribe(to.connection)) subscribe(to, own.recipient_id);
        msg::ids ids;
        ids.recipient_id = own.recipient_id;
        ids.sender_id = own.sender_id;
        ids.dh_key = dh_key;
        ids.mode = own.mode;
        if (own.short_link) ids.link_id = own.short_link->id;
        answer(to, ids);
    });
}

} // namespace plexus::smp_server
