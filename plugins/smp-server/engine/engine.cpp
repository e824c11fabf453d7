// Requests on their way to a queue: looked up, authorized, dispatched; the cache, and who subscribes.
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
      content_(smp::parse_command(bytes_view(data_).last(body_size_), from_.version).value()),
      service_(from.service) {}

request owned_request::view() const {
    request out;
    out.from = &from_;
    out.session_key = session_key_;
    if (authorized_) out.authorized = data_;
    out.authorization = authorization_;
    out.body = bytes_view(data_).last(body_size_);
    out.content = &content_;
    out.service = service_;
    return out;
}

queue_engine::queue_engine(std::uint32_t shard, std::uint32_t shards, const settings& own, store_ref store,
                           tables opened, engine_outputs& outputs, crypto::random_source& random,
                           std::uint64_t first_number)
    : shard_(shard), shards_(shards), settings_(own), store_(store), tables_(opened), outputs_(outputs),
      random_(random), next_number_(first_number),
      ledger_(shard, shards, opened.served,
              [this](bytes from, bytes end, std::uint64_t limit, service_ledger::rows done) {
                  scan(tables_.served, std::move(from), std::move(end), limit, std::move(done));
              }) {}

// ---- answers

void queue_engine::fail(const reply_to& to, error_code code) {
    answer(to, msg::err{smp::make_server_error(code)});
}
void queue_engine::fail(const reply_to& to, command_error code) {
    answer(to, msg::err{smp::make_server_error(code)});
}
smp::server_error queue_engine::store_error(const error& why) {
    auto out = smp::make_server_error(error_code::store);
    out.text = describe(status_of(why));
    return out;
}
void queue_engine::store_failed(const reply_to& to, const error& why) {
    answer(to, msg::err{store_error(why)});
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

void queue_engine::scan(plexus_table* table, bytes from, bytes end, std::uint64_t limit,
                        service_ledger::rows done) {
    struct job {
        queue_engine* self;
        bytes from;
        bytes end;
        service_ledger::rows done;
    };
    auto waiting = std::make_unique<job>(job{this, std::move(from), std::move(end), std::move(done)});
    plexus_scan range{};
    range.size = sizeof range;
    range.table = table;
    range.from = to_abi(bytes_view(waiting->from));
    range.to = to_abi(bytes_view(waiting->end));
    range.limit = limit;
    const auto finish = [](void* context, std::int32_t code, const plexus_error* failure,
                           const plexus_row* rows, std::uint64_t count) {
        const std::unique_ptr<job> mine(static_cast<job*>(context));
        store_ref::rows out;
        for (std::uint64_t i = 0; code == PLEXUS_OK && i < count; ++i)
            out.emplace_back(to_bytes(from_abi(rows[i].key)), to_bytes(from_abi(rows[i].value)));
        if (code == PLEXUS_OK)
            mine->done(std::move(out));
        else
            mine->done(from_abi(code, failure));
        mine->self->finished();
    };
    ++pending_;
    const auto code = store_.raw()->scan(store_.raw()->service.self, &range, finish, waiting.get());
    if (code == PLEXUS_OK) {
        static_cast<void>(waiting.release());
        return;
    }
    waiting->done(from_abi(code, nullptr));
    finished();
}

// ---- cache

result<queue_ptr> queue_engine::make_queue(const identifier& id, const std::optional<bytes>& record,
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

std::optional<result<queue_ptr>> queue_engine::find(const identifier& id) {
    if (const auto* known = cache_.find(id)) return (*known)->deleted ? queue_ptr() : *known;
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
    cache_.erase(*found);
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
    else if (std::holds_alternative<cmd::nsub>(command))
        submit_found(in, tables_.notifiers);
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

void queue_engine::count_refused(const smp::command& what) {
    if (std::holds_alternative<cmd::send>(what)) statistics_.add(counted::sent_refused);
    if (std::holds_alternative<cmd::sub>(what)) statistics_.add(counted::subscribe_refused);
    if (std::holds_alternative<cmd::get>(what)) statistics_.add(counted::get_refused);
    if (std::holds_alternative<cmd::nsub>(what)) statistics_.add(counted::notifier_subscribe_refused);
}

void queue_engine::refuse(const request& in) {
    count_refused(*in.content);
    smp::verify_nothing(*in.session_key, in.from->correlation, in.authorized, in.authorization);
    refused(in, 1);
}

/// After so many keys were tried.
void queue_engine::refused(const request& in, std::size_t keys) {
    auto to = *in.from;
    to.checks = static_cast<std::uint16_t>(keys * verify_cost(in.authorization.size()));
    fail(to, error_code::auth);
}

void queue_engine::execute(const request& in, const identifier& recipient_id) {
    if (std::holds_alternative<cmd::sub>(*in.content) && !in.service && subscribe_in_place(in, recipient_id))
        return;
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
    if (found.agreed)
        for (const auto& known : *found.agreed)
            if (known.session == in.session_key && known.key == key)
                return crypto::verify_authenticator(known.box, nonce, in.authorization, in.authorized);
    if (!smp::verify_authorization(key, *in.session_key, in.from->correlation, in.authorized,
                                   in.authorization))
        return false;
    if (const auto box = crypto::box_key::agree(*in.session_key, key)) {
        if (!found.agreed) found.agreed = std::make_unique<std::array<agreed_key, 2>>();
        (*found.agreed)[found.next_agreed] = {in.session_key, key, *box};
        found.next_agreed = (found.next_agreed + 1) % found.agreed->size();
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
    if (std::holds_alternative<cmd::nsub>(*in.content)) {
        const auto& notifier = found.record.notifier;
        if (notifier && equal(notifier->id, in.from->entity)) return verify(notifier->key);
        smp::verify_nothing(*in.session_key, in.from->correlation, in.authorized, in.authorization);
        return false;
    }
    for (const auto& key : found.record.recipient_keys)
        if (verify(key)) return true;
    return false;
}

void queue_engine::run(const request& in, const result<queue_ptr>& looked_up) {
    if (!looked_up) {
        store_failed(*in.from, looked_up.error());
        return;
    }
    const auto& found = *looked_up;
    if (!found) {
        refuse(in);
        return;
    }
    if (found->held) {
        found->deferred.push_back(std::make_shared<const owned_request>(in));
        return;
    }
    if (!authorized(in, *found)) {
        count_refused(*in.content);
        refused(in, found->record.recipient_keys.size());
        return;
    }
    const auto& wanted = *in.content;
    const bool even_if_blocked =
        std::holds_alternative<cmd::send>(wanted) || std::holds_alternative<cmd::off>(wanted) ||
        std::holds_alternative<cmd::del>(wanted) || std::holds_alternative<cmd::nsub>(wanted);
    if (found->record.status == queue_status::blocked && !even_if_blocked) {
        answer(*in.from, msg::err{blocking_of(found->record)});
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
        else if constexpr (std::is_same_v<type, cmd::nkey>)
            set_notifier(in, command, found);
        else if constexpr (std::is_same_v<type, cmd::ndel>)
            delete_notifier(in, found);
        else if constexpr (std::is_same_v<type, cmd::nsub>)
            subscribe_notifier(in, found);
        else if constexpr (std::is_same_v<type, cmd::off>)
            suspend(in, found);
        else if constexpr (std::is_same_v<type, cmd::del>)
            remove(found, in.from->connection, [this, to = *in.from](const result<void>& outcome) {
                if (outcome)
                    answer(to, msg::ok{});
                else
                    store_failed(to, outcome.error());
            });
        else if constexpr (std::is_same_v<type, cmd::que>)
            inform(in, found);
        else // not for a queue, or not offered
            fail(*in.from, command_error::prohibited);
    };
    std::visit(dispatch, wanted);
}

} // namespace plexus::smp_server
