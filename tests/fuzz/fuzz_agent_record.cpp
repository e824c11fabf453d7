// Records of the agent as they stand in its store: damaged ones are refused, good ones survive a round trip.
#include "plexus/agent/record.hpp"

#include <cstdlib>

namespace {

using namespace plexus;

template <typename Decode>
void check(Decode decode) {
    const auto value = decode();
    if (value) agent::encode(*value);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const bytes_view input(data, size);
    check([&] { return agent::decode_connection(1, input); });
    check([&] { return agent::decode_progress(input); });
    check([&] { return agent::decode_outbox_entry(input); });
    check([&] { return agent::decode_event(1, input); });
    return 0;
}
