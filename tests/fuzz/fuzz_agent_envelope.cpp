// Everything that a peer puts into a queue: client envelopes, client messages, agent envelopes and messages.
#include "plexus/agent/envelope.hpp"
#include "plexus/agent/message.hpp"

#include <cstdlib>

namespace {

using namespace plexus;

/// What was read and written again must read the same.
template <typename Parse>
void check(bytes_view data, Parse parse) {
    const auto value = parse(data);
    if (!value) return;
    const auto encoded = agent::encode(*value);
    const auto again = parse(encoded);
    if (!again || agent::encode(*again) != encoded) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const bytes_view input(data, size);
    check(input, agent::parse_client_envelope);
    check(input, agent::parse_client_message);
    check(input, agent::parse_agent_message);
    if (const auto envelope = agent::parse_agent_envelope(input)) agent::encode(*envelope);
    return 0;
}
