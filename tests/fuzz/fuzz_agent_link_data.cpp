// The two parts of short-link data, as they stand inside their encryption, and the opening of sealed ones.
#include "plexus/agent/link_data.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace plexus;
    const bytes_view input(data, size);
    if (const auto user = agent::parse_user_link_data(input)) {
        const auto again = agent::parse_user_link_data(agent::encode(*user));
        if (!again || !(*again == *user)) std::abort();
    }
    if (const auto fixed = agent::parse_fixed_link_data(input)) agent::encode(*fixed);
    if (size < 64) return 0;

    // Sealed with a known key, so that what is inside is reached.
    const crypto::box_key key{secret_array<32>{}};
    const auto part = input.first(std::min<std::size_t>(size, 1'900));
    const auto fixed = agent::seal_fixed_link_data(key, {}, part);
    const auto user = agent::seal_user_link_data(key, {}, part);
    if (fixed && user) static_cast<void>(agent::open_link_data(bytes(32), key, *fixed, *user));
    return 0;
}
