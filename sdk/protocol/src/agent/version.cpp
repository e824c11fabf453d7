#include "plexus/agent/version.hpp"

#include "plexus/crypto/hash.hpp"

#include <algorithm>

namespace plexus::agent {

std::string security_code(bytes_view associated_data) {
    auto number = crypto::sha256(associated_data);
    // Divides the 256-bit number by ten until nothing is left; the digits come last first.
    std::string digits;
    while (std::any_of(number.begin(), number.end(), [](auto byte) { return byte != 0; })) {
        unsigned rest = 0;
        for (auto& byte : number) {
            const unsigned value = rest << 8 | byte;
            byte = static_cast<std::uint8_t>(value / 10);
            rest = value % 10;
        }
        digits.push_back(static_cast<char>('0' + rest));
    }
    if (digits.empty()) digits = "0";
    std::reverse(digits.begin(), digits.end());

    std::string code;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        if (i > 0 && i % 5 == 0) code.push_back(' ');
        code.push_back(digits[i]);
    }
    return code;
}

} // namespace plexus::agent
