#include "plexus/smp/message_body.hpp"

#include "plexus/encoding/padding.hpp"
#include "plexus/encoding/reader.hpp"
#include "plexus/encoding/writer.hpp"

namespace plexus::smp {
namespace {

constexpr std::string_view quota_tag = "QUOTA";
constexpr std::size_t notification_padded_size = 128;

error refuse(const char* what) { return make_error(failure::body, what); }

} // namespace

void write(encoding::writer& out, const received_body& value) {
    if (value.quota) {
        out.raw(quota_tag).character(' ').i64(value.seconds);
        return;
    }
    out.i64(value.seconds).boolean(value.flags.notification).character(' ').raw(value.body);
}

result<received_body> parse_received_body(bytes_view data) {
    encoding::reader in(data);
    received_body out;
    if (in.accept(quota_tag)) {
        encoding::reader marker = in;
        marker.expect(" ");
        out.seconds = marker.i64();
        out.quota = true;
        if (marker.done()) return out;
        // A time that begins with these letters is not of this age, but is read as one.
        in = encoding::reader(data);
        out = {};
    }
    out.seconds = in.i64();
    out.flags.notification = in.boolean();
    in.until(' ');
    in.expect(" ");
    out.body = in.tail();
    if (!in.ok()) return refuse("a received message does not parse");
    return out;
}

void seal_message_body(std::span<std::uint8_t, encrypted_body_size> out, const crypto::box_key& key,
                       bytes_view message_id, const received_body& value) {
    const auto padded = out.subspan<crypto::box_tag_size>();
    auto* at = padded.data() + 2;
    auto put = [&at](std::string_view text) { at = std::copy(text.begin(), text.end(), at); };
    auto put_time = [&] {
        for (int shift = 56; shift >= 0; shift -= 8)
            *at++ = static_cast<std::uint8_t>(static_cast<std::uint64_t>(value.seconds) >> shift);
    };
    if (value.quota) {
        put("QUOTA ");
        put_time();
    } else {
        if (value.body.size() > max_message_length(supported_versions.min))
            throw std::length_error("a message body is too large");
        put_time();
        put(value.flags.notification ? "T " : "F ");
        at = std::copy(value.body.begin(), value.body.end(), at);
    }
    encoding::pad_in_place(padded, static_cast<std::size_t>(at - padded.data()) - 2);
    crypto::seal_in_place(key, crypto::to_nonce(message_id), out);
}

result<received_body> open_message_body(const crypto::box_key& key, bytes_view message_id,
                                        bytes_span encrypted) {
    if (!crypto::open_in_place(key, crypto::to_nonce(message_id), encrypted))
        return refuse("a received message does not decrypt");
    const auto content = encoding::unpad(encrypted.subspan(crypto::box_tag_size));
    if (!content) return refuse("the length inside a received message is too large");
    return parse_received_body(*content);
}

result<bytes> seal_notification(const crypto::box_key& key, const crypto::nonce& nonce,
                                const notification_metadata& value) {
    bytes plain;
    encoding::writer(plain).short_bytes(value.message_id).i64(value.seconds);
    return crypto::seal_padded(key, nonce, plain, notification_padded_size);
}

result<opened_notification> open_notification(const crypto::box_key& key, const crypto::nonce& nonce,
                                              bytes_view encrypted) {
    PLEXUS_TRY(auto plain, crypto::open_padded(key, nonce, encrypted));
    encoding::reader in(plain);
    opened_notification out;
    out.message_id = to_bytes(in.short_bytes());
    out.seconds = in.i64();
    if (!in.ok()) return refuse("the metadata of a notification does not parse");
    return out;
}

} // namespace plexus::smp
