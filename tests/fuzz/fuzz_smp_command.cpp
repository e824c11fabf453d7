// Commands and transmissions as a server reads them. The first byte chooses the version; what parses is
// written again and must parse to the same bytes.
#include "plexus/encoding/writer.hpp"
#include "plexus/smp/command.hpp"
#include "plexus/smp/transmission.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace plexus;
    if (size == 0) return 0;
    const auto v = static_cast<smp::version>(6 + data[0] % 15);
    const bytes_view input(data + 1, size - 1);
    static_cast<void>(smp::parse_transmission(input, v));
    if (auto batch = smp::batch_reader::open(input))
        while (batch->left() > 0) static_cast<void>(smp::parse_transmission(batch->next(), v));
    const auto parsed = smp::parse_command(input, v);
    if (!parsed) return 0;
    bytes written;
    encoding::writer writer(written);
    smp::write(writer, *parsed, v);
    const auto again = smp::parse_command(written, v);
    bytes twice;
    encoding::writer second(twice);
    if (again) smp::write(second, *again, v);
    if (!again || written != twice) std::abort();
    return 0;
}
