#include "plexus/agent/record.hpp"

#include "fields.hpp"

namespace plexus::agent {

namespace {

using encoding::reader;
using encoding::writer;

constexpr std::uint8_t record_version = 1;

error corrupt(std::string_view what) {
    return make_error(failure::corrupt, "a stored " + std::string(what) +
                                            " does not parse; the database is damaged or of a newer version");
}

/// A record under construction; what it holds is wiped.
class record_writer {
  public:
    record_writer() { out_.u8(record_version); }
    record_writer(const record_writer&) = delete;
    record_writer& operator=(const record_writer&) = delete;
    ~record_writer() { wipe(buffer_.data(), buffer_.size()); }

    writer& out() noexcept { return out_; }
    secret_bytes finish() const { return secret_bytes(bytes_view(buffer_)); }

  private:
    bytes buffer_ = reserved();
    writer out_{buffer_};

    /// Room for any record but a message's, so that secrets are not left behind by growing.
    static bytes reserved() {
        bytes buffer;
        buffer.reserve(4'096);
        return buffer;
    }
};

void write_long(writer& out, bytes_view data) { out.u32(static_cast<std::uint32_t>(data.size())).raw(data); }
bytes_view read_long(reader& in) { return in.take(in.u32()); }

void write_private(writer& out, const crypto::private_key& key) {
    out.maybe(!key.empty());
    if (key.empty()) return;
    out.u8(static_cast<std::uint8_t>(key.type())).short_bytes(key.raw()).short_bytes(key.public_part().raw());
}

crypto::private_key read_private(reader& in) {
    if (!in.maybe()) return {};
    const auto type = in.u8();
    const auto raw = in.short_bytes();
    const auto public_raw = in.short_bytes();
    if (type <= static_cast<std::uint8_t>(crypto::key_type::x448)) {
        auto key = crypto::private_key::from_stored(static_cast<crypto::key_type>(type), raw, public_raw);
        if (key) return *key;
    }
    in.fail();
    return {};
}

void write_public(writer& out, const std::optional<crypto::public_key>& key) {
    out.maybe(key.has_value());
    if (key) write_key(out, *key);
}

std::optional<crypto::public_key> read_public(reader& in) {
    if (!in.maybe()) return std::nullopt;
    auto key = crypto::public_key::from_spki(in.short_bytes());
    if (key) return *key;
    in.fail();
    return std::nullopt;
}

void write_secret(writer& out, const queue_secret& secret) { out.raw(secret.shared); }
queue_secret read_secret(reader& in) {
    secret_array<32> shared;
    const auto raw = in.take(shared.size());
    std::copy(raw.begin(), raw.end(), shared.data());
    return queue_secret(shared);
}

void write_mode(writer& out, std::optional<queue_mode> mode) {
    out.character(!mode ? '-' : *mode == queue_mode::messaging ? 'M' : 'C');
}
std::optional<queue_mode> read_mode(reader& in) {
    if (in.accept("M")) return queue_mode::messaging;
    if (in.accept("C")) return queue_mode::contact;
    in.expect("-");
    return std::nullopt;
}

void write_queue(writer& out, const receive_queue& queue) {
    smp::write(out, queue.server);
    out.short_bytes(queue.recipient_id).short_bytes(queue.sender_id);
    write_private(out, queue.key);
    write_secret(out, queue.body);
    write_private(out, queue.dh);
    out.maybe(queue.secret.has_value());
    if (queue.secret) write_secret(out, *queue.secret);
    write_mode(out, queue.mode);
    out.u16(queue.client_version);
    write_public(out, queue.secure_with);
}

receive_queue read_receive_queue(reader& in) {
    receive_queue queue;
    queue.server = smp::read_server_address(in);
    queue.recipient_id = to_bytes(in.short_bytes());
    queue.sender_id = to_bytes(in.short_bytes());
    queue.key = read_private(in);
    queue.body = read_secret(in);
    queue.dh = read_private(in);
    if (in.maybe()) queue.secret = read_secret(in);
    queue.mode = read_mode(in);
    queue.client_version = in.u16();
    queue.secure_with = read_public(in);
    return queue;
}

void write_queue(writer& out, const send_queue& queue) {
    smp::write(out, queue.server);
    out.short_bytes(queue.sender_id);
    write_private(out, queue.key);
    write_private(out, queue.dh);
    write_secret(out, queue.secret);
    write_mode(out, queue.mode);
    out.u16(queue.client_version).boolean(queue.secured);
}

send_queue read_send_queue(reader& in) {
    send_queue queue;
    queue.server = smp::read_server_address(in);
    queue.sender_id = to_bytes(in.short_bytes());
    queue.key = read_private(in);
    queue.dh = read_private(in);
    queue.secret = read_secret(in);
    queue.mode = read_mode(in);
    queue.client_version = in.u16();
    queue.secured = in.boolean();
    return queue;
}

void write_chain(writer& out, const message_chain& chain) {
    out.i64(chain.last).short_bytes(chain.last_hash);
}
message_chain read_chain(reader& in) {
    message_chain chain;
    chain.last = in.i64();
    chain.last_hash = to_bytes(in.short_bytes());
    return chain;
}

} // namespace

const char* name(table value) noexcept {
    switch (value) {
    case table::connections: return "agent.connections";
    case table::progress: return "agent.progress";
    case table::outbox: return "agent.outbox";
    case table::events: return "agent.events";
    case table::counters: return "agent.counters";
    }
    return "";
}

result<queue_secret> queue_secret::agree(const crypto::private_key& own, const crypto::public_key& peer) {
    PLEXUS_TRY(const auto shared, crypto::dh_x25519(own, peer));
    return queue_secret(shared);
}

queue_address receive_queue::address() const { return {server, sender_id, dh.public_part(), mode}; }

result<send_queue> send_queue::make(const queue_info& info, crypto::private_key key,
                                    crypto::random_source& random) {
    send_queue queue;
    queue.server = info.address.server;
    queue.sender_id = info.address.sender_id;
    queue.key =
        key.empty() ? crypto::private_key::generate(crypto::key_type::ed25519, random) : std::move(key);
    queue.dh = crypto::private_key::generate(crypto::key_type::x25519, random);
    PLEXUS_TRY(queue.secret, queue_secret::agree(queue.dh, info.address.dh_key));
    queue.mode = info.address.mode;
    queue.client_version = info.client_version;
    return queue;
}

secret_bytes encode(const connection& value) {
    record_writer record;
    auto& out = record.out();
    out.boolean(value.creator).u8(static_cast<std::uint8_t>(value.at)).boolean(value.wait_sent);
    out.boolean(value.hello_sent).boolean(value.hello_received).u16(value.agent_version);
    out.maybe(value.x3dh.has_value());
    if (value.x3dh) {
        write_private(out, value.x3dh->key1);
        write_private(out, value.x3dh->key2);
    }
    write_long(out, value.own_info);
    write_long(out, as_bytes(value.link));
    write_private(out, value.link_key);
    out.maybe(value.request.has_value());
    if (value.request) write(out, *value.request);
    out.maybe(value.reply_queue.has_value());
    if (value.reply_queue) {
        // The form of a queue's address leaves out what its version does not know; the mode is kept apart.
        write_mode(out, value.reply_queue->address.mode);
        write(out, *value.reply_queue);
    }
    write_public(out, value.peer_sender_key);
    out.maybe(value.receive.has_value());
    if (value.receive) write_queue(out, *value.receive);
    out.maybe(value.send.has_value());
    if (value.send) write_queue(out, *value.send);
    return record.finish();
}

result<connection> decode_connection(connection_id id, bytes_view stored) {
    reader in(stored);
    connection value;
    value.id = id;
    if (in.u8() != record_version) in.fail();
    value.creator = in.boolean();
    const auto at = in.u8();
    if (at < static_cast<std::uint8_t>(stage::resolving) || at > static_cast<std::uint8_t>(stage::deleting))
        in.fail();
    value.at = static_cast<stage>(at);
    value.wait_sent = in.boolean();
    value.hello_sent = in.boolean();
    value.hello_received = in.boolean();
    value.agent_version = in.u16();
    if (in.maybe()) {
        auto key1 = read_private(in);
        auto key2 = read_private(in);
        value.x3dh = crypto::x3dh_keys{std::move(key1), std::move(key2)};
    }
    value.own_info = to_bytes(read_long(in));
    value.link = to_string(read_long(in));
    value.link_key = read_private(in);
    if (in.maybe()) value.request = read_connection_request(in);
    if (in.maybe()) {
        const auto mode = read_mode(in);
        value.reply_queue = read_queue_info(in);
        value.reply_queue->address.mode = mode;
    }
    value.peer_sender_key = read_public(in);
    if (in.maybe()) value.receive = read_receive_queue(in);
    if (in.maybe()) value.send = read_send_queue(in);
    if (!in.done()) return corrupt("connection");
    return value;
}

secret_bytes encode(const progress& value) {
    record_writer record;
    auto& out = record.out();
    write_chain(out, value.sent);
    write_chain(out, value.received);
    out.short_bytes(value.last_message_id).u64(value.last_tag);
    out.maybe(value.ratchet.has_value());
    if (value.ratchet) out.tail(value.ratchet->serialize());
    return record.finish();
}

result<progress> decode_progress(bytes_view stored) {
    reader in(stored);
    progress value;
    if (in.u8() != record_version) in.fail();
    value.sent = read_chain(in);
    value.received = read_chain(in);
    value.last_message_id = to_bytes(in.short_bytes());
    value.last_tag = in.u64();
    if (in.maybe()) {
        auto ratchet = crypto::ratchet::deserialize(in.tail());
        if (ratchet)
            value.ratchet = std::move(*ratchet);
        else
            in.fail();
    }
    if (!in.done()) return corrupt("ratchet");
    return value;
}

secret_bytes encode(const outbox_entry& value) {
    record_writer record;
    record.out().u8(static_cast<std::uint8_t>(value.kind)).i64(value.number).boolean(value.notify);
    record.out().u64(value.tag).tail(value.body);
    return record.finish();
}

result<outbox_entry> decode_outbox_entry(bytes_view stored) {
    reader in(stored);
    outbox_entry value;
    if (in.u8() != record_version) in.fail();
    const auto kind = in.u8();
    if (kind < static_cast<std::uint8_t>(outbox_kind::confirmation) ||
        kind > static_cast<std::uint8_t>(outbox_kind::control))
        in.fail();
    value.kind = static_cast<outbox_kind>(kind);
    value.number = in.i64();
    value.notify = in.boolean();
    value.tag = in.u64();
    value.body = to_bytes(in.tail());
    if (!in.done()) return corrupt("message to send");
    return value;
}

secret_bytes encode(const event& value) {
    record_writer record;
    auto& out = record.out();
    out.u8(static_cast<std::uint8_t>(value.kind)).u64(value.connection).i64(value.id);
    out.u32(static_cast<std::uint32_t>(value.status)).u8(static_cast<std::uint8_t>(value.order));
    out.i64(value.seconds).u64(value.tag);
    write_long(out, as_bytes(value.text));
    write_long(out, as_bytes(value.text2));
    out.short_bytes(value.server_message_id).tail(value.body);
    return record.finish();
}

result<event> decode_event(std::uint64_t sequence, bytes_view stored) {
    reader in(stored);
    event value;
    value.sequence = sequence;
    if (in.u8() != record_version) in.fail();
    const auto kind = in.u8();
    if (kind < static_cast<std::uint8_t>(event_kind::confirmation) ||
        kind > static_cast<std::uint8_t>(event_kind::failed))
        in.fail();
    value.kind = static_cast<event_kind>(kind);
    value.connection = in.u64();
    value.id = in.i64();
    value.status = static_cast<std::int32_t>(in.u32());
    const auto order = in.u8();
    if (order > static_cast<std::uint8_t>(integrity::duplicate)) in.fail();
    value.order = static_cast<integrity>(order);
    value.seconds = in.i64();
    value.tag = in.u64();
    value.text = to_string(read_long(in));
    value.text2 = to_string(read_long(in));
    value.server_message_id = to_bytes(in.short_bytes());
    value.body = to_bytes(in.tail());
    if (!in.done()) return corrupt("event");
    return value;
}

bytes number_key(std::uint64_t number) {
    bytes key;
    writer(key).u64(number);
    return key;
}

bytes outbox_key(connection_id connection, std::uint64_t place) {
    bytes key;
    writer(key).u64(connection).u64(place);
    return key;
}

} // namespace plexus::agent
