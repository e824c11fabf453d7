#include "plexus/agent/message.hpp"

#include "fields.hpp"

namespace plexus::agent {

namespace {

using encoding::reader;
using encoding::writer;

queue_reference read_reference(reader& in) {
    queue_reference out;
    out.server = smp::read_server_address(in);
    out.sender_id = to_bytes(in.short_bytes());
    return out;
}

void write(writer& out, const queue_reference& reference) {
    smp::write(out, reference.server);
    out.short_bytes(reference.sender_id);
}

/// A list of at least one item.
template <typename Item, typename Read>
std::vector<Item> read_list(reader& in, Read read) {
    std::vector<Item> list;
    for (auto left = in.non_empty_count(); left > 0 && in.ok(); --left) list.push_back(read(in));
    return list;
}

receipt read_receipt(reader& in) {
    receipt out;
    out.message = in.i64();
    out.hash = to_bytes(in.short_bytes());
    out.info = to_bytes(in.large_bytes());
    return out;
}

queue_add::item read_queue_add(reader& in) {
    queue_add::item out;
    out.queue = read_queue_uri(in);
    if (in.maybe()) out.replaces = read_reference(in);
    return out;
}

queue_key::item read_queue_key(reader& in) {
    queue_key::item out;
    out.queue = read_queue_info(in);
    out.sender_key = read_authorization_key(in);
    return out;
}

queue_use::item read_queue_use(reader& in) {
    queue_use::item out;
    out.queue = read_reference(in);
    out.primary = in.boolean();
    return out;
}

message_content read_content(reader& in) {
    if (in.accept("H")) return hello{};
    if (in.accept("M")) return user_message{to_bytes(in.tail())};
    if (in.accept("V")) return receipts{read_list<receipt>(in, read_receipt)};
    if (in.accept("E")) return ratchet_ready{in.i64()};
    if (in.accept("QC")) return queue_continue{read_reference(in)};
    if (in.accept("QA")) return queue_add{read_list<queue_add::item>(in, read_queue_add)};
    if (in.accept("QK")) return queue_key{read_list<queue_key::item>(in, read_queue_key)};
    if (in.accept("QU")) return queue_use{read_list<queue_use::item>(in, read_queue_use)};
    if (in.accept("QT")) return queue_test{read_list<queue_reference>(in, read_reference)};
    in.fail();
    return hello{};
}

struct content_writer {
    writer& out;

    void operator()(const hello&) const { out.raw("H"); }
    void operator()(const user_message& value) const { out.raw("M").tail(value.body); }
    void operator()(const receipts& value) const {
        out.raw("V").list_count(value.list.size());
        for (const auto& item : value.list)
            out.i64(item.message).short_bytes(item.hash).large_bytes(item.info);
    }
    void operator()(const queue_continue& value) const {
        out.raw("QC");
        write(out, value.queue);
    }
    void operator()(const queue_add& value) const {
        out.raw("QA").list_count(value.list.size());
        for (const auto& item : value.list) {
            agent::write(out, item.queue);
            out.maybe(item.replaces.has_value());
            if (item.replaces) write(out, *item.replaces);
        }
    }
    void operator()(const queue_key& value) const {
        out.raw("QK").list_count(value.list.size());
        for (const auto& item : value.list) {
            agent::write(out, item.queue);
            write_key(out, item.sender_key);
        }
    }
    void operator()(const queue_use& value) const {
        out.raw("QU").list_count(value.list.size());
        for (const auto& item : value.list) {
            write(out, item.queue);
            out.boolean(item.primary);
        }
    }
    void operator()(const queue_test& value) const {
        out.raw("QT").list_count(value.list.size());
        for (const auto& item : value.list) write(out, item);
    }
    void operator()(const ratchet_ready& value) const { out.raw("E").i64(value.last_message); }
};

struct message_writer {
    writer& out;

    void operator()(const connection_info& value) const { out.raw("I").tail(value.info); }
    void operator()(const connection_info_reply& value) const {
        out.raw("D").list_count(value.queues.size());
        for (const auto& queue : value.queues) agent::write(out, queue);
        out.tail(value.info);
    }
    void operator()(const ratchet_info& value) const { out.raw("R").tail(value.info); }
    void operator()(const numbered_message& value) const {
        out.raw("M").i64(value.number).short_bytes(value.previous_hash);
        std::visit(content_writer{out}, value.content);
    }
};

agent_message read_message(reader& in) {
    if (in.accept("I")) return connection_info{to_bytes(in.tail())};
    if (in.accept("R")) return ratchet_info{to_bytes(in.tail())};
    if (in.accept("D")) {
        connection_info_reply reply;
        reply.queues = read_list<queue_info>(in, read_queue_info);
        reply.info = to_bytes(in.tail());
        return reply;
    }
    in.expect("M");
    numbered_message message;
    message.number = in.i64();
    message.previous_hash = to_bytes(in.short_bytes());
    message.content = read_content(in);
    return message;
}

} // namespace

bytes encode(const agent_message& message) {
    bytes encoded;
    writer out(encoded);
    std::visit(message_writer{out}, message);
    return encoded;
}

result<agent_message> parse_agent_message(bytes_view data) {
    reader in(data);
    auto message = read_message(in);
    if (!in.done()) return syntax_error("agent message");
    return message;
}

integrity check(const message_chain& chain, const numbered_message& message) noexcept {
    if (message.number < chain.last) return integrity::bad_id;
    if (message.number == chain.last) return integrity::duplicate;
    if (message.number - chain.last > 1) return integrity::skipped;
    return message.previous_hash == chain.last_hash ? integrity::ok : integrity::bad_hash;
}

} // namespace plexus::agent
