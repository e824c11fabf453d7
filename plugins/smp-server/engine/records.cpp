#include "records.hpp"

#include "plexus/encoding/reader.hpp"
#include "plexus/encoding/writer.hpp"

namespace plexus::smp_server {
namespace {

using encoding::reader;
using encoding::writer;

/// Of queue_record's stored form. The first has neither blocking, notifier nor service.
constexpr std::uint8_t first_form = 1;
constexpr std::uint8_t record_form = 2;
/// In the status: the queue's messages are a service's, whose id is at the end.
constexpr std::uint8_t of_service = 0x80;

void write_service(writer& to, const std::optional<identifier>& id) {
    to.maybe(id.has_value());
    if (id) to.raw(*id);
}
std::optional<identifier> read_service(reader& in) {
    if (!in.maybe()) return std::nullopt;
    return in.array<smp::id_size>();
}

secret_array<32> read_secret(reader& in) {
    secret_array<32> out;
    const auto raw = in.take(out.size());
    std::copy(raw.begin(), raw.end(), out.data());
    return out;
}

crypto::public_key read_key(reader& in) {
    auto key = crypto::public_key::from_spki(in.short_bytes());
    if (key) return std::move(key).value();
    in.fail();
    return {};
}

} // namespace

bytes encode(const queue_record& value) {
    bytes out;
    writer to(out);
    const auto mark = value.service_id ? of_service : std::uint8_t{0};
    to.u8(record_form).raw(value.sender_id).u8(static_cast<std::uint8_t>(value.status) | mark);
    to.list_count(value.recipient_keys.size());
    for (const auto& key : value.recipient_keys) to.short_bytes(key.spki());
    to.raw(bytes_view(value.dh_secret));
    to.maybe(value.sender_key.has_value());
    if (value.sender_key) to.short_bytes(value.sender_key->spki());
    to.maybe(value.mode.has_value());
    if (value.mode) to.u8(static_cast<std::uint8_t>(*value.mode));
    to.maybe(value.short_link.has_value());
    if (value.short_link) to.short_bytes(value.short_link->id).raw(value.short_link->fixed_hash);
    to.maybe(value.blocked != nullptr);
    if (value.blocked) {
        to.u8(static_cast<std::uint8_t>(value.blocked->reason));
        to.large_bytes(as_bytes(value.blocked->notice));
    }
    to.maybe(value.notifier != nullptr);
    if (value.notifier) {
        to.raw(value.notifier->id).short_bytes(value.notifier->key.spki());
        to.raw(bytes_view(value.notifier->dh_secret));
        write_service(to, value.notifier->service_id);
    }
    write_service(to, value.service_id);
    return out;
}

namespace {

void read_second_form(reader& in, queue_record& out) {
    if (in.maybe()) {
        auto blocked = std::make_shared<queue_record::blocking>();
        blocked->reason = in.u8() == 0 ? smp::blocking_reason::spam : smp::blocking_reason::content;
        blocked->notice = plexus::to_string(in.large_bytes());
        out.blocked = std::move(blocked);
    }
    if (in.maybe()) {
        auto notifier = std::make_shared<queue_record::notifications>();
        notifier->id = in.array<smp::id_size>();
        notifier->key = read_key(in);
        notifier->dh_secret = read_secret(in);
        notifier->service_id = read_service(in);
        out.notifier = std::move(notifier);
    }
    out.service_id = read_service(in);
}

} // namespace

std::optional<queue_record> decode_queue(const identifier& recipient_id, bytes_view data) {
    reader in(data);
    queue_record out;
    out.recipient_id = recipient_id;
    const auto form = in.u8();
    if (form < first_form || form > record_form) in.fail();
    out.sender_id = in.array<smp::id_size>();
    const auto status = static_cast<std::uint8_t>(in.u8() & ~of_service);
    if (status > static_cast<std::uint8_t>(queue_status::blocked)) in.fail();
    out.status = static_cast<queue_status>(status);
    const auto keys = in.non_empty_count();
    for (std::size_t i = 0; i < keys && in.ok(); ++i) out.recipient_keys.push_back(read_key(in));
    out.dh_secret = read_secret(in);
    if (in.maybe()) out.sender_key = read_key(in);
    if (in.maybe()) out.mode = in.u8() == 0 ? smp::queue_mode::messaging : smp::queue_mode::contact;
    if (in.maybe()) {
        auto& link = out.short_link.emplace(queue_record::link{}); // Clang wants the value spelled out
        link.id = to_bytes(in.short_bytes());
        link.fixed_hash = in.array<32>();
    }
    if (form >= record_form) read_second_form(in, out);
    if (!in.done()) return std::nullopt;
    return out;
}

std::optional<queue_outline> outline_of(bytes_view record) {
    reader in(record);
    queue_outline out;
    const auto form = in.u8();
    in.skip(smp::id_size);
    const auto status = in.u8();
    const auto keys = in.non_empty_count();
    out.recipient_key = read_key(in);
    const bool known = form >= first_form && form <= record_form &&
                       status <= static_cast<std::uint8_t>(queue_status::blocked);
    if (!in.ok() || !known || keys != 1) return std::nullopt;
    out.status = static_cast<queue_status>(status);
    return out;
}

bytes encode(const identifier& recipient_id, const stored_message& value) {
    bytes out;
    out.reserve(2 * smp::id_size + 9 + value.body.size());
    writer to(out);
    to.raw(recipient_id).raw(value.id).i64(value.seconds);
    to.character(value.quota ? 'Q' : value.flags.notification ? 'T' : 'F').raw(value.body);
    return out;
}

std::optional<stored_message> decode_message(bytes_view data) {
    reader in(data);
    stored_message out;
    in.skip(smp::id_size);
    out.id = in.array<smp::id_size>();
    out.seconds = in.i64();
    const auto kind = in.u8();
    out.quota = kind == 'Q';
    out.flags.notification = kind == 'T';
    out.body = to_bytes(in.tail());
    if (!in.ok()) return std::nullopt;
    return out;
}

bytes encode(const waiting_list& value) {
    bytes out;
    out.reserve(1 + 16 * value.entries.size());
    writer to(out);
    to.boolean(value.full);
    for (const auto& entry : value.entries) to.u64(entry.number).i64(entry.seconds);
    return out;
}

std::optional<waiting_list> decode_waiting(bytes_view data) {
    reader in(data);
    waiting_list out;
    out.full = in.boolean();
    while (in.ok() && !in.at_end()) {
        waiting_entry entry;
        entry.number = in.u64();
        entry.seconds = in.i64();
        out.entries.push_back(entry);
    }
    if (!in.ok()) return std::nullopt;
    return out;
}

bytes encode_link(const identifier& recipient_id, const smp::link_data& data) {
    bytes out;
    writer(out).raw(recipient_id).large_bytes(data.fixed).large_bytes(data.user);
    return out;
}

std::optional<link_row> decode_link(bytes_view data) {
    reader in(data);
    link_row out;
    out.recipient_id = in.array<smp::id_size>();
    out.fixed = to_bytes(in.large_bytes());
    out.user = to_bytes(in.large_bytes());
    if (!in.done()) return std::nullopt;
    return out;
}

bytes message_key(std::uint64_t number) {
    bytes out;
    writer(out).u64(number);
    return out;
}

bytes encode(const stored_notification& value) {
    bytes out;
    writer to(out);
    to.raw(value.recipient_id);
    write_service(to, value.service_id);
    to.raw(value.message_id).i64(value.seconds).raw(value.nonce).raw(value.metadata);
    return out;
}

std::optional<stored_notification> decode_notification(bytes_view data) {
    reader in(data);
    stored_notification out;
    out.recipient_id = in.array<smp::id_size>();
    out.service_id = read_service(in);
    out.message_id = in.array<smp::id_size>();
    out.seconds = in.i64();
    out.nonce = in.array<crypto::nonce_size>();
    out.metadata = to_bytes(in.tail());
    if (!in.ok()) return std::nullopt;
    return out;
}

bytes notification_key(const identifier& notifier, std::uint64_t number) {
    bytes out;
    writer(out).raw(notifier).u64(number);
    return out;
}

bytes encode_seconds(std::int64_t value) {
    bytes out;
    writer(out).i64(value);
    return out;
}

std::optional<std::int64_t> decode_seconds(bytes_view data) {
    reader in(data);
    const auto out = in.i64();
    return in.done() ? std::optional(out) : std::nullopt;
}

result<tables> open_tables(const store_ref& store) {
    tables out;
    PLEXUS_TRY(out.queues, store.table("smp.queues"));
    PLEXUS_TRY(out.senders, store.table("smp.senders"));
    PLEXUS_TRY(out.links, store.table("smp.links"));
    PLEXUS_TRY(out.notifiers, store.table("smp.notifiers"));
    PLEXUS_TRY(out.waiting, store.table("smp.waiting"));
    PLEXUS_TRY(out.messages, store.table("smp.messages"));
    PLEXUS_TRY(out.suspended, store.table("smp.suspended"));
    PLEXUS_TRY(out.services, store.table("smp.services"));
    PLEXUS_TRY(out.service_prints, store.table("smp.service-prints"));
    PLEXUS_TRY(out.served, store.table("smp.served"));
    PLEXUS_TRY(out.notifications, store.table("smp.notifications"));
    PLEXUS_TRY(out.meta, store.table("smp.meta"));
    return out;
}

} // namespace plexus::smp_server
