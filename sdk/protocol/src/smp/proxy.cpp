#include "plexus/smp/proxy.hpp"

#include "fields.hpp"

namespace plexus::smp {
namespace {

crypto::nonce command_nonce(bytes_view correlation_id) { return crypto::to_nonce(correlation_id); }
crypto::nonce response_nonce(bytes_view correlation_id) {
    return crypto::reverse_nonce(crypto::to_nonce(correlation_id));
}

} // namespace

void write(encoding::writer& out, const forwarded_transmission& value) {
    out.short_bytes(value.correlation_id).u16(value.relay_version);
    fields::write_key(out, value.key);
    out.tail(value.transmission);
}

result<forwarded_transmission> parse_forwarded_transmission(bytes_view data) {
    encoding::reader in(data);
    forwarded_transmission out;
    out.correlation_id = in.short_bytes();
    out.relay_version = in.u16();
    out.key = fields::read_x25519_key(in);
    out.transmission = in.tail();
    if (!in.ok()) return make_error(failure::syntax, "a forwarded transmission does not parse");
    return out;
}

void write(encoding::writer& out, const forwarded_response& value) {
    out.short_bytes(value.correlation_id).tail(value.response);
}

result<forwarded_response> parse_forwarded_response(bytes_view data) {
    encoding::reader in(data);
    forwarded_response out;
    out.correlation_id = in.short_bytes();
    out.response = in.tail();
    if (!in.ok()) return make_error(failure::syntax, "a forwarded response does not parse");
    return out;
}

result<bytes> seal_proxied_command(const crypto::box_key& key, bytes_view correlation_id,
                                   bytes_view content) {
    return crypto::seal_padded(key, command_nonce(correlation_id), content, proxied_padded_size);
}
result<bytes> open_proxied_command(const crypto::box_key& key, bytes_view correlation_id,
                                   bytes_view encrypted) {
    return crypto::open_padded(key, command_nonce(correlation_id), encrypted);
}
result<bytes> seal_proxied_response(const crypto::box_key& key, bytes_view correlation_id,
                                    bytes_view content) {
    return crypto::seal_padded(key, response_nonce(correlation_id), content, proxied_padded_size);
}
result<bytes> open_proxied_response(const crypto::box_key& key, bytes_view correlation_id,
                                    bytes_view encrypted) {
    return crypto::open_padded(key, response_nonce(correlation_id), encrypted);
}

bytes seal_forwarded(const crypto::box_key& key, bytes_view correlation_id, bytes_view content) {
    return crypto::seal(key, command_nonce(correlation_id), content);
}
result<bytes> open_forwarded(const crypto::box_key& key, bytes_view correlation_id, bytes_view encrypted) {
    return crypto::open(key, command_nonce(correlation_id), encrypted);
}
bytes seal_forwarded_response(const crypto::box_key& key, bytes_view correlation_id, bytes_view content) {
    return crypto::seal(key, response_nonce(correlation_id), content);
}
result<bytes> open_forwarded_response(const crypto::box_key& key, bytes_view correlation_id,
                                      bytes_view encrypted) {
    return crypto::open(key, response_nonce(correlation_id), encrypted);
}

} // namespace plexus::smp
