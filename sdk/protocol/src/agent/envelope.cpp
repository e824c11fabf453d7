#include "plexus/agent/envelope.hpp"

#include "fields.hpp"

namespace plexus::agent {

namespace {

using encoding::reader;
using encoding::writer;

struct envelope_writer {
    writer& out;

    void operator()(const confirmation_envelope& value) const {
        out.u16(value.agent_version).character('C').maybe(value.e2e.has_value());
        if (value.e2e) crypto::write(out, *value.e2e);
        out.tail(value.encrypted_info);
    }
    void operator()(const message_envelope& value) const {
        out.u16(value.agent_version).character('M').tail(value.encrypted_message);
    }
    void operator()(const invitation_envelope& value) const {
        out.u16(value.agent_version).character('I');
        out.large_bytes(as_bytes(to_text(value.request))).tail(value.info);
    }
    void operator()(const ratchet_key_envelope& value) const {
        out.u16(value.agent_version).character('R');
        crypto::write(out, value.e2e);
        out.tail(value.info);
    }
};

confirmation_envelope read_confirmation(reader& in, std::uint16_t version) {
    confirmation_envelope out;
    out.agent_version = version;
    if (in.maybe()) out.e2e = crypto::read_e2e_params(in);
    out.encrypted_info = to_bytes(in.tail());
    return out;
}

invitation_envelope read_invitation(reader& in, std::uint16_t version) {
    invitation_envelope out;
    out.agent_version = version;
    auto request = parse_connection_request(as_text(in.large_bytes()));
    if (request && request->mode() == connection_mode::invitation)
        out.request = std::move(*request);
    else
        in.fail();
    out.info = to_bytes(in.tail());
    return out;
}

ratchet_key_envelope read_ratchet_key(reader& in, std::uint16_t version) {
    ratchet_key_envelope out;
    out.agent_version = version;
    out.e2e = crypto::read_e2e_params(in);
    // A new ratchet begins with a proposed key at most.
    if (out.e2e.kem && out.e2e.kem->ciphertext) in.fail();
    out.info = to_bytes(in.tail());
    return out;
}

} // namespace

bytes encode(const agent_envelope& envelope) {
    bytes encoded;
    writer out(encoded);
    std::visit(envelope_writer{out}, envelope);
    return encoded;
}

result<agent_envelope> parse_agent_envelope(bytes_view data) {
    reader in(data);
    agent_envelope envelope;
    const auto version = in.u16();
    switch (in.u8()) {
    case 'C': envelope = read_confirmation(in, version); break;
    case 'M': envelope = message_envelope{version, to_bytes(in.tail())}; break;
    case 'I': envelope = read_invitation(in, version); break;
    case 'R': envelope = read_ratchet_key(in, version); break;
    default: in.fail();
    }
    if (!in.done()) return syntax_error("agent envelope");
    return envelope;
}

bytes encode(const client_message& message) {
    bytes encoded;
    writer out(encoded);
    if (message.sender_key) {
        out.character('K');
        write_key(out, *message.sender_key);
    } else {
        out.character('_');
    }
    out.tail(message.body);
    return encoded;
}

result<client_message> parse_client_message(bytes_view data) {
    reader in(data);
    client_message message;
    if (in.accept("K"))
        message.sender_key = read_authorization_key(in);
    else
        in.expect("_");
    message.body = to_bytes(in.tail());
    if (!in.ok()) return syntax_error("client message");
    return message;
}

bytes encode(const client_envelope& envelope) {
    bytes encoded;
    writer out(encoded);
    out.u16(envelope.client_version).maybe(envelope.dh_key.has_value());
    if (envelope.dh_key) write_key(out, *envelope.dh_key);
    out.raw(envelope.nonce).tail(envelope.box);
    return encoded;
}

result<client_envelope> parse_client_envelope(bytes_view data) {
    reader in(data);
    client_envelope envelope;
    envelope.client_version = in.u16();
    if (in.maybe()) envelope.dh_key = read_key(in, crypto::key_type::x25519);
    envelope.nonce = in.array<crypto::nonce_size>();
    envelope.box = to_bytes(in.tail());
    if (!in.ok()) return syntax_error("client message envelope");
    return envelope;
}

result<client_envelope> seal_client_message(const crypto::box_key& key, const crypto::nonce& nonce,
                                            std::uint16_t client_version,
                                            const std::optional<crypto::public_key>& dh_key,
                                            const client_message& message, std::size_t padded_size) {
    client_envelope envelope{client_version, dh_key, nonce, {}};
    PLEXUS_CHECK(crypto::append_padded_box(envelope.box, key, nonce, encode(message), padded_size));
    return envelope;
}

result<client_message> open_client_message(const crypto::box_key& key, const client_envelope& envelope) {
    PLEXUS_TRY(const auto opened, crypto::open_padded(key, envelope.nonce, envelope.box));
    return parse_client_message(opened);
}

} // namespace plexus::agent
