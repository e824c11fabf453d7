// What the server keeps in its store: damaged rows are told apart, and whatever is read is written as the
// same.
#include "engine/records.hpp"
#include "engine/services.hpp"
#include "engine/statistics.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace plexus;
    using namespace plexus::smp_server;
    const bytes_view row(data, size);
    const auto stable = [](const bytes& written, const auto& read, const auto& write) {
        const auto again = read(written);
        if (!again || write(*again) != written) std::abort();
    };
    const identifier id{};
    if (const auto found = decode_queue(id, row))
        stable(
            encode(*found), [&](bytes_view text) { return decode_queue(id, text); },
            [](const queue_record& one) { return encode(one); });
    if (const auto found = decode_service(row))
        stable(encode(*found), decode_service, [](const service_record& one) { return encode(one); });
    if (const auto found = decode_message(row))
        stable(encode(id, *found), decode_message,
               [&](const stored_message& one) { return encode(id, one); });
    if (const auto found = decode_waiting(row))
        stable(encode(*found), decode_waiting, [](const waiting_list& one) { return encode(one); });
    if (const auto found = decode_notification(row))
        stable(encode(*found), decode_notification,
               [](const stored_notification& one) { return encode(one); });
    if (const auto found = decode_link(row))
        stable(encode_link(found->recipient_id, {found->fixed, found->user}), decode_link,
               [](const link_row& one) {
                   return encode_link(one.recipient_id, {one.fixed, one.user});
               });
    static_cast<void>(outline_of(row));
    static_cast<void>(decode_seconds(row));
    static_cast<void>(decode_statistics(row));
    return 0;
}
