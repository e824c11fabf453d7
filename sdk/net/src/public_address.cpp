#include "plexus/net/public_address.hpp"

#include "plexus/net/socket.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace plexus::net {
namespace {

struct block {
    std::array<std::uint8_t, 4> base;
    unsigned bits;
};
constexpr block not_public_v4[] = {
    {{0, 0, 0, 0}, 8},      {{10, 0, 0, 0}, 8},    {{100, 64, 0, 0}, 10},   {{127, 0, 0, 0}, 8},
    {{169, 254, 0, 0}, 16}, {{172, 16, 0, 0}, 12}, {{192, 0, 0, 0}, 24},    {{192, 0, 2, 0}, 24},
    {{192, 168, 0, 0}, 16}, {{198, 18, 0, 0}, 15}, {{198, 51, 100, 0}, 24}, {{203, 0, 113, 0}, 24},
    {{224, 0, 0, 0}, 4},    {{240, 0, 0, 0}, 4},
};

std::uint32_t number(const std::uint8_t* at) noexcept {
    return std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 | at[3];
}

bool is_public_v4(const std::uint8_t* at) noexcept {
    return std::none_of(std::begin(not_public_v4), std::end(not_public_v4), [at](const block& each) {
        return (number(at) ^ number(each.base.data())) >> (32 - each.bits) == 0;
    });
}

bool begins(const std::uint8_t* at, std::initializer_list<std::uint8_t> with) noexcept {
    return std::equal(with.begin(), with.end(), at);
}

bool is_public_v6(const std::uint8_t* at) noexcept {
    if (begins(at, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff})) return is_public_v4(at + 12);    // mapped
    if (begins(at, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) return is_public_v4(at + 12); // NAT64
    if (begins(at, {0x20, 0x02})) return is_public_v4(at + 2);                                   // 6to4
    if (begins(at, {0x20, 0x01, 0x0d, 0xb8}) || begins(at, {0x3f, 0xff})) return false; // documentation
    if (begins(at, {0x20, 0x01}) && at[2] < 2) return false; // 2001::/23: Teredo and others
    return (at[0] & 0xe0) == 0x20;                           // 2000::/3, all that is given out
}

} // namespace

bool is_public(const plexus_address& address) noexcept {
    return address.family == 4 ? is_public_v4(address.bytes) : is_public_v6(address.bytes);
}

bool is_private_number(std::string_view host) {
    if (const auto address = numeric(host, 0)) return !is_public(*address);
    if (host.ends_with('.')) host.remove_suffix(1);
    const std::string_view last = host.substr(host.rfind('.') + 1);
    constexpr std::string_view digits = "0123456789";
    // "127.1" and "0x7f000001" are addresses to many resolvers; no top-level domain begins with a digit.
    return host == "localhost" || last == "localhost" ||
           (!last.empty() && digits.find(last[0]) != digits.npos);
}

} // namespace plexus::net
