// What a hostile SOCKS proxy answers, in pieces as they come, and the address that a person types.
#include "plexus/socks/proxy_address.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace plexus;
    bytes_view input(data, size);
    if (const auto address = socks::parse_proxy_address(as_text(input)); address && *address) {
        const auto again = socks::parse_proxy_address(socks::to_text(**address));
        const bool named = (*address)->how == socks::authentication::password;
        if (!named && (!again || !*again || socks::to_text(**again) != socks::to_text(**address)))
            std::abort();
    }
    if (input.empty()) return 0;
    const std::size_t piece = input[0] / 2 + std::size_t{1};
    std::optional<socks::credentials> credentials;
    if (input[0] % 2 == 1) credentials.emplace();
    auto client = socks::client::make({{}, "example.com", 5223}, credentials);
    input = input.subspan(1);
    bool through = false;
    while (!input.empty()) {
        client->sent(client->output().size());
        const std::size_t count = std::min({input.size(), client->wanted(), piece});
        if (count == 0) std::abort(); // it wants something until it is through
        const auto outcome = client->received(input.first(count));
        input = input.subspan(count);
        if (!outcome) return 0;
        through = *outcome;
        if (through) break;
    }
    return 0;
}
