#include "plexus/crypto/ratchet.hpp"

namespace plexus::crypto {
namespace {

using encoding::reader;
using encoding::writer;

/// The first byte of what is stored; a change of the layout is a new number.
constexpr std::uint8_t layout = 1;
constexpr std::size_t fixed_size = 1024; ///< room for all but the keys of skipped messages
constexpr std::size_t stored_key_size = 4 + 32 + 16;

secret_array<32> read_secret(reader& in) {
    secret_array<32> secret;
    const auto data = in.take(secret.size());
    std::copy(data.begin(), data.end(), secret.data());
    return secret;
}

public_key read_public(reader& in) {
    auto key = public_key::from_raw(key_type::x448, in.take(56));
    if (!key) in.fail();
    return key ? key.value() : public_key{};
}

private_key read_private(reader& in) {
    const auto raw = in.take(56);
    auto key = private_key::from_stored(key_type::x448, raw, in.take(56));
    if (!key) in.fail();
    return key ? std::move(key).value() : private_key{};
}

void write_core(writer& out, const ratchet::state& core) {
    out.u16(core.versions.current).u16(core.versions.max_supported).raw(core.associated_data);
    out.raw(core.own.raw()).raw(core.own.public_part().raw()).raw(core.root_key);
    out.u32(core.sent).u32(core.received).u32(core.previous_sent);
    out.raw(core.next_send_header_key).raw(core.next_receive_header_key);
    out.maybe(core.sending.has_value());
    if (core.sending) {
        out.raw(core.sending->peer_key.raw()).raw(core.sending->chain_key).raw(core.sending->header_key);
    }
    out.maybe(core.receiving.has_value());
    if (core.receiving) out.raw(core.receiving->chain_key).raw(core.receiving->header_key);
}

ratchet::state read_core(reader& in) {
    ratchet::state core;
    core.versions.current = in.u16();
    core.versions.max_supported = in.u16();
    core.associated_data = in.array<112>();
    core.own = read_private(in);
    core.root_key = read_secret(in);
    core.sent = in.u32();
    core.received = in.u32();
    core.previous_sent = in.u32();
    core.next_send_header_key = read_secret(in);
    core.next_receive_header_key = read_secret(in);
    if (in.maybe()) {
        auto& sending = core.sending.emplace();
        sending.peer_key = read_public(in);
        sending.chain_key = read_secret(in);
        sending.header_key = read_secret(in);
    }
    if (in.maybe()) {
        auto& receiving = core.receiving.emplace();
        receiving.chain_key = read_secret(in);
        receiving.header_key = read_secret(in);
    }
    return core;
}

} // namespace

secret_bytes ratchet::serialize() const {
    bytes plain;
    // Enough for all of it, so that no copy of a secret stays behind in a buffer that was outgrown.
    plain.reserve(fixed_size + skipped_.size() * (32 + 4) + stored_keys() * stored_key_size);
    writer out(plain);
    out.u8(layout);
    write_core(out, core_);
    out.u32(static_cast<std::uint32_t>(skipped_.size()));
    for (const auto& chain : skipped_) {
        out.raw(chain.header_key).u32(static_cast<std::uint32_t>(chain.keys.size()));
        for (const auto& key : chain.keys) out.u32(key.number).raw(key.key).raw(key.iv);
    }
    secret_bytes stored{bytes_view(plain)};
    wipe(plain.data(), plain.size());
    return stored;
}

result<ratchet> ratchet::deserialize(bytes_view stored) {
    ratchet made;
    reader in(stored);
    if (in.u8() != layout) in.fail();
    made.core_ = read_core(in);
    for (auto chains = in.u32(); chains > 0 && in.ok(); --chains) {
        auto& chain = made.skipped_.emplace_back();
        chain.header_key = read_secret(in);
        for (auto keys = in.u32(); keys > 0 && in.ok(); --keys) {
            auto& key = chain.keys.emplace_back();
            key.number = in.u32();
            key.key = read_secret(in);
            key.iv = in.array<16>();
        }
    }
    if (!in.done())
        return make_error(ratchet_error::bad_state, "stored bytes are not a ratchet of a known form");
    return made;
}

} // namespace plexus::crypto
