// A queue's own life: made, secured, given a link, suspended, removed.
#include "engine.hpp"

#include "plexus/encoding/base64.hpp"
#include "plexus/smp/authorization.hpp"

namespace plexus::smp_server {

using smp::command_error;
using smp::error_code;
namespace cmd = smp::cmd;
namespace msg = smp::msg;

void queue_engine::save(const queue_ptr& found, write_batch batch, std::function<void(result<void>)> done) {
    batch.put(tables_.queues, to_bytes(bytes_view(found->record.recipient_id)), encode(found->record));
    ++found->pins;
    commit(std::move(batch), [this, found, done = std::move(done)](result<void> outcome) {
        --found->pins;
        if (!outcome) broken(found);
        done(std::move(outcome));
    });
}

void queue_engine::save(const reply_to& to, const queue_ptr& found, write_batch batch, smp::message content) {
    save(found, std::move(batch), [this, to, content = std::move(content)](const result<void>& outcome) {
        if (outcome)
            answer(to, content);
        else
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
    statistics_.add(counted::secured);
    if (!with_link) {
        save(to, found, {}, msg::ok{});
        return;
    }
    save(found, {}, [this, to, found](const result<void>& outcome) {
        if (outcome)
            give_link(to, found);
        else
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
    if (command.keys.size() > most_recipient_keys) {
        fail(*in.from, command_error::prohibited);
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
    if (const auto changes = held_changes_.extract(found->record.recipient_id))
        for (const auto& each : changes.mapped()) each();
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
    found->record.blocked.reset();
    write_batch batch;
    batch.put(tables_.suspended, to_bytes(bytes_view(found->record.recipient_id)),
              encode_seconds(outputs_.seconds()));
    save(*in.from, found, std::move(batch), msg::ok{});
}

void queue_engine::expire_suspended(const identifier& recipient_id) {
    auto drop = [this](const result<queue_ptr>& looked_up) {
        if (!looked_up || !*looked_up || (*looked_up)->record.status != queue_status::off) return;
        if ((*looked_up)->held) return; // its turn comes again
        remove(*looked_up, {}, [](const result<void>&) {});
    };
    if (const auto known = find(recipient_id))
        drop(*known);
    else
        load(recipient_id, drop);
}

void queue_engine::remove(const queue_ptr& found, const connection_id& by,
                          std::function<void(result<void>)> done) {
    with_services(found, services_of(found->record),
                  [this, found, by, done = std::move(done)](const result<void>& ready) {
                      if (!ready)
                          done(ready.error());
                      else if (found->deleted)
                          done(make_error(status::not_found, "the queue is gone"));
                      else
                          remove_now(found, by, done);
                  });
}

void queue_engine::remove_now(const queue_ptr& found, const connection_id& by,
                              std::function<void(result<void>)> done) {
    const auto& record = found->record;
    const auto id = record.recipient_id;
    write_batch batch;
    if (record.service_id) ledger_.remove(*record.service_id, id, batch);
    if (record.notifier && record.notifier->service_id)
        ledger_.remove(*record.notifier->service_id, record.notifier->id, batch);
    const auto key = to_bytes(bytes_view(id));
    batch.erase(tables_.queues, key);
    batch.erase(tables_.senders, to_bytes(bytes_view(record.sender_id)));
    if (record.short_link) batch.erase(tables_.links, record.short_link->id);
    if (record.notifier) batch.erase(tables_.notifiers, to_bytes(bytes_view(record.notifier->id)));
    batch.erase(tables_.waiting, key);
    if (record.status != queue_status::active) batch.erase(tables_.suspended, key);
    for (const auto& entry : found->waiting.entries) batch.erase(tables_.messages, message_key(entry.number));
    found->deleted = true; // stays in the cache until the store knows
    ++found->pins;

    end_service_use(record.service_id, id, by, msg::deld{});
    if (const auto* sub = subscriber(id)) {
        const bool others = sub->connection != by && !record.service_id;
        const auto previous = event_to(*sub, id);
        subscribers_.erase(id);
        if (others) end_use(previous, msg::deld{});
    }
    if (record.notifier) forget_notifier(*record.notifier, by);
    if (auto gone = getters_.extract(id))
        for (const auto& each : gone.mapped()) end_getting(each.connection, id);

    commit(std::move(batch), [this, found, done = std::move(done)](result<void> outcome) {
        --found->pins;
        cache_.erase(*found);
        settle_removed(found->record, outcome.has_value());
        if (outcome) {
            statistics_.add(counted::deleted);
            statistics_.add(found->record.sender_key ? counted::deleted_secured : counted::deleted_new);
            statistics_.take(counted::queues);
            statistics_.take(counted::messages, found->waiting.entries.size());
        }
        done(std::move(outcome));
    });
}

void queue_engine::inform(const request& in, const queue_ptr& found) {
    const auto to = *in.from;
    with_head(found, [this, to, found](const std::shared_ptr<const stored_message>& message) {
        smp::queue_info info;
        const auto& id = found->record.recipient_id;
        info.has_sender_key = found->record.sender_key.has_value();
        info.has_notifier = found->record.notifier != nullptr;
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
        refused(in, 1);
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
    if (in.service && !wanted.subscribe) {
        fail(to, command_error::prohibited);
        return;
    }
    if (in.service && has_other_role(*in.service)) {
        fail(to, error_code::service);
        return;
    }
    constexpr int tries = 3;
    auto kept = std::make_shared<const owned_request>(in);
    if (!in.service) {
        try_create(to, kept, tries);
        return;
    }
    ledger_.with({in.service->id}, [this, kept](const result<void>& ready) {
        const auto again = kept->view();
        if (ready)
            try_create(*again.from, kept, tries);
        else
            store_failed(*again.from, ready.error());
    });
}

void queue_engine::try_create(const reply_to& to, const std::shared_ptr<const owned_request>& wanted,
                              int tries) {
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
        auto& link = record.short_link.emplace(queue_record::link{}); // Clang wants the value spelled out
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
    const auto notifier = command.notifier ? make_notifier(*command.notifier) : std::nullopt;
    if (command.notifier && !notifier) {
        fail(to, command_error::syntax);
        return;
    }
    if (notifier) {
        record.notifier = notifier->record;
        batch.insert(tables_.notifiers, to_bytes(bytes_view(notifier->record->id)), id);
    }
    if (view.service) {
        record.service_id = view.service->id;
        record_service(*view.service, batch);
        ledger_.add(view.service->id, record.recipient_id, record.recipient_id, batch);
    }
    batch.insert(tables_.senders, to_bytes(bytes_view(record.sender_id)), id);
    batch.insert(tables_.queues, id, encode(record));
    const auto dh_key = server_key.public_part();
    commit(std::move(batch), [this, to, wanted, made, dh_key, notifier, tries](const result<void>& outcome) {
        const auto view_again = wanted->view();
        const auto& created = std::get<cmd::create>(*view_again.content);
        const auto& by = view_again.service;
        if (by) settle_services(std::nullopt, by, outcome.has_value(), service_queue_kind::messages);
        if (!outcome) {
            if (!outcome.error().is(status::exists))
                store_failed(to, outcome.error());
            else if (created.data)
                fail(to, error_code::auth);
            else if (by)
                create(view_again);
            else
                try_create(to, wanted, tries - 1);
            return;
        }
        statistics_.add(counted::created);
        statistics_.add(counted::queues);
        const auto& own = made->record;
        if (notifier) {
            statistics_.add(counted::notifier_created_with_queue);
            statistics_.add(counted::notifiers);
        }
        if (by)
            service_subscribed(view_again, own.recipient_id, true, service_queue_kind::messages);
        else if (created.subscribe && may_subscribe(to.connection))
            subscribe(to, own.recipient_id);
        msg::ids ids;
        ids.recipient_id = own.recipient_id;
        ids.sender_id = own.sender_id;
        ids.dh_key = dh_key;
        ids.mode = own.mode;
        if (own.short_link) ids.link_id = own.short_link->id;
        if (by) ids.service_id = by->id;
        if (notifier) ids.notifier = msg::ids::notifier_ids{notifier->record->id, notifier->dh_key};
        answer(to, ids);
    });
}

} // namespace plexus::smp_server
