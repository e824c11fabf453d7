#include "ratchet_wire.hpp"

#include "kem.hpp"

namespace plexus::crypto::wire {
namespace {

using encoding::reader;
using encoding::writer;

/// A first byte under 32 begins a 2-byte length: nothing that short is sent with a 1-byte one.
bytes_view read_sized(reader& in) noexcept {
    const auto first = in.peek();
    return first && *first < 32 ? in.large_bytes() : in.short_bytes();
}

} // namespace

std::optional<message_header> parse_header(bytes_view plain, std::uint16_t version) {
    reader in(plain);
    message_header header;
    header.max_version = in.u16();
    const auto key = public_key::from_spki(key_type::x448, in.short_bytes());
    if (!key) return std::nullopt;
    header.key = key.value();
    if (version >= ratchet_version_kem && in.maybe()) header.kem = read_kem_params(in);
    header.previous_sent = in.u32();
    header.number = in.u32();
    if (!in.ok()) return std::nullopt;
    return header;
}

bytes encode_header(const message_header& header, std::uint16_t version) {
    bytes plain;
    writer out(plain);
    out.u16(header.max_version).u8(static_cast<std::uint8_t>(spki_size(header.key.type())));
    header.key.append_spki(plain);
    if (version >= ratchet_version_kem) {
        out.maybe(header.kem.has_value());
        if (header.kem) write(out, *header.kem);
    }
    out.u32(header.previous_sent).u32(header.number);
    return plain;
}

std::optional<encrypted_message> parse_message(bytes_view data) noexcept {
    encrypted_message message;
    reader in(data);
    message.header = read_sized(in);
    message.tag = in.take(gcm_tag_size);
    message.body = in.tail();
    reader header(message.header);
    message.header_version = header.u16();
    message.header_iv = header.take(iv_size);
    message.header_tag = header.take(gcm_tag_size);
    message.header_body = read_sized(header);
    if (!in.ok() || !header.done()) return std::nullopt;
    return message;
}

void write_sized(writer& out, std::uint16_t version, bytes_view data) {
    if (version >= ratchet_version_kem) {
        out.large_bytes(data);
    } else {
        out.short_bytes(data);
    }
}

} // namespace plexus::crypto::wire
