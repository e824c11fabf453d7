#include "plexus/smp/command.hpp"

#include "tagged.hpp"

namespace plexus::smp {
namespace {

using namespace fields;

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

/// The members of each command; see tagged.hpp.
struct codec {
    static constexpr std::string_view words[] = {
        "NEW", "SUB",  "SUBS", "KEY",  "RKEY", "LSET", "LDEL", "NKEY",  "NDEL", "GET",  "ACK",  "OFF", "DEL",
        "QUE", "SKEY", "SEND", "PING", "LKEY", "LGET", "NSUB", "NSUBS", "PRXY", "PFWD", "RFWD", "RSLV"};

    template <typename T>
    static bool has_fields(const T&, version) {
        return !std::is_empty_v<T>;
    }
    static bool has_fields(const cmd::subs&, version v) { return v >= since::messaging_services; }
    static bool has_fields(const cmd::nsubs&, version v) { return v >= since::messaging_services; }

    static void read(reader& in, cmd::create& out, version v) {
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
    }
    static void write(writer& out, const cmd::create& value, version v) {
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

    static void read(reader& in, cmd::subs& out, version v) { out.expected = read_service_queues(in, v); }
    static void write(writer& out, const cmd::subs& value, version v) {
        write_service_queues(out, value.expected, v);
    }
    static void read(reader& in, cmd::nsubs& out, version v) { out.expected = read_service_queues(in, v); }
    static void write(writer& out, const cmd::nsubs& value, version v) {
        write_service_queues(out, value.expected, v);
    }

    static void read(reader& in, cmd::key& out, version) { out.sender_key = read_auth_key(in); }
    static void write(writer& out, const cmd::key& value, version) { write_key(out, value.sender_key); }
    static void read(reader& in, cmd::skey& out, version) { out.sender_key = read_auth_key(in); }
    static void write(writer& out, const cmd::skey& value, version) { write_key(out, value.sender_key); }
    static void read(reader& in, cmd::lkey& out, version) { out.sender_key = read_auth_key(in); }
    static void write(writer& out, const cmd::lkey& value, version) { write_key(out, value.sender_key); }

    static void read(reader& in, cmd::rkey& out, version) {
        const auto count = in.non_empty_count();
        for (std::size_t i = 0; i < count && in.ok(); ++i) out.keys.push_back(read_auth_key(in));
    }
    static void write(writer& out, const cmd::rkey& value, version) {
        out.list_count(value.keys.size());
        for (const auto& key : value.keys) write_key(out, key);
    }

    static void read(reader& in, cmd::lset& out, version) {
        out.link_id = in.short_bytes();
        out.data = read_link_data(in);
    }
    static void write(writer& out, const cmd::lset& value, version) {
        out.short_bytes(value.link_id);
        write_link_data(out, value.data);
    }

    static void read(reader& in, cmd::nkey& out, version) { out.credentials = read_credentials(in); }
    static void write(writer& out, const cmd::nkey& value, version) {
        write_credentials(out, value.credentials);
    }

    static void read(reader& in, cmd::ack& out, version) { out.message_id = in.short_bytes(); }
    static void write(writer& out, const cmd::ack& value, version) { out.short_bytes(value.message_id); }

    static void read(reader& in, cmd::send& out, version) {
        out.flags = read_flags(in);
        in.expect(" ");
        out.body = in.tail();
    }
    static void write(writer& out, const cmd::send& value, version) {
        out.boolean(value.flags.notification).character(' ').tail(value.body);
    }

    static void read(reader& in, cmd::prxy& out, version) {
        out.server = read_server_address(in);
        out.password = read_maybe_password(in);
    }
    static void write(writer& out, const cmd::prxy& value, version) {
        smp::write(out, value.server);
        write_maybe_short(out, value.password);
    }

    static void read(reader& in, cmd::pfwd& out, version) {
        out.relay_version = in.u16();
        out.key = read_x25519_key(in);
        out.transmission = in.tail();
    }
    static void write(writer& out, const cmd::pfwd& value, version) {
        out.u16(value.relay_version);
        write_key(out, value.key);
        out.tail(value.transmission);
    }

    static void read(reader& in, cmd::rfwd& out, version) { out.transmission = in.tail(); }
    static void write(writer& out, const cmd::rfwd& value, version) { out.tail(value.transmission); }

    /// What follows the name is for later versions.
    static void read(reader& in, cmd::rslv& out, version) {
        const auto name = in.word();
        if (!is_resolvable_name(name)) in.fail();
        out.name = as_bytes(name);
        in.tail();
    }
    static void write(writer& out, const cmd::rslv& value, version) { out.raw(value.name); }
};

enum class credentials { key_and_entity, key_alone, entity, entity_alone, none };

credentials needed_by(const command& value) {
    return std::visit(
        [](const auto& fields) {
            using type = std::decay_t<decltype(fields)>;
            if constexpr (std::is_same_v<type, cmd::create>)
                return credentials::key_alone;
            else if constexpr (std::is_same_v<type, cmd::send>)
                return credentials::entity;
            else if constexpr (std::is_same_v<type, cmd::lget> || std::is_same_v<type, cmd::pfwd>)
                return credentials::entity_alone;
            else if constexpr (std::is_same_v<type, cmd::ping> || std::is_same_v<type, cmd::prxy> ||
                               std::is_same_v<type, cmd::rfwd> || std::is_same_v<type, cmd::rslv>)
                return credentials::none;
            else
                return credentials::key_and_entity;
        },
        value);
}

template <typename... Commands>
bool is_any(const command& value) noexcept {
    return (std::holds_alternative<Commands>(value) || ...);
}

bool is_label(std::string_view label) noexcept {
    constexpr std::size_t longest_label = 63;
    if (label.empty() || label.size() > longest_label || label.front() == '-' || label.back() == '-' ||
        label.find("--") != std::string_view::npos)
        return false;
    return std::all_of(label.begin(), label.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    });
}

} // namespace

result<command> parse_command(bytes_view data, version v) {
    return parse_tagged<command, codec>(data, v, "command");
}

void write(encoding::writer& out, const command& value, version v) { write_tagged<codec>(out, value, v); }

std::string_view name(const command& value) noexcept { return codec::words[value.index()]; }

bool is_resolvable_name(std::string_view name) noexcept {
    constexpr std::size_t longest_name = 253;
    if (name.size() > longest_name) return false;
    std::size_t labels = 0;
    for (auto rest = name;;) {
        const auto dot = rest.find('.');
        if (!is_label(rest.substr(0, dot))) return false;
        ++labels;
        if (dot == std::string_view::npos) return labels >= 2;
        rest.remove_prefix(dot + 1);
    }
}

std::optional<command_error> check_credentials(const command& value, bool authorized,
                                               bool has_entity) noexcept {
    switch (needed_by(value)) {
    case credentials::key_alone:
        if (!authorized) return command_error::no_auth;
        if (has_entity) return command_error::has_auth;
        return std::nullopt;
    case credentials::entity:
        if (!has_entity) return command_error::no_entity;
        return std::nullopt;
    case credentials::none:
        if (authorized || has_entity) return command_error::has_auth;
        return std::nullopt;
    case credentials::entity_alone:
        if (!has_entity) return command_error::no_entity;
        if (authorized) return command_error::has_auth;
        return std::nullopt;
    case credentials::key_and_entity: break;
    }
    if (!authorized || !has_entity) return command_error::no_auth;
    return std::nullopt;
}

bool has_service_signature(const command& value) noexcept {
    return is_any<cmd::create, cmd::sub, cmd::nsub>(value);
}
bool is_of_service(const command& value) noexcept { return is_any<cmd::subs, cmd::nsubs>(value); }

std::optional<service_role> role_of(const command& value) noexcept {
    if (is_any<cmd::ping>(value)) return std::nullopt;
    if (is_any<cmd::nsub, cmd::nsubs>(value)) return service_role::notifier;
    return is_any<cmd::rfwd>(value) ? service_role::proxy : service_role::messaging;
}

bool may_be_forwarded(const command& value) noexcept {
    return is_any<cmd::send, cmd::skey, cmd::lkey, cmd::lget, cmd::rslv>(value);
}

} // namespace plexus::smp
