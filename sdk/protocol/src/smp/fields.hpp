// Fields that commands and messages share: keys, modes, flags, link data, optional values.
#pragma once

#include "plexus/encoding/reader.hpp"
#include "plexus/encoding/writer.hpp"
#include "plexus/smp/types.hpp"

namespace plexus::smp::fields {

using encoding::reader;
using encoding::writer;

inline crypto::public_key read_key(reader& in) {
    auto key = crypto::public_key::from_spki(in.short_bytes());
    if (key) return std::move(key).value();
    in.fail();
    return {};
}
inline crypto::public_key read_x25519_key(reader& in) {
    auto key = read_key(in);
    if (key.type() != crypto::key_type::x25519) in.fail();
    return key;
}
/// One that may authorize commands: not X448.
inline crypto::public_key read_auth_key(reader& in) {
    auto key = read_key(in);
    if (key.type() == crypto::key_type::x448) in.fail();
    return key;
}
inline void write_key(writer& out, const crypto::public_key& key) {
    out.u8(static_cast<std::uint8_t>(crypto::spki_size(key.type())));
    key.append_spki(out.out());
}

inline queue_mode read_mode(reader& in) {
    const auto tag = in.u8();
    if (tag != 'M' && tag != 'C') in.fail();
    return tag == 'C' ? queue_mode::contact : queue_mode::messaging;
}
inline void write_mode(writer& out, queue_mode mode) {
    out.character(mode == queue_mode::contact ? 'C' : 'M');
}
inline bool sender_can_secure(const std::optional<queue_mode>& mode) { return mode == queue_mode::messaging; }

/// Flags grow to the right in later versions, up to a space.
inline message_flags read_flags(reader& in) {
    message_flags out{in.boolean()};
    in.until(' ');
    return out;
}

inline link_data read_link_data(reader& in) {
    link_data out;
    out.fixed = in.large_bytes();
    out.user = in.large_bytes();
    return out;
}
inline void write_link_data(writer& out, const link_data& data) {
    out.large_bytes(data.fixed).large_bytes(data.user);
}

/// The hash is there from version 19 on.
inline service_queues read_service_queues(reader& in, version v) {
    service_queues out{in.i64(), {}};
    if (v < since::messaging_services) return out;
    const auto hash = in.short_bytes();
    if (hash.size() != out.hash.size())
        in.fail();
    else
        std::copy(hash.begin(), hash.end(), out.hash.begin());
    return out;
}
inline void write_service_queues(writer& out, const service_queues& value, version v) {
    out.i64(value.count);
    if (v >= since::messaging_services) out.short_bytes(value.hash);
}

inline std::optional<bytes_view> read_maybe_short(reader& in) {
    if (!in.maybe()) return std::nullopt;
    return in.short_bytes();
}
inline void write_maybe_short(writer& out, const std::optional<bytes_view>& value) {
    out.maybe(value.has_value());
    if (value) out.short_bytes(*value);
}

} // namespace plexus::smp::fields
