// Messages as a client reads them, with their errors and the information of a queue. The first byte chooses
// the version; what parses is written again and must parse to the same bytes.
#include "plexus/encoding/writer.hpp"
#include "plexus/smp/message.hpp"
#include "plexus/smp/message_body.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace plexus;
    if (size == 0) return 0;
    const auto v = static_cast<smp::version>(6 + data[0] % 15);
    const bytes_view input(data + 1, size - 1);
    static_cast<void>(smp::parse_queue_info(as_text(input)));
    static_cast<void>(smp::parse_received_body(input));
    if (const auto value = smp::parse_server_error_json(as_text(input)))
        static_cast<void>(smp::to_json(*value));
    if (const auto value = smp::parse_server_error_text(as_text(input))) {
        const auto again = smp::parse_server_error_text(smp::to_text(*value));
        if (!again || smp::to_text(*again) != smp::to_text(*value)) std::abort();
    }
    const auto parsed = smp::parse_message(input, v);
    if (!parsed) return 0;
    bytes written;
    encoding::writer writer(written);
    smp::write(writer, *parsed, v);
    const auto again = smp::parse_message(written, v);
    bytes twice;
    encoding::writer second(twice);
    if (again) smp::write(second, *again, v);
    if (!again || written != twice) std::abort();
    return 0;
}
