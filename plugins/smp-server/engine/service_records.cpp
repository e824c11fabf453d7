#include "services.hpp"

#include "plexus/crypto/hash.hpp"
#include "plexus/encoding/reader.hpp"
#include "plexus/encoding/writer.hpp"

namespace plexus::smp_server {
namespace {

constexpr std::uint8_t record_form = 1;
constexpr std::size_t most_certificates = 4;

} // namespace

bytes encode(const service_record& value) {
    bytes out;
    encoding::writer to(out);
    to.u8(record_form).u8(static_cast<std::uint8_t>(value.role)).raw(value.fingerprint).i64(value.created);
    to.list_count(value.chain.size());
    for (const auto& each : value.chain) to.large_bytes(each);
    return out;
}

std::optional<service_record> decode_service(bytes_view data) {
    encoding::reader in(data);
    service_record out;
    if (in.u8() != record_form) in.fail();
    const auto role = in.u8();
    if (role > static_cast<std::uint8_t>(smp::service_role::proxy)) in.fail();
    out.role = static_cast<smp::service_role>(role);
    out.fingerprint = in.array<std::tuple_size_v<smp::key_hash>>();
    out.created = in.i64();
    const std::size_t count = in.list_count();
    if (count > most_certificates) in.fail();
    for (std::size_t i = 0; i < count && in.ok(); ++i) out.chain.push_back(to_bytes(in.large_bytes()));
    if (!in.done()) return std::nullopt;
    return out;
}

identifier new_service_id(const smp::key_hash& server, smp::service_role role,
                          const smp::key_hash& fingerprint) {
    const std::array<std::uint8_t, 1> kind{static_cast<std::uint8_t>(role)};
    const auto hash =
        crypto::sha512({as_bytes(std::string_view("plexus service")), server, kind, fingerprint});
    identifier out;
    std::copy_n(hash.begin(), out.size(), out.begin());
    return out;
}

bytes served_key(const identifier& service_id, bytes_view entity) {
    auto out = to_bytes(bytes_view(service_id));
    out.insert(out.end(), entity.begin(), entity.end());
    return out;
}

bytes served_end(const identifier& service_id) {
    auto out = to_bytes(bytes_view(service_id));
    while (!out.empty() && ++out.back() == 0) out.pop_back();
    return out; // empty: the end of the table
}

} // namespace plexus::smp_server
