#include "plexus/smp/command.hpp"

#include "fields.hpp"
#include "names.hpp"

namespace plexus::smp {
namespace {

using namespace fields;

/// In the order of the variant.
constexpr std::string_view words[] = {"NEW",  "SUB",  "SUBS", "KEY",  "RKEY",  "LSET", "LDEL", "NKEY",
                                      "NDEL", "GET",  "ACK",  "OFF",  "DEL",   "QUE",  "SKEY", "SEND",
                                      "PING", "LKEY", "LGET", "NSUB", "NSUBS", "PRXY", "PFWD", "RFWD"};
static_assert(std::size(words) == std::variant_size_v<command>);

std::optional<bytes_view> read_password(reader& in) {
    const auto out = in.short_bytes();
    if (!is_password(out)) in.fail();
    return out;
}
std::optional<bytes_view> read_maybe_password(reader& in) {
    if (!in.maybe()) return std::nullopt;
    return read_password(in);
}

void read_queue_request(reader& in, cmd::create& out) {
    if (!in.maybe()) return;
    out.mode = read_mode(in);
    if (!in.maybe()) return;
    auto& link = out.data.emplace();
    if (out.mode == queue_mode::contact) link.link_id = in.short_bytes();
    link.sender_id = in.short_bytes();
    link.data = read_link_data(in);
}
void write_queue_request(writer& out, const cmd::create& value) {
    out.maybe(value.mode.has_value());
    if (!value.mode) return;
    write_mode(out, *value.mode);
    out.maybe(value.data.has_value());
    if (!value.data) return;
    if (value.mode == queue_mode::contact) out.short_bytes(value.data->link_id);
    out.short_bytes(value.data->sender_id);
    write_link_data(out, value.data->data);
}

notifier_credentials read_credentials(reader& in) {
    notifier_credentials out;
    out.key = read_auth_key(in);
    out.dh_key = read_x25519_key(in);
    return out;
}
void write_credentials(writer& out, const notifier_credentials& value) {
    write_key(out, value.key);
    write_key(out, value.dh_key);
}

cmd::create read_create(reader& in, version v) {
    cmd::create out;
    out.key = read_auth_key(in);
    out.dh_key = read_x25519_key(in);
    if (v >= since::sender_key)
        out.password = read_maybe_password(in);
    else if (in.accept("A"))
        out.password = read_password(in);
    const auto subscribe = in.u8();
    if (subscribe != 'S' && subscribe != 'C') in.fail();
    out.subscribe = subscribe == 'S';
    if (v >= since::short_links)
        read_queue_request(in, out);
    else if (v >= since::sender_key)
        out.mode = in.boolean() ? queue_mode::messaging : queue_mode::contact;
    if (v >= since::notifier_credentials && in.maybe()) out.notifier = read_credentials(in);
    return out;
}

void write_fields(writer& out, const cmd::create& value, version v) {
    write_key(out, value.key);
    write_key(out, value.dh_key);
    if (v >= since::sender_key)
        write_maybe_short(out, value.password);
    else if (value.password)
        out.character('A').short_bytes(*value.password);
    out.character(value.subscribe ? 'S' : 'C');
    if (v >= since::short_links)
        write_queue_request(out, value);
    else if (v >= since::sender_key)
        out.boolean(sender_can_secure(value.mode));
    if (v >= since::notifier_credentials) {
        out.maybe(value.notifier.has_value());
        if (value.notifier) write_credentials(out, *value.notifier);
    }
}

cmd::rkey read_rkey(reader& in) {
    cmd::rkey out;
    const auto count = in.non_empty_count();
    for (std::size_t i = 0; i < count && in.ok(); ++i) out.keys.push_back(read_auth_key(in));
    return out;
}

cmd::send read_send(reader& in) {
    cmd::send out;
    out.flags = read_flags(in);
    in.expect(" ");
    out.body = in.tail();
    return out;
}

cmd::prxy read_prxy(reader& in) {
    cmd::prxy out;
    out.server = read_server_address(in);
    out.password = read_maybe_password(in);
    return out;
}

cmd::pfwd read_pfwd(reader& in) {
    cmd::pfwd out;
    out.relay_version = in.u16();
    out.key = read_x25519_key(in);
    out.transmission = in.tail();
    return out;
}

cmd::lset read_lset(reader& in) {
    cmd::lset out;
    out.link_id = in.short_bytes();
    out.data = read_link_data(in);
    return out;
}

/// True for commands whose word stands alone.
constexpr bool has_no_fields(std::size_t index) {
    return index == 1 || index == 2 || index == 6 || (index >= 8 && index <= 13 && index != 10) ||
           index == 16 || (index >= 18 && index <= 20);
}

command read_fields(std::size_t index, reader& in, version v) {
    switch (index) {
    case 0: return read_create(in, v);
    case 1: return cmd::sub{};
    case 2: return cmd::subs{};
    case 3: return cmd::key{read_auth_key(in)};
    case 4: return read_rkey(in);
    case 5: return read_lset(in);
    case 6: return cmd::ldel{};
    case 7: return cmd::nkey{read_credentials(in)};
    case 8: return cmd::ndel{};
    case 9: return cmd::get{};
    case 10: return cmd::ack{in.short_bytes()};
    case 11: return cmd::off{};
    case 12: return cmd::del{};
    case 13: return cmd::que{};
    case 14: return cmd::skey{read_auth_key(in)};
    case 15: return read_send(in);
    case 16: return cmd::ping{};
    case 17: return cmd::lkey{read_auth_key(in)};
    case 18: return cmd::lget{};
    case 19: return cmd::nsub{};
    case 20: return cmd::nsubs{};
    case 21: return read_prxy(in);
    case 22: return read_pfwd(in);
    default: return cmd::rfwd{in.tail()};
    }
}

void write_fields(writer& out, const cmd::key& value, version) { write_key(out, value.sender_key); }
void write_fields(writer& out, const cmd::skey& value, version) { write_key(out, value.sender_key); }
void write_fields(writer& out, const cmd::lkey& value, version) { write_key(out, value.sender_key); }
void write_fields(writer& out, const cmd::rkey& value, version) {
    out.list_count(value.keys.size());
    for (const auto& key : value.keys) write_key(out, key);
}
void write_fields(writer& out, const cmd::lset& value, version) {
    out.short_bytes(value.link_id);
    write_link_data(out, value.data);
}
void write_fields(writer& out, const cmd::nkey& value, version) { write_credentials(out, value.credentials); }
void write_fields(writer& out, const cmd::ack& value, version) { out.short_bytes(value.message_id); }
void write_fields(writer& out, const cmd::send& value, version) {
    out.boolean(value.flags.notification).character(' ').tail(value.body);
}
void write_fields(writer& out, const cmd::prxy& value, version) {
    write(out, value.server);
    write_maybe_short(out, value.password);
}
void write_fields(writer& out, const cmd::pfwd& value, version) {
    out.u16(value.relay_version);
    write_key(out, value.key);
    out.tail(value.transmission);
}
void write_fields(writer& out, const cmd::rfwd& value, version) { out.tail(value.transmission); }

} // namespace

result<command> parse_command(bytes_view data, version v) {
    reader in(data);
    const auto word = in.word();
    const auto* found = std::find(std::begin(words), std::end(words), word);
    if (found == std::end(words)) {
        return make_error(failure::unknown_tag, "no such SMP command: " + std::string(word.substr(0, 16)));
    }
    const auto index = static_cast<std::size_t>(found - std::begin(words));
    if (!has_no_fields(index)) in.expect(" ");
    auto out = read_fields(index, in, v);
    if (!in.done())
        return make_error(failure::syntax, "wrong parameters of the SMP command " + std::string(word));
    return out;
}

void write(encoding::writer& out, const command& value, version v) {
    out.raw(name(value));
    if (has_no_fields(value.index())) return;
    out.character(' ');
    std::visit(
        [&](const auto& fields) {
            if constexpr (!std::is_empty_v<std::decay_t<decltype(fields)>>) write_fields(out, fields, v);
        },
        value);
}

std::string_view name(const command& value) noexcept { return words[value.index()]; }

std::optional<command_error> check_credentials(const command& value, bool authorized,
                                               bool has_entity) noexcept {
    switch (value.index()) {
    case 0: // NEW
        if (!authorized) return command_error::no_auth;
        if (has_entity) return command_error::has_auth;
        return std::nullopt;
    case 15: // SEND
        if (!has_entity) return command_error::no_entity;
        return std::nullopt;
    case 16: // PING
    case 21: // PRXY
    case 23: // RFWD
        if (authorized || has_entity) return command_error::has_auth;
        return std::nullopt;
    case 18: // LGET
    case 22: // PFWD
        if (!has_entity) return command_error::no_entity;
        if (authorized) return command_error::has_auth;
        return std::nullopt;
    default:
        if (!authorized || !has_entity) return command_error::no_auth;
        return std::nullopt;
    }
}

bool has_service_signature(const command& value) noexcept {
    return std::holds_alternative<cmd::create>(value) || std::holds_alternative<cmd::sub>(value) ||
           std::holds_alternative<cmd::nsub>(value);
}

} // namespace plexus::smp
