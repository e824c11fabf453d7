#include "store_writer.hpp"

#include "engine/services.hpp"

namespace plexus::smp_server {
namespace {

bytes key_of(const identifier& id) { return to_bytes(bytes_view(id)); }

template <typename... Each>
struct choose : Each... {
    using Each::operator()...;
};
template <typename... Each>
choose(Each...) -> choose<Each...>;

} // namespace

result<std::optional<queue_record>> store_writer::find(const identifier& recipient_id) {
    PLEXUS_TRY(const auto stored, store_.get(store_.all().queues, recipient_id));
    if (!stored) return std::optional<queue_record>();
    return decode_queue(recipient_id, *stored);
}

result<void> store_writer::write(const queue_record& record) {
    return store_.put(store_.all().queues, key_of(record.recipient_id), encode(record));
}

result<void> store_writer::set_link(queue_record& record, const official::link& data) {
    record.short_link = queue_record::link{data.id, crypto::sha256(data.fixed)};
    return store_.put(store_.all().links, data.id, encode_link(record.recipient_id, {data.fixed, data.user}));
}

result<void> store_writer::set_notifier(queue_record& record, const official::notifier& from,
                                        const place& at) {
    PLEXUS_TRY(const auto taken, store_.get(store_.all().notifiers, from.id));
    if (taken) {
        report_.damaged(at.file, at.line, "the notifier belongs to another queue");
        return {};
    }
    auto made = std::make_shared<queue_record::notifications>();
    made->id = from.id;
    made->key = from.key;
    made->dh_secret = from.dh_secret;
    if (!from.service_id.empty()) {
        PLEXUS_TRY(made->service_id,
                   tie(from.service_id, smp::service_role::notifier, from.id, record.recipient_id, at));
    }
    record.notifier = std::move(made);
    return store_.put(store_.all().notifiers, key_of(from.id), key_of(record.recipient_id));
}

result<void> store_writer::drop_notifier(queue_record& record) {
    if (!record.notifier) return {};
    const auto gone = std::exchange(record.notifier, nullptr);
    PLEXUS_CHECK(untie(gone->service_id, gone->id));
    return store_.erase(store_.all().notifiers, key_of(gone->id));
}

result<void> store_writer::add_service(const official::service_line& from, const place& at) {
    const auto wrong = [&](std::string_view what) -> result<void> {
        report_.damaged(at.file, at.line, what);
        return {};
    };
    const auto id = to_identifier(from.id);
    service_record made;
    if (!id) return wrong("the id of the service has not 24 bytes");
    if (from.certificate_hash.size() != made.fingerprint.size())
        return wrong("the hash of the service's certificate has not 32 bytes");
    constexpr std::size_t most_certificates = 4;
    if (from.certificates.size() > most_certificates) return wrong("the service has too many certificates");
    PLEXUS_TRY(const auto same, store_.get(store_.all().services, *id));
    PLEXUS_TRY(const auto same_print, store_.get(store_.all().service_prints, from.certificate_hash));
    if (same || same_print) return wrong("the service was created before");
    made.role = from.role == 'M'   ? smp::service_role::messaging
                : from.role == 'N' ? smp::service_role::notifier
                                   : smp::service_role::proxy;
    std::copy(from.certificate_hash.begin(), from.certificate_hash.end(), made.fingerprint.begin());
    made.created = from.created;
    made.chain = from.certificates;
    PLEXUS_CHECK(store_.put(store_.all().services, key_of(*id), encode(made)));
    return store_.put(store_.all().service_prints, from.certificate_hash, key_of(*id));
}

/// Nothing if it cannot be, which is reported: the queue is kept without it.
result<std::optional<identifier>> store_writer::tie(const bytes& service_id, smp::service_role role,
                                                    const identifier& entity, const identifier& recipient_id,
                                                    const place& at) {
    const auto id = to_identifier(service_id);
    std::optional<bytes> stored;
    if (id) {
        PLEXUS_TRY(stored, store_.get(store_.all().services, *id));
    }
    const auto known = stored ? decode_service(*stored) : std::nullopt;
    if (!id || !known || known->role != role) {
        report_.damaged(at.file, at.line,
                        "there is no such service, or it has another role; the queue is kept without it");
        return std::optional<identifier>();
    }
    PLEXUS_CHECK(store_.put(store_.all().served, served_key(*id, entity), key_of(recipient_id)));
    return id;
}

result<void> store_writer::untie(const std::optional<identifier>& service_id, const identifier& entity) {
    return service_id ? store_.erase(store_.all().served, served_key(*service_id, entity)) : result<void>();
}

result<void> store_writer::set_service(queue_record& record, const official::change::set_service& what,
                                       const place& at) {
    if (what.of_notifier && !record.notifier) {
        report_.damaged(at.file, at.line, "the queue has no notifier");
        return {};
    }
    const auto entity = what.of_notifier ? record.notifier->id : record.recipient_id;
    PLEXUS_CHECK(untie(what.of_notifier ? record.notifier->service_id : record.service_id, entity));
    std::optional<identifier> joined;
    const auto role = what.of_notifier ? smp::service_role::notifier : smp::service_role::messaging;
    if (!what.service_id.empty()) {
        PLEXUS_TRY(joined, tie(what.service_id, role, entity, record.recipient_id, at));
    }
    if (what.of_notifier) {
        auto changed = *record.notifier;
        changed.service_id = joined;
        record.notifier = std::make_shared<const queue_record::notifications>(std::move(changed));
    } else {
        record.service_id = joined;
    }
    return write(record);
}

void store_writer::block(queue_record& record, const official::blocking& info) {
    record.status = queue_status::blocked;
    auto made = std::make_shared<queue_record::blocking>();
    made->reason = info.content ? smp::blocking_reason::content : smp::blocking_reason::spam;
    made->notice = info.notice;
    record.blocked = std::move(made);
}

result<void> store_writer::create(const official::queue& from, const place& at) {
    PLEXUS_TRY(const auto same, store_.get(store_.all().queues, from.recipient_id));
    PLEXUS_TRY(const auto same_sender, store_.get(store_.all().senders, from.sender_id));
    if (same || same_sender) {
        report_.damaged(at.file, at.line, "the queue was created before");
        return {};
    }
    queue_record record;
    record.recipient_id = from.recipient_id;
    record.sender_id = from.sender_id;
    record.recipient_keys = from.recipient_keys;
    record.dh_secret = from.dh_secret;
    record.sender_key = from.sender_key;
    record.mode = from.mode;
    if (from.off) record.status = queue_status::off;
    if (from.blocked) block(record, *from.blocked);
    if (from.notifier) PLEXUS_CHECK(set_notifier(record, *from.notifier, at));
    if (!from.service_id.empty()) {
        PLEXUS_TRY(record.service_id, tie(from.service_id, smp::service_role::messaging, from.recipient_id,
                                          from.recipient_id, at));
    }
    if (from.data) {
        PLEXUS_TRY(const auto taken, store_.get(store_.all().links, from.data->id));
        if (taken)
            report_.damaged(at.file, at.line,
                            "the link belongs to another queue; the queue is kept without it");
        else
            PLEXUS_CHECK(set_link(record, *from.data));
    }
    PLEXUS_CHECK(store_.put(store_.all().senders, key_of(from.sender_id), key_of(from.recipient_id)));
    return write(record);
}

result<void> store_writer::change(const official::queue_line& line, queue_record record, const place& at) {
    namespace to = official::change;
    const auto wrong = [&](std::string_view what) -> result<void> {
        report_.damaged(at.file, at.line, what);
        return {};
    };
    return std::visit(choose{
                          [&](const to::create&) -> result<void> { return {}; },
                          [&](const to::set_link& what) -> result<void> {
                              const auto& own = record.short_link;
                              const bool same = own && own->id == what.data.id &&
                                                own->fixed_hash == crypto::sha256(what.data.fixed);
                              if (own && !same) return wrong("the queue has another link");
                              PLEXUS_TRY(const auto taken, store_.get(store_.all().links, what.data.id));
                              if (!own && taken) return wrong("the link belongs to another queue");
                              PLEXUS_CHECK(set_link(record, what.data));
                              return write(record);
                          },
                          [&](const to::delete_link&) -> result<void> {
                              if (!record.short_link) return {};
                              PLEXUS_CHECK(store_.erase(store_.all().links, record.short_link->id));
                              record.short_link.reset();
                              return write(record);
                          },
                          [&](const to::secure& what) -> result<void> {
                              if (record.sender_key && *record.sender_key != what.key)
                                  return wrong("the queue is secured with another key");
                              record.sender_key = what.key;
                              return write(record);
                          },
                          [&](const to::set_keys& what) -> result<void> {
                              record.recipient_keys = what.keys;
                              return write(record);
                          },
                          [&](const to::set_notifier& what) -> result<void> {
                              PLEXUS_CHECK(drop_notifier(record));
                              PLEXUS_CHECK(set_notifier(record, what.notifier, at));
                              return write(record);
                          },
                          [&](const to::delete_notifier&) -> result<void> {
                              PLEXUS_CHECK(drop_notifier(record));
                              return write(record);
                          },
                          [&](const to::suspend&) -> result<void> {
                              record.status = queue_status::off;
                              record.blocked.reset();
                              return write(record);
                          },
                          [&](const to::block& what) -> result<void> {
                              block(record, what.info);
                              return write(record);
                          },
                          [&](const to::unblock&) -> result<void> {
                              record.status = queue_status::active;
                              record.blocked.reset();
                              return write(record);
                          },
                          [&](const to::remove&) -> result<void> {
                              if (record.short_link)
                                  PLEXUS_CHECK(store_.erase(store_.all().links, record.short_link->id));
                              PLEXUS_CHECK(drop_notifier(record));
                              PLEXUS_CHECK(untie(record.service_id, record.recipient_id));
                              PLEXUS_CHECK(store_.erase(store_.all().senders, key_of(record.sender_id)));
                              return store_.erase(store_.all().queues, key_of(record.recipient_id));
                          },
                          [&](const to::set_time&) -> result<void> { return {}; },
                          [&](const to::set_service& what) { return set_service(record, what, at); },
                      },
                      line.what);
}

result<void> store_writer::apply(const official::log_line& line, const place& at) {
    if (const auto* service = std::get_if<official::service_line>(&line)) return add_service(*service, at);
    const auto& about = std::get<official::queue_line>(line);
    if (const auto* made = std::get_if<official::change::create>(&about.what)) return create(made->queue, at);
    PLEXUS_TRY(auto found, find(about.recipient_id));
    if (found) return change(about, std::move(*found), at);
    // A queue that was deleted may be named again by what was under way.
    report_.damaged(at.file, at.line, "there is no such queue");
    return {};
}

result<bool> store_writer::open_list(const identifier& recipient_id) {
    if (open_ == recipient_id) return true;
    PLEXUS_CHECK(close_list());
    PLEXUS_TRY(const auto queue, store_.get(store_.all().queues, recipient_id));
    if (!queue) return false;
    PLEXUS_TRY(const auto stored, store_.get(store_.all().waiting, recipient_id));
    list_ = {};
    if (stored) list_ = decode_waiting(*stored).value_or(waiting_list{});
    open_ = recipient_id;
    return true;
}

result<void> store_writer::close_list() {
    if (!open_) return {};
    const auto id = *std::exchange(open_, std::nullopt);
    return store_.put(store_.all().waiting, key_of(id), encode(list_));
}

result<void> store_writer::add(const identifier& recipient_id, const stored_message& message,
                               const place& at) {
    PLEXUS_TRY(const bool there, open_list(recipient_id));
    if (!there) {
        report_.damaged(at.file, at.line, "a message for a queue that is not there");
        return {};
    }
    const auto number = next_number_++;
    list_.entries.push_back({number, message.seconds});
    list_.full = message.quota;
    return store_.put(store_.all().messages, message_key(number), encode(recipient_id, message));
}

result<void> store_writer::set_full(const identifier& recipient_id) {
    PLEXUS_TRY(const bool there, open_list(recipient_id));
    if (there && !list_.entries.empty()) list_.full = true;
    return {};
}

result<void> store_writer::add(const official::notification_line& line, const place& at) {
    PLEXUS_TRY(const auto owner, store_.get(store_.all().notifiers, line.notifier));
    const auto queue = owner ? to_identifier(*owner) : std::nullopt;
    auto found = std::optional<queue_record>();
    if (queue) {
        PLEXUS_TRY(found, find(*queue));
    }
    if (!found || !found->notifier) {
        report_.damaged(at.file, at.line, "a notification for a notifier that is not there");
        return {};
    }
    auto kept = line.notification;
    kept.recipient_id = found->recipient_id;
    kept.service_id = found->notifier->service_id;
    return store_.put(store_.all().notifications, notification_key(line.notifier, ++notifications_),
                      encode(kept));
}

result<void> store_writer::finish() {
    PLEXUS_CHECK(close_list());
    return store_.flush();
}

} // namespace plexus::smp_server
