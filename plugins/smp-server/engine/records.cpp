#include "records.hpp"

#include "plexus/encoding/reader.hpp"
#include "plexus/encoding/writer.hpp"

namespace plexus::smp_server {
namespace {

using encoding::reader;
using encoding::writer;

/// Of queue_record's stored form.
constexpr std::uint8_t record_form = 1;

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
    to.u8(record_form).raw(value.sender_id).u8(static_cast<std::uint8_t>(value.status));
    to.list_count(value.recipient_keys.size());
    for (const auto& key : value.recipient_keys) to.short_bytes(key.spki());
    to.raw(bytes_view(value.dh_secret));
    to.maybe(value.sender_key.has_value());
    if (value.sender_key) to.short_bytes(value.sender_key->spki());
    to.maybe(value.mode.has_value());
    if (value.mode) to.u8(static_cast<std::uint8_t>(*value.mode));
    to.maybe(value.short_link.has_value());
    if (value.short_link) to.short_bytes(value.short_link->id).raw(value.short_link->fixed_hash);
    return out;
}

std::optional<queue_record> decode_queue(const identifier& recipient_id, bytes_view data) {
    reader in(data);
    queue_record out;
    out.recipient_id = recipient_id;
    if (in.u8() != record_form) in.fail();
    out.sender_id = in.array<smp::id_size>();
    const auto status = in.u8();
    if (status > static_cast<std::uint8_t>(queue_status::off)) in.fail();
    out.status = static_cast<queue_status>(status);
    const auto keys = in.non_empty_count();
    for (std::size_t i = 0; i < keys && in.ok(); ++i) out.recipient_keys.push_back(read_key(in));
    const auto secret = in.take(out.dh_secret.size());
    std::copy(secret.begin(), secret.end(), out.dh_secret.data());
    if (in.maybe()) out.sender_key = read_key(in);
    if (in.maybe()) out.mode = in.u8() == 0 ? smp::queue_mode::messaging : smp::queue_mode::contact;
    if (in.maybe()) {
        auto& link = out.short_link.emplace();
        link.id = to_bytes(in.short_bytes());
        link.fixed_hash = in.array<32>();
    }
    if (!in.done()) return std::nullopt;
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

result<tables> open_tables(const store_ref& store) {
    tables out;
    PLEXUS_TRY(out.queues, store.table("smp.queues"));
    PLEXUS_TRY(out.senders, store.table("smp.senders"));
    PLEXUS_TRY(out.links, store.table("smp.links"));
    PLEXUS_TRY(out.waiting, store.table("smp.waiting"));
    PLEXUS_TRY(out.messages, store.table("smp.messages"));
    PLEXUS_TRY(out.meta, store.table("smp.meta"));
    return out;
}

} // namespace plexus::smp_server
