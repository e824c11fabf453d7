#include "plexus/smp/transmission.hpp"

#include "plexus/encoding/reader.hpp"
#include "plexus/encoding/writer.hpp"

#include <stdexcept>

namespace plexus::smp {

result<transmission> parse_transmission(bytes_view data, version v) {
    encoding::reader in(data);
    transmission out;
    out.authorization = in.short_bytes();
    if (v >= since::service_certificates && !out.authorization.empty() && in.maybe()) {
        out.service_signature = in.short_bytes();
        if (out.service_signature.size() != crypto::signature_size(crypto::key_type::ed25519)) in.fail();
    }
    out.sent = in.remaining();
    if (v < since::implied_session) out.session_id = in.short_bytes();
    out.correlation_id = in.short_bytes();
    out.entity_id = in.short_bytes();
    out.body = in.tail();
    if (!in.ok()) return make_error(failure::block, "a transmission ends early");
    return out;
}

void write_transmission(encoding::writer& out, version v, bytes_view session_id, bytes_view correlation_id,
                        bytes_view entity_id, bytes_view body) {
    out.u8(0);
    if (v < since::implied_session) out.short_bytes(session_id);
    out.short_bytes(correlation_id).short_bytes(entity_id).raw(body);
}

void write_authorized(encoding::writer& out, version v, bytes_view authorization,
                      bytes_view service_signature, bytes_view sent) {
    out.short_bytes(authorization);
    if (v < since::service_certificates) {
        if (!service_signature.empty()) throw std::invalid_argument("a service signature below version 16");
    } else if (!authorization.empty()) {
        out.maybe(!service_signature.empty());
        if (!service_signature.empty()) out.short_bytes(service_signature);
    }
    out.raw(sent);
}

void write_for_authorization(encoding::writer& out, bytes_view session_id, bytes_view correlation_id,
                             bytes_view entity_id, bytes_view body) {
    out.short_bytes(session_id).short_bytes(correlation_id).short_bytes(entity_id).raw(body);
}

std::size_t sent_offset(version v, bytes_view session_id) noexcept {
    return v >= since::implied_session ? 1 + session_id.size() : 0;
}

result<batch_reader> batch_reader::open(bytes_view content) {
    encoding::reader in(content);
    batch_reader out;
    out.left_ = in.non_empty_count();
    out.rest_ = in.remaining();
    for (std::size_t i = 0; i < out.left_ && in.ok(); ++i) in.large_bytes();
    if (!in.done()) return make_error(failure::block, "the content of a block is no list of transmissions");
    return out;
}

bytes_view batch_reader::next() noexcept {
    encoding::reader in(rest_);
    const auto out = in.large_bytes();
    rest_ = in.remaining();
    --left_;
    return out;
}

std::vector<std::size_t> plan_batches(std::span<const std::size_t> sizes) {
    std::vector<std::size_t> out;
    std::size_t count = 0;
    std::size_t room = 0;
    auto close = [&] {
        if (count > 0) out.push_back(count);
        count = 0;
        room = max_batch_size;
    };
    close();
    for (auto i = sizes.size(); i > 0; --i) {
        const auto size = batched_size(sizes[i - 1]);
        if (size > max_batch_size) {
            close();
            out.push_back(0);
            continue;
        }
        if (size > room || count == max_batch_count) close();
        room -= size;
        ++count;
    }
    close();
    std::reverse(out.begin(), out.end());
    return out;
}

} // namespace plexus::smp
